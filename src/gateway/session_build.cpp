#include "gateway/session_build.h"

#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "buildkit/control.h"
#include "buildkit/http2/solve_call.h"
#include "gateway/build_lines.h"
#include "gateway/handlers.h"
#include "gateway/json_lines.h"
#include "gateway/policies.h"
#include "gateway/session_builds.h"
#include "gateway/session_query.h"
#include "gateway/solve_permit.h"
#include "net/random_id.h"
#include "net/side_task.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// The longest message of the status and its line, the answer, what is kept of a quiet build, windows.
constexpr std::size_t kBuildBytes = 8UL * 1024 * 1024;
constexpr std::size_t kMostKept = 1024UL * 1024;

std::string valueOf(const Target& target, std::string_view key) {
  const std::string* const value = target.get(key);
  return value != nullptr ? *value : std::string();
}

// Beside the build: whether the client is still there. Nothing of what it sends is read.
class ClientWatch {
 public:
  ClientWatch(Socket& client, std::function<void()> on_gone)
      : client_(client), on_gone_(std::move(on_gone)), task_(client.get_executor()) {}
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;
  ~ClientWatch() = default;

  void start() { task_.start(watch()); }
  // To be awaited while nobody writes to the client.
  asio::awaitable<void> stop() {
    over_ = true;
    error_code ignored;
    if (task_.running()) client_.cancel(ignored);
    co_await task_.join();
  }

 private:
  asio::awaitable<void> watch() {
    error_code ec;
    co_await client_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
    if (over_) co_return;
    // Its next request leaves it to be waited for; whoever has closed their direction wants no more, as Go has it.
    if (!ec && !hungUp(client_) && !saidAll()) {
      co_await client_.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ec));
      if (over_) co_return;
    }
    on_gone_();
  }
  bool saidAll() {
    error_code ec;
    char byte = 0;
    client_.receive(asio::buffer(&byte, 1), Socket::message_peek, ec);
    return ec == asio::error::eof;
  }

  Socket& client_;
  std::function<void()> on_gone_;
  net::SideTask task_;
  bool over_ = false;
};

class SessionBuild {
 public:
  // `exchange` outlives this; its connection to the Engine is upgraded.
  SessionBuild(Exchange& exchange, const SessionQuery& query, PermittedSolve permitted)
      : exchange_(exchange),
        quiet_(query.quiet),
        image_(query.image),
        held_(std::move(permitted.held)),
        call_(exchange.engineSocket(), std::move(permitted.message), buildkit::writeStatus(query.request.ref)),
        lines_(exchange.clientSocket(), exchange.flowAfterAnswer() != Flow::KeepAlive) {}

  asio::awaitable<Flow> run(std::string from_engine) {
    const std::string& login = exchange_.caller().user.login;
    const std::function<void()> cancel = [this] { call_.cancel(); };
    const SessionBuilds::Entry entry =
        exchange_.sessionBuilds().add(login, valueOf(exchange_.target(), "buildid"), cancel);
    ClientWatch watch(exchange_.clientSocket(), cancel);
    watch.start();
    buildkit::Solved solved;
    std::exception_ptr thrown;
    try {
      buildkit::SolveCall::Told told = [this](std::string message) { return tell(std::move(message)); };
      solved = co_await call_.run(std::move(from_engine), std::move(told));
    } catch (...) {
      thrown = std::current_exception();
    }
    co_await watch.stop();
    if (thrown) std::rethrow_exception(thrown);
    co_await settleSolve(exchange_, std::move(held_), solved.answer);
    co_return co_await finish(solved);
  }

 private:
  asio::awaitable<void> tell(std::string message) {
    if (!quiet_) {
      const std::string line = traceLine(message);
      co_await lines_.send(line);
      co_return;
    }
    // Shown if the build fails: then its end counts.
    kept_bytes_ += message.size();
    kept_.push_back(std::move(message));
    while (kept_bytes_ > kMostKept) {
      kept_bytes_ -= kept_.front().size();
      kept_.pop_front();
    }
  }

  std::string failureOf(const buildkit::Solved& solved, bool has_image) const {
    if (!solved.code)
      return call_.cancelled() ? "context canceled" : "ds01: the Docker Engine has broken off the build";
    if (*solved.code != 0) return solved.text.empty() ? "the build has failed" : solved.text;
    return image_ && !has_image ? "missing image id" : "";
  }

