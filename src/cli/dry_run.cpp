#include "cli/dry_run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/child.h"
#include "cli/explain.h"
#include "cli/run.h"
#include "cli/text.h"
#include "control/explanation_codec.h"
#include "control/json_text.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/unix_listener.h"

namespace ds01::cli {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxOutput = 64UL * 1024;  // of the command, kept for when it fails on its own
constexpr std::size_t kMaxCreateBody = 4UL * 1024 * 1024;
constexpr std::size_t kMostCreates = 64;
constexpr std::string_view kNotDone = "ds01: this is a dry run, so it was not done";

// "/containers/create" without "/v1.41" in front and query behind.
std::string_view pathOf(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with("/v")) {
    const std::size_t end = target.find('/', 1);
    const std::string_view version = target.substr(2, end == target.npos ? 0 : end - 2);
    if (!version.empty() && version.find_first_not_of("0123456789.") == version.npos) target.remove_prefix(end);
  }
  return target;
}

std::string queryOf(std::string_view target, std::string_view key) {
  const std::size_t mark = target.find('?');
  std::string_view query = mark == target.npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    if (item.substr(0, item.find('=')) == key && item.size() > key.size())
      return std::string(item.substr(key.size() + 1));
  }
  return {};
}

net::HttpReply message(int status, std::string_view text) {
  return {.status = status, .body = boost::json::serialize(boost::json::object{{"message", text}}) + "\n"};
}

// A directory of our own under TMPDIR, gone with this.
class TempDirectory {
 public:
  static Result<TempDirectory> make() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "ds01-dry-run-XXXXXX").native();
    if (::mkdtemp(name.data()) == nullptr) return fail(Error::fromErrno(errno, name));  // mode 0700
    return TempDirectory(std::move(name));
  }
  TempDirectory(TempDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDirectory& operator=(TempDirectory&&) = delete;
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TempDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

struct Seen {
  std::vector<control::Explanation> creates;
  std::vector<std::string> effects;  // what else would have been done, in order, each once
  std::vector<Error> problems;       // creates that could not be explained
  std::size_t requests = 0;
  std::string output;
  int status = 0;
  bool interrupted = false;
};

// The command and the socket that it talks to, on one loop.
class Trial {
 public:
  Trial(const control::Client& client, std::string gateway_path)
      : client_(client), gateway_(io_.get_executor(), {.socket_path = std::move(gateway_path)}) {}

  Result<Seen> run(const std::vector<std::string>& command, const std::string& socket_path);

 private:
  asio::awaitable<void> accept(stream_protocol::acceptor& acceptor);
  asio::awaitable<net::HttpAnswer> answer(net::HttpRequest request);
  net::HttpReply explain(net::HttpRequest request);
  asio::awaitable<void> readOutput(asio::posix::stream_descriptor& output);
  asio::awaitable<void> waitFor(asio::posix::stream_descriptor& pidfd);
  asio::awaitable<void> passSignals(asio::signal_set& signals, pid_t child);

  const control::Client& client_;
  asio::io_context io_{1};
  net::HttpClient gateway_;
  Seen seen_;
};

Result<Seen> Trial::run(const std::vector<std::string>& command, const std::string& socket_path) {
  Result<net::UnixListener> listener = net::UnixListener::open({.path = socket_path, .mode = 0600});
  if (!listener) return fail(listener.error());
  stream_protocol::acceptor acceptor(io_, stream_protocol(), listener->takeSocket().release());
  Result<Child> child = startChild(command, {"DOCKER_HOST=unix://" + socket_path},
                                   {"DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"});
  if (!child) return fail(child.error());
  asio::posix::stream_descriptor output(io_, child->output.release());
  asio::posix::stream_descriptor pidfd(io_, child->pidfd.release());
  asio::signal_set signals(io_, SIGINT, SIGTERM);
  asio::co_spawn(io_, accept(acceptor), asio::detached);
  asio::co_spawn(io_, readOutput(output), asio::detached);
  asio::co_spawn(io_, passSignals(signals, child->pid), asio::detached);
  asio::co_spawn(io_, waitFor(pidfd), asio::detached);
  io_.run();
  // What it wrote last; others that it left behind may hold the pipe open, so no waiting.
  boost::system::error_code error;
  output.non_blocking(true, error);
  std::array<char, 4096> piece{};
  while (!error) seen_.output.append(piece.data(), output.read_some(asio::buffer(piece), error));
  seen_.status = reap(child->pid);
  return std::move(seen_);
}

asio::awaitable<void> Trial::accept(stream_protocol::acceptor& acceptor) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kToken);
    if (error) co_return;
    net::HttpHandler handler = [this](const net::HttpRequest& request) { return answer(request); };
    net::HttpServerOptions options;
    options.max_body_bytes = kMaxCreateBody;
    // A request that will not be done need not be read.
    options.head_timeout = std::chrono::minutes{10};
    asio::co_spawn(io_, net::serveHttp(std::move(socket), std::move(handler), options), asio::detached);
  }
}

asio::awaitable<net::HttpAnswer> Trial::answer(net::HttpRequest request) {
  ++seen_.requests;
  switch (treatmentOf(request.method, request.target)) {
    case Treatment::PassOn: {
      Result<net::HttpReply> reply = co_await gateway_.exchange(std::move(request));
      if (!reply) co_return message(503, "ds01: " + reply.error().message());
      co_return std::move(*reply);
    }
    case Treatment::Explain:
      co_return explain(std::move(request));
    case Treatment::Refuse:
      break;
  }
  std::string effect = effectOf(request.method, request.target);
  if (std::ranges::find(seen_.effects, effect) == seen_.effects.end()) seen_.effects.push_back(std::move(effect));
  co_return message(403, kNotDone);
}

