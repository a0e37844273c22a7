#include "net/http_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"

namespace ds01::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;
using Deadline = asio::steady_timer::time_point;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kMaxHeadBytes = 64 * 1024;
constexpr std::size_t kStreamPieceBytes = 64 * 1024;
constexpr int kMaxInterim = 16;  // 1xx answers before the real one

struct Connection {
  explicit Connection(const asio::any_io_executor& executor) : stream(executor) {}
  Stream stream;
  beast::flat_buffer buffer{kMaxHeadBytes + kStreamPieceBytes};
};

using ConnectionPtr = std::unique_ptr<Connection>;

bool isHttpSyntax(const boost::system::error_code& code) {
  return code.category() == make_error_code(http::error::bad_method).category();
}

Error linkError(const boost::system::error_code& code, const HttpClientOptions& options) {
  if (code == beast::error::timeout) {
    return {ErrorCode::Timeout, fmt::format("{}: no answer in {} ms", options.socket_path, options.timeout.count())};
  }
  if (code == http::error::body_limit) {
    return {ErrorCode::Malformed,
            fmt::format("{}: the answer is longer than {} bytes", options.socket_path, options.max_body_bytes)};
  }
  if (code == http::error::end_of_stream || code == http::error::partial_message) {
    return {ErrorCode::Unavailable, fmt::format("{}: the link broke before the answer ended", options.socket_path)};
  }
  if (isHttpSyntax(code)) {
    return {ErrorCode::Malformed, fmt::format("{}: not an HTTP answer: {}", options.socket_path, code.message())};
  }
  return {ErrorCode::Unavailable, fmt::format("{}: {}", options.socket_path, code.message())};
}

// The link ended without one byte of an answer: what a server does that closes a kept connection meanwhile.
bool endedUnanswered(const boost::system::error_code& code) {
  return code == http::error::end_of_stream || code == asio::error::connection_reset ||
         code == asio::error::broken_pipe || code == asio::error::eof;
}

Status checkRequest(const HttpRequest& request) {
  const bool target_ok = !request.target.empty() && request.target.front() == '/' &&
                         std::ranges::all_of(request.target, [](char c) { return c > ' ' && c < 0x7f; });
  const bool method_ok =
      !request.method.empty() && std::ranges::all_of(request.method, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (target_ok && method_ok) return {};
  return fail(ErrorCode::InvalidArgument, "not a method and an encoded target to ask for");
}

http::request<http::string_body> encode(const HttpRequest& request, const HttpClientOptions& options) {
  http::request<http::string_body> out;
  out.version(11);
  out.method_string(request.method);
  out.target(request.target);
  out.set(http::field::host, "localhost");
  out.set(http::field::user_agent, request.user_agent.empty() ? "ds01" : request.user_agent);
  if (options.headers) {
    for (const auto& [name, value] : options.headers(request.method, request.target)) out.set(name, value);
  }
  if (!request.body.empty()) out.set(http::field::content_type, "application/json");
  out.body() = request.body;
  out.prepare_payload();
  return out;
}

// connect(2) on a Unix socket never says "in progress": it is done at once, or the backlog is full (EAGAIN) and there
// is nothing to wait on (the socket polls as writable; Asio would take that for connected). So it is tried again.
asio::awaitable<Status> connect(Stream& stream, const HttpClientOptions& options, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.socket_path.empty() || options.socket_path.size() >= sizeof address.sun_path) {
    co_return fail(ErrorCode::InvalidArgument, fmt::format("{}: not the path of a socket", options.socket_path));
  }
  options.socket_path.copy(address.sun_path, options.socket_path.size());

  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (auto wait = std::chrono::milliseconds{1};; wait = std::min(2 * wait, std::chrono::milliseconds{50})) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) co_return fail(Error::fromErrno(errno, options.socket_path));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      boost::system::error_code code;
      stream.socket().assign(Protocol(), socket.get(), code);
      if (code) co_return fail(linkError(code, options));
      socket.release();
      co_return Status{};
    }
    if (errno != EAGAIN && errno != EINTR) {
      co_return fail(ErrorCode::Unavailable, Error::fromErrno(errno, options.socket_path).message());
    }
    pause.expires_after(wait);
    if (pause.expiry() >= deadline) {
      co_return fail(ErrorCode::Timeout,
                     fmt::format("{}: no connection in {} ms", options.socket_path, options.timeout.count()));
    }
    const auto [code] = co_await pause.async_wait(kToken);
    if (code) co_return fail(linkError(code, options));
  }
}

