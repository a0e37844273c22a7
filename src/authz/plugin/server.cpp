#include "authz/plugin/server.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "authz/posix/break_glass_file.h"
#include "base/time_text.h"

namespace ds01::authz::plugin {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

// dockerd keeps two connections and opens more as it needs them: one for each request that is asked about just now.
constexpr std::size_t kMostSessions = 4096;
// An answer of the Engine, in base64; passed over, not held.
constexpr std::size_t kLongestBody = std::size_t{4} * 1024 * 1024 * 1024;

class QuestionSink final : public net::HttpBodySink {
 public:
  void take(std::string_view piece) override { reader_.feed(piece); }
  Result<Question> finish() { return reader_.finish(); }

 private:
  QuestionReader reader_;
};

// The socket's mode keeps everybody else out already. Uids are as this process's user namespace has them, the host's:
// root of a container with a user namespace of its own is not 0 here.
bool isRoot(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

}  // namespace

std::optional<std::uint64_t> LineLimit::pass(Moment now) {
  if (lines_ == 0 || now - began_ > kEvery) {
    began_ = now;
    lines_ = 0;
  }
  if (lines_ >= kLines) {
    ++held_back_;
    return std::nullopt;
  }
  ++lines_;
  return std::exchange(held_back_, 0);
}

Server::Server(const Options& options)
    : glass_path_(options.break_glass), key_((options.run_dir / posix::kKeyFileName).native()), judge_(boot_.now()) {}

Status Server::prepare() {
  const auto key = key_.currentOrNew();
  return key ? Status{} : fail(key.error());
}

asio::awaitable<void> Server::serve(stream_protocol::acceptor& acceptor) {
  while (acceptor.is_open()) {
    boost::system::error_code error;
    stream_protocol::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
    if (error) {
      // Out of descriptors, most likely: try again when some may have been closed.
      asio::steady_timer timer(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    if (!isRoot(socket.native_handle()) || sessions_ >= kMostSessions) {
      if (complaints_.pass(boot_.now())) spdlog::warn("a connection that is not root's, or one too many, was closed");
      continue;
    }
    ++sessions_;
    asio::co_spawn(acceptor.get_executor(), session(std::move(socket)), [this](const std::exception_ptr& thrown) {
      --sessions_;
      if (thrown) spdlog::error("a session ended by an exception");
    });
  }
}

asio::awaitable<void> Server::session(stream_protocol::socket socket) {
  net::HttpHandler handler = [this](const net::HttpRequest& request) -> asio::awaitable<net::HttpAnswer> {
    co_return answer(request);
  };
  net::HttpServerOptions options;
  options.max_body_bytes = kLongestBody;
  options.keep_silent = true;
  options.head_timeout = std::chrono::minutes(1);  // of a long answer too
  options.open_sink = [] { return std::make_shared<QuestionSink>(); };
  co_await net::serveHttp(std::move(socket), std::move(handler), std::move(options));
}

net::HttpReply Server::answer(const net::HttpRequest& request) {
  net::HttpReply reply;
  reply.content_type = "application/vnd.docker.plugins.v1.2+json";
  if (request.target == "/Plugin.Activate") {
    reply.body = "{\"Implements\":[\"authz\"]}\n";
  } else if (request.target == "/AuthZPlugin.AuthZReq" || request.target == "/AuthZPlugin.AuthZRes") {
    reply.body = verdictJson(judge(request, request.target.ends_with("Req")));
  } else {
    reply.status = 404;
    reply.body = "{\"Err\":\"ds01-authz: there is no such call\"}\n";
  }
  return reply;
}

Verdict Server::judge(const net::HttpRequest& request, bool before) {
  const auto sink = std::static_pointer_cast<QuestionSink>(request.sink);
  Result<Question> question = sink->finish();
  if (!question) return cannotJudge(question.error());
  const auto key = key_.currentOrNew();
  // Break-glass is for days on which things are broken, the key too.
  if (!key) question->ticket.reset();
  const MacFunction none;
  const MacFunction& mac = key ? **key : none;
  const BreakGlass open = glass();
  Verdict verdict = before ? judge_.request(*question, mac, boot_.now(), open) : judge_.response(*question, mac, open);
  if (!key && !verdict.allow) return cannotJudge(key.error());
  logVerdict(verdict, *question, open, before);
  return verdict;
}

Verdict Server::cannotJudge(const Error& error) {
  if (complaints_.pass(boot_.now())) spdlog::error("refused: {}", error.message());
  Verdict verdict;
  verdict.reason = error.message();
  verdict.message = "ds01-authz cannot tell whether this may pass: " + error.message();
  return verdict;
}

BreakGlass Server::glass() {
  BreakGlass found = posix::lookAtBreakGlass(glass_path_, clock_.now());
  const std::string now_said = found.until ? "open until " + toRfc3339(*found.until) : found.problem;
  if (now_said != glass_said_) {
    glass_said_ = now_said;
    if (found.until) {
      spdlog::warn("break-glass: {} lets every request pass until {}", glass_path_, toRfc3339(*found.until));
    } else {
      spdlog::warn("break-glass: closed; {}: {}", glass_path_, now_said.empty() ? "there is no file" : now_said);
    }
  }
  return found;
}

void Server::logVerdict(const Verdict& verdict, const Question& question, const BreakGlass& glass, bool before) {
  if (verdict.broke_glass) {
    spdlog::warn("break-glass: passed until {}: {}: {}", glass.until ? toRfc3339(*glass.until) : "",
                 loggedTarget(question), verdict.reason);
    return;
  }
  if (verdict.allow) return;
  if (const auto held_back = refusals_.pass(boot_.now())) {
    if (*held_back > 0) spdlog::warn("{} refusals were not logged", *held_back);
    spdlog::warn("refused{}: {}: {}", before ? "" : " the answer", loggedTarget(question), verdict.reason);
  }
}

}  // namespace ds01::authz::plugin
