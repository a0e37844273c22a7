// What users may ask of the Engine's BuildKit by its own API (POST /grpc): to build, and to follow their own builds. It
// gives them nothing that POST /build does not: names of images are held as there, and nothing that a build needs an
// entitlement for is asked for.
//
// One thread. Belongs to one exchange, which outlives it.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "buildkit/control.h"
#include "buildkit/http2/call.h"
#include "gateway/exchange.h"
#include "gateway/image_tags.h"

namespace ds01::gateway {

class BuildCalls final : public buildkit::Calls {
 public:
  explicit BuildCalls(Exchange& exchange) : exchange_(exchange) {}

  std::expected<buildkit::Handling, buildkit::Refusal> begin(const buildkit::CallHead& head) override;
  boost::asio::awaitable<std::expected<buildkit::Examined, buildkit::Refusal>> examine(buildkit::CallId id,
                                                                                       std::string path,
                                                                                       std::string message) override;
  boost::asio::awaitable<void> ended(buildkit::CallId id, std::string answer) override;

 private:
  buildkit::Refusal refusal(Denial denial, const std::string& path);
  std::optional<Denial> claim(const std::string& ref);
  std::expected<buildkit::Examined, buildkit::Refusal> examineStatus(const std::string& path, std::string message);
  std::expected<buildkit::Examined, buildkit::Refusal> examineWithin(const std::string& path, std::string message);
  std::expected<buildkit::Examined, buildkit::Refusal> examineReturn(const std::string& path, std::string message);
  boost::asio::awaitable<std::expected<buildkit::Examined, buildkit::Refusal>> examineSolve(buildkit::CallId id,
                                                                                            std::string path,
                                                                                            std::string message);

  Exchange& exchange_;
  std::map<std::string, NameClaims::Claim> builds_;  // by ref: the caller's, while this connection lasts
  std::set<std::string> solved_;                     // of them
  std::map<buildkit::CallId, HeldTags> held_;
};

// What of such a request is not open to users. Only the Engine's own frontend for Dockerfiles writes instructions for
// BuildKit, and it takes none from elsewhere: an image named by `# syntax=` would run as a frontend of the user's,
// which can ask for more than BuildKit checks on all Engines. `uid` keeps caches of different users apart. Where names
// are given to images, they are in `tags` and written anew.
std::optional<Denial> examineSolveRequest(buildkit::SolveRequest& request, std::uint32_t uid,
                                          std::vector<docker::ImageReference>& tags);
std::optional<Denial> examineWithinRequest(buildkit::WithinRequest& request, std::uint32_t uid);

}  // namespace ds01::gateway