// A kept connection is good if nothing is there to read: neither an end nor bytes that nobody asked for.
bool stillOpen(Stream& stream) {
  char byte = 0;
  // It does not wait.  NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
  const ssize_t got = ::recv(stream.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool describesTransfer(http::field name) {
  switch (name) {
    case http::field::content_type:
    case http::field::content_length:
    case http::field::transfer_encoding:
    case http::field::connection:
    case http::field::keep_alive:
    case http::field::date:
      return true;
    default:
      return false;
  }
}

struct Outcome {
  std::optional<Result<HttpReply>> reply;  // unset: ended without a byte of an answer, with `code`
  boost::system::error_code code;
  bool keep = false;
};

// One question and its answer on a connected stream whose deadline is set.
asio::awaitable<Outcome> converse(Connection& link, const http::request<http::string_body>& question,
                                  const HttpClientOptions& options) {
  Outcome outcome;
  const auto [write_code, written] = co_await http::async_write(link.stream, question, kToken);
  // A server may answer and close before it has read all: the answer counts, so a broken pipe is looked at below.
  if (write_code && !endedUnanswered(write_code)) {
    outcome.reply.emplace(fail(linkError(write_code, options)));
    co_return outcome;
  }
  bool got_some = false;
  for (int interim = 0; interim <= kMaxInterim; ++interim) {
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxHeadBytes);
    parser.body_limit(options.max_body_bytes);
    parser.skip(question.method() == http::verb::head);
    const auto [code, bytes] = co_await http::async_read(link.stream, link.buffer, parser, kToken);
    got_some = got_some || parser.got_some() || link.buffer.size() > 0;
    if (code) {
      outcome.code = code;
      if (got_some || !endedUnanswered(code)) outcome.reply.emplace(fail(linkError(code, options)));
      co_return outcome;
    }
    http::response<http::string_body>& answer = parser.get();
    const unsigned status = answer.result_int();
    if (status < 200 && status != 101) continue;
    HttpReply reply;
    reply.status = static_cast<int>(status);
    reply.content_type = std::string(answer[http::field::content_type]);
    for (const auto& field : answer) {
      if (!describesTransfer(field.name())) reply.headers.emplace_back(field.name_string(), field.value());
    }
    reply.body = std::move(answer.body());
    outcome.keep = !write_code && status != 101 && parser.keep_alive() && link.buffer.size() == 0;
    outcome.reply.emplace(std::move(reply));
    co_return outcome;
  }
  outcome.reply.emplace(fail(ErrorCode::Malformed, fmt::format("{}: only interim answers", options.socket_path)));
  co_return outcome;
}

// Passes the body on as it comes until it ends.
asio::awaitable<Status> passBody(Connection& link, http::response_parser<http::buffer_body>& parser,
                                 const HttpClientOptions& options,
                                 const std::function<bool(std::string_view)>& on_data) {
  std::vector<char> piece(kStreamPieceBytes);
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    const auto [code, bytes] = co_await http::async_read_some(link.stream, link.buffer, parser, kToken);
    const std::size_t got = piece.size() - parser.get().body().size;
    if (got > 0 && !on_data({piece.data(), got})) co_return Status{};
    if (code && code != http::error::need_buffer) co_return fail(linkError(code, options));
  }
  co_return Status{};
}

}  // namespace

struct HttpClient::Pool {
  asio::any_io_executor executor;
  HttpClientOptions options;
  std::vector<ConnectionPtr> idle;
  bool closed = false;

  // A kept connection that is still open, or nothing.
  ConnectionPtr takeIdle() {
    while (!idle.empty()) {
      ConnectionPtr link = std::move(idle.back());
      idle.pop_back();
      if (stillOpen(link->stream)) return link;
    }
    return nullptr;
  }

  void giveBack(ConnectionPtr link) {
    if (closed || idle.size() >= options.max_idle_connections) return;
    link->stream.expires_never();
    idle.push_back(std::move(link));
  }

  // Static, so that the frame itself keeps the pool: the client may be destroyed meanwhile.
  static asio::awaitable<Result<HttpReply>> exchange(std::shared_ptr<Pool> pool, HttpRequest request);
  static asio::awaitable<Status> stream(std::shared_ptr<Pool> pool, HttpRequest request,
                                        std::function<void(int)> on_head, std::function<bool(std::string_view)> on_data,
                                        TimeLimit limited);
};

