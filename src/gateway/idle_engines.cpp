#include "gateway/idle_engines.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace ds01::gateway {

bool silent(boost::asio::local::stream_protocol::socket& socket) {
  char byte = 0;
  const ssize_t peeked = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void IdleEngines::give(Socket socket) {
  if (sockets_.size() >= most_ && !sockets_.empty()) sockets_.erase(sockets_.begin());
  if (most_ > 0) sockets_.push_back(std::move(socket));
}

std::optional<IdleEngines::Socket> IdleEngines::take() {
  while (!sockets_.empty()) {
    Socket socket = std::move(sockets_.back());
    sockets_.pop_back();
    if (silent(socket)) return socket;
  }
  return std::nullopt;
}

}  // namespace ds01::gateway