  asio::awaitable<Flow> finish(const buildkit::Solved& solved) {
    const std::vector<std::string> images = buildkit::imagesOf(solved.answer);
    const std::string failure = failureOf(solved, !images.empty());
    if (!failure.empty() && !lines_.begun() && kept_.empty()) {
      const bool malformed = solved.code == static_cast<int>(buildkit::GrpcCode::InvalidArgument);
      co_return co_await exchange_.message(malformed ? 400 : 500, failure);
    }
    for (const std::string& message : kept_) {
      if (failure.empty()) break;
      const std::string line = traceLine(message);
      co_await lines_.send(line);
    }
    const std::string id = image_ && failure.empty() ? images.front() : "";
    std::string last;
    if (!failure.empty()) {
      last = errorLine(failure);
    } else if (quiet_) {
      last = quietLine(id);
    } else if (image_) {
      last = imageLine(id);
    }
    if (!last.empty()) co_await lines_.send(last);
    co_await lines_.end();
    co_return lines_.broken() ? Flow::Close : exchange_.flowAfterAnswer();
  }

  Exchange& exchange_;
  const bool quiet_;
  const bool image_;
  HeldTags held_;
  buildkit::SolveCall call_;
  JsonLines lines_;
  std::deque<std::string> kept_;
  std::size_t kept_bytes_ = 0;
};

asio::awaitable<std::optional<Denial>> checkNoContext(Exchange& exchange) {
  if (!exchange.head().hasBody()) co_return std::nullopt;
  const std::expected<std::string, Denial> body = co_await exchange.readWholeBody();
  if (!body) co_return body.error();
  if (body->empty()) co_return std::nullopt;
  co_return Denial{400, "unexpected_body", "a build with BuildKit takes its files from the client's session"};
}

// Nobody else can follow it: its name is told to nobody.
asio::awaitable<std::expected<PermittedSolve, Denial>> permit(Exchange& exchange, buildkit::SolveRequest request) {
  if (std::optional<Denial> denial = exchange.charge(kBuildBytes)) co_return std::unexpected(std::move(*denial));
  std::expected<PermittedSolve, Denial> permitted = co_await permitSolve(exchange, std::move(request));
  if (!permitted) co_return permitted;
  // What the client has asked for; how we ask for it is ours.
  const Outgoing asked = exchange.outgoing();
  if (std::optional<Denial> denial = co_await consult(exchange, asked)) co_return std::unexpected(std::move(*denial));
  co_return permitted;
}

}  // namespace

asio::awaitable<bool> awaitSession(Exchange& exchange) {
  std::string session = valueOf(exchange.target(), "session");
  if (session.empty()) co_return true;
  std::string login = exchange.caller().user.login;
  co_await exchange.openSessions().wait(std::move(login), std::move(session), exchange.options().session_patience);
  Socket& client = exchange.clientSocket();
  co_return client.is_open() && !hungUp(client);
}

asio::awaitable<Flow> handleSessionBuild(Exchange& exchange) {
  std::expected<SessionQuery, Denial> query = readSessionQuery(exchange.target());
  if (!query) co_return co_await exchange.deny(std::move(query.error()));
  std::optional<Denial> denial = co_await checkNoContext(exchange);
  if (denial) co_return co_await exchange.deny(std::move(*denial));
  query->request.ref = net::randomHex(16);
  const std::optional<NameClaims::Claim> claim =
      exchange.buildClaims().take(query->request.ref, exchange.caller().user.login);
  std::expected<PermittedSolve, Denial> permitted = co_await permit(exchange, query->request);
  if (!permitted) co_return co_await exchange.deny(std::move(permitted.error()));
  Outgoing out = exchange.outgoing();
  out.target = "/grpc";
  out.upgrade = "h2c";
  out.judged = true;
  Result<std::string> first = co_await exchange.upgradeEngine(std::move(out));
  if (!first) co_return co_await exchange.engineFailed(first.error());
  SessionBuild build(exchange, *query, std::move(*permitted));
  co_return co_await build.run(std::move(*first));
}

asio::awaitable<Flow> handleBuildCancel(Exchange& exchange) {
  const std::string id = valueOf(exchange.target(), "id");
  if (id.empty()) co_return co_await exchange.message(400, "build ID not provided");
  const bool ours = exchange.sessionBuilds().cancel(exchange.caller().user.login, id);
  // A site that only watches lets such builds go to the Engine as they come.
  if (!ours && exchange.ports().site.rollout().of(RuleClass::Host) != Enforcement::Full) {
    Outgoing out = plainOutgoing(exchange);
    co_return co_await exchange.forward(std::move(out));
  }
  co_return co_await exchange.reply(200, "");
}

}  // namespace ds01::gateway
