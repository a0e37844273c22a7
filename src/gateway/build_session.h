// What a client's session gives BuildKit (POST /session): the connection is the client's, and the Engine calls it for
// files, credentials and secrets. What it answers with files is made by the Engine as root of the host, so that is read
// (buildkit/file_sync.h); calls that this program does not know are answered for the client, with a refusal.
//
// One thread. Belongs to one exchange, which outlives it.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "buildkit/http2/call.h"
#include "gateway/exchange.h"

namespace ds01::gateway {

class SessionCalls final : public buildkit::Calls {
 public:
  explicit SessionCalls(Exchange& exchange) : exchange_(exchange) {}

  std::expected<buildkit::Handling, buildkit::Refusal> begin(const buildkit::CallHead& head) override;
  std::unique_ptr<buildkit::AnswerFilter> filterFor(const buildkit::CallHead& head) override;
  buildkit::Headers headersFor(const buildkit::CallHead& head, buildkit::Handling handling) const override;
  // Of what a client says of its answers the Engine reads more than it needs.
  buildkit::Headers answerHeadersFor(const buildkit::Headers& headers) const override;
  // No call is looked at before it is made: the Engine makes them.
  boost::asio::awaitable<std::expected<buildkit::Examined, buildkit::Refusal>> examine(buildkit::CallId id,
                                                                                       std::string path,
                                                                                       std::string message) override;
  boost::asio::awaitable<void> ended(buildkit::CallId id, std::string answer) override;

 private:
  Exchange& exchange_;
};

}  // namespace ds01::gateway
