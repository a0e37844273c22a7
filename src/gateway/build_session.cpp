#include "gateway/build_session.h"

#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "buildkit/file_sync.h"
#include "buildkit/http2/call_relay.h"
#include "gateway/handlers.h"
#include "gateway/open_sessions.h"
#include "net/random_id.h"
#include "net/side_task.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using buildkit::CallHead;
using buildkit::GrpcCode;
using buildkit::Refusal;

namespace {

constexpr std::string_view kFiles = "/moby.filesync.v1.FileSync/DiffCopy";
constexpr std::string_view kSharedKey = "X-Docker-Expose-Session-Sharedkey";
// What is held of the files on all streams (each a packet, what waits for the Engine, and what is known of the
// entries), and the streams' windows.
constexpr std::size_t kSessionBytes = 16UL * 1024 * 1024;

// Not known on purpose: files as one tar, which the Engine would unpack by itself (FileSync/TarStream), stores of
// images (containerd.services.content.v1), and what is only asked of sessions by builds that are refused.
bool isKnown(std::string_view path) {
  static constexpr std::array<std::string_view, 11> kKnown{
      kFiles,
      "/moby.filesync.v1.FileSend/DiffCopy",  // the Engine sends: the result of a build
      "/moby.filesync.v1.Auth/Credentials",
      "/moby.filesync.v1.Auth/FetchToken",
      "/moby.filesync.v1.Auth/GetTokenAuthority",
      "/moby.filesync.v1.Auth/VerifyTokenAuthority",
      "/moby.buildkit.secrets.v1.Secrets/GetSecret",
      "/moby.sshforward.v1.SSH/CheckAgent",
      "/moby.sshforward.v1.SSH/ForwardAgent",
      "/grpc.health.v1.Health/Check",
      "/grpc.health.v1.Health/Watch"};
  return std::ranges::find(kKnown, path) != kKnown.end();
}

class FileFilter final : public buildkit::AnswerFilter {
 public:
  explicit FileFilter(Exchange& exchange) : exchange_(exchange) {}

  std::size_t longestMessage() const override { return buildkit::kMaxPacket; }
  std::expected<std::string, Refusal> next(std::string_view message) override {
    Result<std::string> passed = files_.next(message);
    if (passed) return std::move(*passed);
    Denial denial{400, "build_file",
                  fmt::format("these files cannot be a build's context: {}", passed.error().message())};
    return std::unexpected(
        Refusal{GrpcCode::InvalidArgument, exchange_.refuseCall(std::move(denial), std::string(kFiles))});
  }

 private:
  Exchange& exchange_;
  buildkit::SentFiles files_;
};

// BuildKit compares what it is sent with what it has been sent before under the session's key, and takes from there
// what seems to be the same: another user's files, or links and modes that have been there before. So each session
// sends all.
Outgoing withKeyOfItsOwn(const Exchange& exchange) {
  Outgoing out = plainOutgoing(exchange);
  out.instead = {std::string(kSharedKey), "ds01-" + net::randomHex(16)};
  return out;
}

}  // namespace

std::expected<buildkit::Handling, Refusal> SessionCalls::begin(const CallHead& head) {
  if (isKnown(head.path)) return buildkit::Handling::Pass;
  return std::unexpected(
      Refusal{GrpcCode::Unimplemented, fmt::format("ds01: {} is not open to sessions on this server", head.path)});
}

std::unique_ptr<buildkit::AnswerFilter> SessionCalls::filterFor(const CallHead& head) {
  if (head.path != kFiles) return nullptr;
  return std::make_unique<FileFilter>(exchange_);
}

buildkit::Headers SessionCalls::headersFor(const CallHead& head, buildkit::Handling /*handling*/) const {
  return buildkit::engineHeaders(head);
}

buildkit::Headers SessionCalls::answerHeadersFor(const buildkit::Headers& headers) const {
  static constexpr std::array<std::string_view, 4> kNeeded{":status", "content-type", "grpc-status", "grpc-message"};
  buildkit::Headers out;
  for (const auto& header : headers) {
    if (std::ranges::find(kNeeded, header.first) != kNeeded.end()) out.push_back(header);
  }
  return out;
}

asio::awaitable<std::expected<buildkit::Examined, Refusal>> SessionCalls::examine(buildkit::CallId /*id*/,
                                                                                  std::string /*path*/,
                                                                                  std::string /*message*/) {
  co_return std::unexpected(Refusal{GrpcCode::Unimplemented, "ds01: not a call of a session"});
}

asio::awaitable<void> SessionCalls::ended(buildkit::CallId /*id*/, std::string /*answer*/) {
  co_return;
}

namespace {

// What serves the session speaks first; then its client can end it.
asio::awaitable<void> noteBeginning(Socket& client, OpenSessions::Entry& entry) {
  boost::system::error_code ec;
  co_await client.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
  if (!ec) entry.begun();
}

asio::awaitable<void> carrySession(Exchange& exchange, SessionCalls& calls, Socket& client, std::string from_client,
                                   Socket& engine, std::string from_engine) {
  const std::string* const id = exchange.head().find("X-Docker-Expose-Session-Uuid");
  OpenSessions::Entry entry(exchange.openSessions(), exchange.caller().user.login, id != nullptr ? *id : "");
  if (!from_client.empty()) entry.begun();
  net::SideTask beginning(client.get_executor());
  beginning.start(noteBeginning(client, entry));
  std::exception_ptr thrown;
  try {
    buildkit::CallRelay relay(engine, client, calls);  // the Engine is who calls
    co_await relay.run(std::move(from_engine), std::move(from_client));
  } catch (...) {
    thrown = std::current_exception();
  }
  boost::system::error_code ignored;
  client.close(ignored);
  co_await beginning.join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

asio::awaitable<Flow> handleSession(Exchange& exchange) {
  if (exchange.head().upgrade != "h2c") {
    Denial denial{400, "session_upgrade", "a build session must ask for an upgrade to h2c"};
    co_return co_await exchange.deny(std::move(denial));
  }
  Outgoing out = withKeyOfItsOwn(exchange);
  if (std::optional<Denial> denial = exchange.charge(kSessionBytes)) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  SessionCalls calls(exchange);
  exchange.carryBy([&](Socket& client, std::string from_client, Socket& engine, std::string from_engine) {
    return carrySession(exchange, calls, client, std::move(from_client), engine, std::move(from_engine));
  });
  co_return co_await exchange.forward(std::move(out));
}

}  // namespace ds01::gateway
