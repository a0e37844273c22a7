// Cancels what waits on a socket once its time is over. I/O thread only.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <boost/asio/steady_timer.hpp>

#include "gateway/http_link.h"

namespace ds01::gateway {

// The timer's handler may run after the frame that armed it is gone, so it only looks at what they share. Whoever was
// not waiting at that moment finds out by expired().
class Deadline {
 public:
  explicit Deadline(Socket& socket)
      : timer_(socket.get_executor()), shared_(std::make_shared<Shared>(Shared{&socket})) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { shared_->socket = nullptr; }

  // `limit` runs from the first call; later ones change nothing.
  void arm(std::chrono::milliseconds limit) {
    if (latest_) return;
    timer_.expires_after(limit);
    latest_ = timer_.expiry();
    wait();
  }
  // `pause` runs anew from each call, `whole` from the first one.
  void rearm(std::chrono::milliseconds pause, std::chrono::milliseconds whole) {
    if (!latest_) {
      timer_.expires_after(whole);
      latest_ = timer_.expiry();
    }
    timer_.expires_after(pause);
    if (timer_.expiry() > *latest_) timer_.expires_at(*latest_);
    wait();
  }
  bool expired() const { return shared_->expired; }

 private:
  struct Shared {
    Socket* socket;
    bool expired = false;
  };

  void wait() {
    timer_.async_wait([shared = shared_](boost::system::error_code ec) {
      if (ec || shared->socket == nullptr) return;
      shared->expired = true;
      boost::system::error_code ignored;
      shared->socket->cancel(ignored);
    });
  }

  boost::asio::steady_timer timer_;
  std::optional<boost::asio::steady_timer::time_point> latest_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ds01::gateway
