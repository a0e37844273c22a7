// A small HTTP/1.1 server session for our own sockets (control API): bounded size, keep-alive, answers that are there
// whole or come piece by piece. The gateway has its own sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "net/http_message.h"

namespace ds01::net {

// The body of an answer without a known end, as its producer sees it. One thread. The session ends with the body.
class HttpBody {
 public:
  HttpBody() = default;
  HttpBody(const HttpBody&) = delete;
  HttpBody& operator=(const HttpBody&) = delete;
  virtual ~HttpBody() = default;

  // Comes back when the kernel has taken all of `piece`, so that nothing piles up here. False: the client is gone, or
  // took longer than HttpServerOptions::write_timeout; the producer must end.
  virtual boost::asio::awaitable<bool> write(std::string piece) = 0;

  // Comes back after wake(), also one that came before, or when the client has gone: then false, and the producer must
  // end.
  virtual boost::asio::awaitable<bool> pause() = 0;
  // May be called by anybody on the thread, also after the session has ended (the body is shared).
  virtual void wake() = 0;
};

// Sent chunked (HTTP/1.1) or until the connection closes (1.0).
struct HttpStream {
  std::string content_type;
  std::function<boost::asio::awaitable<void>(std::shared_ptr<HttpBody>)> produce;
};

using HttpAnswer = std::variant<HttpReply, HttpStream>;

struct HttpServerOptions {
  std::size_t max_body_bytes = 1024 * 1024;
  // Set: says for one head how long the body may be, at most max_body_bytes.
  std::function<std::size_t(std::string_view method, std::string_view target)> body_limit = {};
  std::chrono::milliseconds head_timeout{10'000};
  std::chrono::milliseconds write_timeout{30'000};  // for each piece of a stream
  // Whether a connection may be silent between two requests for as long as it likes: for clients that keep theirs, and
  // whose next request would be lost where it meets our closing.
  bool keep_silent = false;
  // Set: makes for each request what takes its body. max_body_bytes then is no question of memory.
  std::function<std::shared_ptr<HttpBodySink>()> open_sink = {};
};

using HttpHandler = std::function<boost::asio::awaitable<HttpAnswer>(const HttpRequest&)>;

// Serves one connection until it closes. Never throws.
boost::asio::awaitable<void> serveHttp(boost::asio::local::stream_protocol::socket socket, HttpHandler handler,
                                       HttpServerOptions options);

}  // namespace ds01::net