asio::awaitable<Result<HttpReply>> HttpClient::Pool::exchange(std::shared_ptr<Pool> pool, HttpRequest request) try {
  if (const Status valid = checkRequest(request); !valid) co_return fail(valid.error());
  const bool may_repeat = request.method == "GET" || request.method == "HEAD";
  http::request<http::string_body> question = encode(request, pool->options);
  asio::steady_timer limit(pool->executor);
  limit.expires_after(pool->options.timeout);
  const Deadline deadline = limit.expiry();

  if (ConnectionPtr link = pool->takeIdle()) {
    link->stream.expires_at(deadline);
    Outcome outcome = co_await converse(*link, question, pool->options);
    if (outcome.reply) {
      if (outcome.keep) pool->giveBack(std::move(link));
      co_return std::move(*outcome.reply);
    }
    if (!may_repeat) co_return fail(linkError(outcome.code, pool->options));
    question = encode(request, pool->options);
  }
  auto link = std::make_unique<Connection>(pool->executor);
  if (const Status connected = co_await connect(link->stream, pool->options, deadline); !connected) {
    co_return fail(connected.error());
  }
  link->stream.expires_at(deadline);
  Outcome outcome = co_await converse(*link, question, pool->options);
  if (!outcome.reply) co_return fail(linkError(outcome.code, pool->options));
  if (outcome.keep) pool->giveBack(std::move(link));
  co_return std::move(*outcome.reply);
} catch (const std::exception& error) {
  co_return fail(ErrorCode::Unavailable, fmt::format("the question was given up: {}", error.what()));
}

asio::awaitable<Status> HttpClient::Pool::stream(std::shared_ptr<Pool> pool, HttpRequest request,
                                                 std::function<void(int)> on_head,
                                                 std::function<bool(std::string_view)> on_data, TimeLimit limited) try {
  if (const Status valid = checkRequest(request); !valid) co_return fail(valid.error());
  const http::request<http::string_body> question = encode(request, pool->options);
  asio::steady_timer limit(pool->executor);
  limit.expires_after(pool->options.timeout);
  const Deadline deadline = limit.expiry();

  Connection link(pool->executor);
  if (const Status connected = co_await connect(link.stream, pool->options, deadline); !connected) {
    co_return fail(connected.error());
  }
  link.stream.expires_at(deadline);
  const auto [write_code, written] = co_await http::async_write(link.stream, question, kToken);
  if (write_code) co_return fail(linkError(write_code, pool->options));
  for (int interim = 0; interim <= kMaxInterim; ++interim) {
    http::response_parser<http::buffer_body> parser;
    parser.header_limit(kMaxHeadBytes);
    parser.body_limit(boost::none);
    const auto [code, bytes] = co_await http::async_read_header(link.stream, link.buffer, parser, kToken);
    if (code) co_return fail(linkError(code, pool->options));
    const unsigned status = parser.get().result_int();
    if (status < 200 && status != 101) continue;
    if (limited == TimeLimit::Head) link.stream.expires_never();
    on_head(static_cast<int>(status));
    co_return co_await passBody(link, parser, pool->options, on_data);
  }
  co_return fail(ErrorCode::Malformed, fmt::format("{}: only interim answers", pool->options.socket_path));
} catch (const std::exception& error) {
  co_return fail(ErrorCode::Unavailable, fmt::format("the stream was given up: {}", error.what()));
}

HttpClient::HttpClient(asio::any_io_executor executor, HttpClientOptions options)
    : pool_(std::make_shared<Pool>(Pool{std::move(executor), std::move(options), {}, false})) {}

HttpClient::~HttpClient() {
  pool_->closed = true;
  pool_->idle.clear();
}

asio::awaitable<Result<HttpReply>> HttpClient::exchange(HttpRequest request) {
  return Pool::exchange(pool_, std::move(request));
}

asio::awaitable<Status> HttpClient::stream(HttpRequest request, std::function<void(int status)> on_head,
                                           std::function<bool(std::string_view)> on_data, TimeLimit limited) {
  return Pool::stream(pool_, std::move(request), std::move(on_head), std::move(on_data), limited);
}

Result<HttpReply> exchangeBlocking(HttpClientOptions options, HttpRequest request) {
  asio::io_context loop{1};
  options.max_idle_connections = 0;
  HttpClient client(loop.get_executor(), std::move(options));
  auto reply = std::make_shared<Result<HttpReply>>(fail(ErrorCode::Internal, "the loop ended without an answer"));
  asio::co_spawn(loop, client.exchange(std::move(request)),
                 [reply](const std::exception_ptr& error, Result<HttpReply> value) {
                   if (!error) *reply = std::move(value);
                 });
  loop.run();
  return std::move(*reply);
}

Status streamBlocking(HttpClientOptions options, HttpRequest request, std::function<void(int status)> on_head,
                      std::function<bool(std::string_view)> on_data) {
  asio::io_context loop{1};
  options.max_idle_connections = 0;
  HttpClient client(loop.get_executor(), std::move(options));
  auto outcome = std::make_shared<Status>(fail(ErrorCode::Internal, "the loop ended without an answer"));
  asio::co_spawn(loop, client.stream(std::move(request), std::move(on_head), std::move(on_data)),
                 [outcome](const std::exception_ptr& error, Status value) {
                   if (!error) *outcome = std::move(value);
                 });
  loop.run();
  return std::move(*outcome);
}

}  // namespace ds01::net
