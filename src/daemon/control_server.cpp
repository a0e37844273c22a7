#include "daemon/control_server.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include "daemon/background.h"
#include "net/http_server.h"

namespace ds01::daemon {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

constexpr std::size_t kMaxBodyBytes = 4 * 1024 * 1024;  // of any route

// Whose session it is for the caps only; what may be seen is decided on identify()'s answer.
std::uint32_t peerUid(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : static_cast<uid_t>(-1);
}

}  // namespace

// Counts a session as long as it lives.
class ControlServer::Place {
 public:
  Place(std::shared_ptr<ControlSessions> sessions, std::uint32_t uid) : sessions_(std::move(sessions)), uid_(uid) {
    ++sessions_->all;
    ++sessions_->by_uid[uid_];
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    --sessions_->all;
    if (--sessions_->by_uid[uid_] == 0) sessions_->by_uid.erase(uid_);
  }

  // Root is not kept out by what others have open.
  bool withinCaps() const {
    return sessions_->by_uid[uid_] <= ControlSessions::kMostPerUid &&
           (uid_ == 0 || sessions_->all <= ControlSessions::kMost);
  }

 private:
  std::shared_ptr<ControlSessions> sessions_;
  std::uint32_t uid_;
};

asio::awaitable<void> ControlServer::serve(stream_protocol::acceptor& acceptor) {
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
    auto place = std::make_unique<Place>(sessions_, peerUid(socket.native_handle()));
    if (!place->withinCaps()) continue;  // closes the socket
    runBeside(acceptor.get_executor(), session(std::move(socket), std::move(place)), "a session of the control API");
  }
}

asio::awaitable<void> ControlServer::session(stream_protocol::socket socket, std::unique_ptr<Place>) {
  const auto peer = co_await identities_.identify(socket.native_handle());
  net::HttpHandler answer = [this, &peer](const net::HttpRequest& request) -> asio::awaitable<net::HttpAnswer> {
    if (!peer) co_return control::errorReply(peer.error().http_status, "ds01: " + peer.error().text);
    if (!(*peer)->alive()) {
      co_return control::errorReply(403, "ds01: the process that opened this connection has exited");
    }
    Caller caller = (*peer)->caller();
    co_return co_await router_.handle(request, std::move(caller));
  };
  net::HttpServerOptions options;
  options.max_body_bytes = kMaxBodyBytes;
  options.body_limit = [this](std::string_view method, std::string_view target) {
    return router_.maxBodyBytes(method, target);
  };
  co_await net::serveHttp(std::move(socket), std::move(answer), options);
}

}  // namespace ds01::daemon
