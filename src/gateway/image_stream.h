// What the Engine tells while it builds, loads or imports: JSON objects one after the other.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docker/event_splitter.h"
#include "gateway/exchange.h"

namespace ds01::gateway {

// Passes everything and tells of the images that came to be before the client can act on it.
class ImageIds final : public BodyFilter {
 public:
  // Of a build {"aux":{"ID":…}}, of an import {"status":…}, of a commit {"Id":…}; of a load also {"stream":"Loaded
  // image ID: …"} and of a quiet build {"stream":ID}, both of which the output of a build's step could be; but where
  // that is shown, after a failure, the id is not alone.
  enum class Of { Build, QuietBuild, Load };

  using Settle = std::function<boost::asio::awaitable<void>(std::vector<std::string> ids)>;

  ImageIds(Of of, Settle settle) : of_(of), settle_(std::move(settle)) {}
  boost::asio::awaitable<std::string> pass(std::string_view piece) override;
  // To be called when the answer was not whole, too; settles once.
  boost::asio::awaitable<void> end() override;
  // Whoever hangs up ends no claim while the Engine is at it.
  bool seesToEnd() const override { return true; }

 private:
  void look(std::string_view text);

  Of of_;
  Settle settle_;
  bool ended_ = false;
  bool broken_ = false;
  docker::EventSplitter splitter_;
  std::size_t objects_ = 0;
  std::vector<std::string> ids_;
};

}  // namespace ds01::gateway
