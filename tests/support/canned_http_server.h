// A server on a Unix socket that answers each connection with bytes that the test chose, so that clients can be shown
// broken answers too. One request a connection; runs on a thread of its own until destroyed.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

namespace ds01::test {

class CannedHttpServer {
 public:
  // `answer` gets the request's head and returns all that is sent back before the connection closes. It is called on
  // the server's thread.
  using Answer = std::function<std::string(std::string_view head)>;

  CannedHttpServer(const std::string& path, Answer answer) : answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof address.sun_path - 1));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 8) != 0) {
      throw std::system_error(errno, std::generic_category(), "listen on " + path);
    }
    thread_ = std::thread([this] { serve(); });
  }
  CannedHttpServer(const CannedHttpServer&) = delete;
  CannedHttpServer& operator=(const CannedHttpServer&) = delete;
  ~CannedHttpServer() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }

  static std::string reply(int status, std::string_view body) {
    return "HTTP/1.1 " + std::to_string(status) +
           " Status\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + std::string(body);
  }

 private:
  bool wait(int fd) const {
    pollfd fds[] = {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    return ::poll(fds, 2, -1) > 0 && fds[1].revents == 0;
  }

  void serve() const {
    while (wait(listener_.get())) {
      const Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) continue;
      std::string head;
      char buffer[4096];
      while (head.find("\r\n\r\n") == std::string::npos && wait(peer.get())) {
        const ssize_t count = ::read(peer.get(), buffer, sizeof buffer);
        if (count <= 0) break;
        head.append(buffer, static_cast<std::size_t>(count));
      }
      if (head.empty()) continue;
      const std::string bytes = answer_(head);
      ::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
  }

  Answer answer_;
  Fd listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  Fd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

}  // namespace ds01::test
