// Answers of the Engine with the owner's folders where it says pins.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "gateway/exchange.h"
#include "gateway/pinning.h"

namespace ds01::gateway {

// In any text that is, or stands in, JSON: each path of a pin of `login`'s (of anybody's if empty) becomes the
// folder's, escaped for a JSON string. True: there were some.
bool showSources(std::string& text, const Pins& pins, std::string_view login);

// An inspect answer (after showSources() or before): HostConfig.Mounts that were HostConfig.Binds are there again.
void showBinds(boost::json::value& inspected, const Pins& pins, std::string_view login);

// showSources() for an answer that streams. Of a path that is cut by the end of a piece the beginning waits for the
// next.
class SourceFilter final : public BodyFilter {
 public:
  // Both outlive this.
  SourceFilter(const Pins& pins, std::string_view login) : pins_(pins), login_(login) {}
  boost::asio::awaitable<std::string> pass(std::string_view piece) override;

 private:
  const Pins& pins_;
  std::string_view login_;
  std::string waiting_;
};

}  // namespace ds01::gateway
