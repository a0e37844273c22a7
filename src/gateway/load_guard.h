// Looks through the tar that POST /images/load carries for the tags that it would set: in manifest.json (docker save),
// repositories (before Docker 1.10) and index.json (OCI image layout, read by Engines with containerd's image store).
// The Engine unpacks all of it before it sets any.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docker/image_reference.h"
#include "gateway/tar_guard.h"

namespace ds01::gateway {

class LoadGuard final : public TarGuard {
 public:
  // Of the tags in one of these files, before the Engine has the whole of it; a denial ends the request.
  using Judge = std::function<boost::asio::awaitable<std::optional<Denial>>(std::vector<docker::ImageReference>)>;
  static constexpr std::size_t kMaxIndex = 1024UL * 1024;  // bytes, of all of these files together
  static constexpr std::size_t kMostNames = 500;           // likewise

  explicit LoadGuard(Judge judge) : judge_(std::move(judge)) {}
  boost::asio::awaitable<std::optional<Denial>> judge() override;

 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view bytes, bool last) override;
  Denial compressed() const override;

 private:
  std::optional<Denial> readIndex();

  Judge judge_;
  bool is_index_ = false;  // the entry that is being read
  bool repositories_ = false;
  std::string index_;
  std::size_t index_bytes_ = 0;
  std::size_t names_ = 0;
  std::vector<docker::ImageReference> found_;  // not judged yet
};

}  // namespace ds01::gateway
