// A small HTTP/1.1 server session for our own sockets (control API): whole messages, bounded size, keep-alive. The
// gateway has its own sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "net/http_message.h"

namespace ds01::net {

struct HttpServerOptions {
  std::size_t max_body_bytes = 1024 * 1024;
  std::chrono::milliseconds head_timeout{10'000};
};

using HttpHandler = std::function<boost::asio::awaitable<HttpReply>(const HttpRequest&)>;

// Serves one connection until it closes. Never throws.
boost::asio::awaitable<void> serveHttp(boost::asio::local::stream_protocol::socket socket, HttpHandler handler,
                                       HttpServerOptions options);

}  // namespace ds01::net