// Blocks the loop: while the daemon decides, the command waits for exactly that.
net::HttpReply Trial::explain(net::HttpRequest request) {
  if (seen_.creates.size() >= kMostCreates) return message(403, kNotDone);
  Result<control::Explanation> answer = client_.dryRun(request.target, request.user_agent, std::move(request.body));
  if (answer) {
    seen_.creates.push_back(std::move(*answer));
  } else {
    seen_.problems.push_back(answer.error());
  }
  // 403: clients give up on it. A 404 would make them pull, a 5xx or 409 try again.
  return message(403, kNotDone);
}

asio::awaitable<void> Trial::readOutput(asio::posix::stream_descriptor& output) {
  std::array<char, 4096> piece{};
  for (;;) {
    const auto [error, count] = co_await output.async_read_some(asio::buffer(piece), kToken);
    if (error) co_return;
    seen_.output.append(piece.data(), count);
    if (seen_.output.size() > kMaxOutput) seen_.output.erase(0, seen_.output.size() - kMaxOutput);
  }
}

asio::awaitable<void> Trial::waitFor(asio::posix::stream_descriptor& pidfd) {
  co_await pidfd.async_wait(asio::posix::stream_descriptor::wait_read, kToken);
  io_.stop();
}

asio::awaitable<void> Trial::passSignals(asio::signal_set& signals, pid_t child) {
  for (;;) {
    const auto [error, signal] = co_await signals.async_wait(kToken);
    if (error) co_return;
    seen_.interrupted = true;
    ::kill(child, signal);
  }
}

Exit exitOf(const Seen& seen) {
  Exit worst = Exit::Ok;
  for (const control::Explanation& create : seen.creates) {
    if (create.outcome == control::Explanation::Outcome::Refused) return Exit::Failed;
    if (create.outcome == control::Explanation::Outcome::TryLater) worst = Exit::TryLater;
  }
  if (!seen.problems.empty()) return failure(seen.problems.front()).exit;
  return seen.creates.empty() ? Exit::Failed : worst;
}

std::string listOfEffects(const Seen& seen) {
  std::string out;
  for (const std::string& effect : seen.effects) out += fmt::format("  - {}\n", printable(effect));
  return out;
}

Outcome report(const Seen& seen, bool json, const Paper& paper) {
  Outcome outcome{.exit = exitOf(seen), .out = {}, .err = {}};
  for (const Error& problem : seen.problems) outcome.err += failure(problem).err;
  if (json) {
    boost::json::array creates;
    for (const control::Explanation& create : seen.creates) creates.push_back(control::toJson(create));
    const boost::json::object all{{"api", control::kApiVersion},
                                  {"creates", std::move(creates)},
                                  {"also", boost::json::array(seen.effects.begin(), seen.effects.end())}};
    outcome.out = control::jsonText(all, 2) + "\n";
  } else {
    for (const control::Explanation& create : seen.creates) {
      if (!outcome.out.empty()) outcome.out += "\n";
      outcome.out += explanationText(create, paper);
    }
    if (!seen.effects.empty()) {
      outcome.out +=
          (outcome.out.empty() ? "" : "\n") + std::string("It also would, and did not:\n") + listOfEffects(seen);
    }
    if (!seen.creates.empty()) outcome.out += "\nThis was a dry run: nothing was made.\n";
  }
  if (!seen.creates.empty() || !seen.problems.empty()) return outcome;
  // The command came to no create: its own words say why.
  outcome.err += seen.output;
  if (seen.requests == 0) {
    outcome.err += "ds01: the command asked no Docker by DOCKER_HOST; what it did, it did for real\n";
  } else {
    outcome.err += fmt::format("ds01: the command made no container (it ended with {})\n", seen.status);
  }
  return outcome;
}

}  // namespace

Treatment treatmentOf(std::string_view method, std::string_view target) {
  const std::string_view path = pathOf(target);
  if (method == "POST" && path == "/containers/create") return Treatment::Explain;
  if (method != "GET" && method != "HEAD") return Treatment::Refuse;
  // Reading that goes on for ever, or that turns into another protocol.
  const bool stream = path == "/events" || path.ends_with("/logs") || path.ends_with("/stats") ||
                      path.ends_with("/attach/ws") || path.ends_with("/export") || path.ends_with("/get");
  return stream ? Treatment::Refuse : Treatment::PassOn;
}

std::string effectOf(std::string_view method, std::string_view target) {
  const std::string_view path = pathOf(target);
  if (method == "POST" && path == "/images/create") {
    const std::string tag = queryOf(target, "tag");
    return fmt::format("pull {}{}", queryOf(target, "fromImage"), tag.empty() ? "" : ":" + tag);
  }
  if (method == "POST" && path == "/build") return "build an image";
  if (method == "POST" && path == "/networks/create") return "create a network";
  if (method == "POST" && path == "/volumes/create") return "create a volume";
  return fmt::format("{} {}", method, path);
}

Outcome dryRun(const std::vector<std::string>& command, const control::Client& client, bool json, const Paper& paper) {
  const Result<control::Info> info = client.info();
  if (!info) return failure(info.error());
  const Result<TempDirectory> directory = TempDirectory::make();
  if (!directory) return failure(directory.error());
  Trial trial(client, info->listen);
  const Result<Seen> seen = trial.run(command, directory->path() + "/docker.sock");
  if (!seen) return failure(seen.error());
  if (seen->interrupted) return {.exit = Exit::Failed, .out = {}, .err = "ds01: interrupted\n"};
  return report(*seen, json, paper);
}

}  // namespace ds01::cli
