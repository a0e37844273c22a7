#include "net/http_server.h"

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace ds01::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;
using Parser = http::request_parser<http::string_body>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kMaxHeadBytes = 16 * 1024;

HttpReply problem(int status, std::string_view sentence) {
  HttpReply reply;
  reply.status = status;
  reply.body = "{\"message\":\"" + std::string(sentence) + "\"}";
  return reply;
}

// What a request that cannot be read is answered with; nothing if the client has gone or said nothing in time.
std::optional<HttpReply> complaint(const boost::system::error_code& code) {
  if (code == http::error::body_limit) return problem(413, "the body is too long");
  if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    return problem(431, "the head is too long");
  }
  if (code == http::error::end_of_stream || code == http::error::partial_message) return std::nullopt;
  if (code.category() == make_error_code(http::error::bad_method).category()) return problem(400, "not HTTP");
  return std::nullopt;
}

asio::awaitable<HttpReply> handle(const HttpHandler& handler, const HttpRequest& request) try {
  co_return co_await handler(request);
} catch (const std::exception&) {
  co_return problem(500, "the request failed inside");
}

// False: the connection cannot be used further.
asio::awaitable<bool> answer(Stream& stream, HttpReply reply, unsigned version, bool keep_alive, bool head_only) {
  http::response<http::string_body> message;
  message.version(version);
  message.result(static_cast<unsigned>(reply.status));
  message.keep_alive(keep_alive);
  if (!reply.body.empty()) message.set(http::field::content_type, reply.content_type);
  message.body() = std::move(reply.body);
  message.prepare_payload();
  if (head_only) message.body().clear();  // the length stays
  const auto [code, bytes] = co_await http::async_write(stream, message, kToken);
  co_return !code && keep_alive;
}

// One request and its answer; false when the connection is done.
asio::awaitable<bool> serveOne(Stream& stream, beast::flat_buffer& buffer, const HttpHandler& handler,
                               const HttpServerOptions& options) {
  Parser parser;
  parser.header_limit(kMaxHeadBytes);
  parser.body_limit(options.max_body_bytes);
  stream.expires_after(options.head_timeout);
  auto [code, bytes] = co_await http::async_read_header(stream, buffer, parser, kToken);
  if (!code && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, parser.get().version());
    std::tie(code, bytes) = co_await http::async_write(stream, go_on, kToken);
  }
  if (!code) {
    stream.expires_after(options.head_timeout);
    std::tie(code, bytes) = co_await http::async_read(stream, buffer, parser, kToken);
  }
  if (code) {
    if (std::optional<HttpReply> reply = complaint(code)) {
      co_await answer(stream, std::move(*reply), 11, false, false);
    }
    co_return false;
  }
  const http::request<http::string_body>& message = parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.body = message.body();
  const bool head_only = message.method() == http::verb::head;
  stream.expires_never();
  HttpReply reply = co_await handle(handler, request);
  stream.expires_after(options.head_timeout);
  co_return co_await answer(stream, std::move(reply), message.version(), message.keep_alive(), head_only);
}

}  // namespace

asio::awaitable<void> serveHttp(Protocol::socket socket, HttpHandler handler, HttpServerOptions options) {
  try {
    Stream stream(std::move(socket));
    beast::flat_buffer buffer{kMaxHeadBytes + options.max_body_bytes};
    while (co_await serveOne(stream, buffer, handler, options)) {
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(Protocol::socket::shutdown_send, ignored);
  } catch (const std::exception&) {
    // Memory ran out or the session was cancelled: the connection closes, which is all the peer needs to know.
  }
}

}  // namespace ds01::net
