// A socket and what is spoken on it: carries bytes between them until one of them has ended.
#pragma once

#include <cstddef>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "buildkit/http2/http2_side.h"
#include "net/side_task.h"

namespace ds01::buildkit {

// Told after bytes have come or gone: the other link may have something to write now.
class LinkEvents {
 public:
  LinkEvents() = default;
  LinkEvents(const LinkEvents&) = delete;
  LinkEvents& operator=(const LinkEvents&) = delete;
  virtual ~LinkEvents() = default;
  virtual void onMoved() = 0;
};

// One thread. What throws, for want of memory, closes the socket.
class Http2Link {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  Http2Link(Socket& socket, Http2Side& side, LinkEvents& events);  // all outlive this

  // Call once; join() before this goes away.
  void startWriting();
  // Until the peer has ended or broken the protocol. `first`: what has been read already.
  boost::asio::awaitable<void> read(std::string first);
  // There may be something to write.
  void wake();
  // Nothing more will come: closes when what is queued has been written, or has not been taken for 30 s.
  boost::asio::awaitable<void> finish();
  void close();
  boost::asio::awaitable<void> join();

 private:
  boost::asio::awaitable<void> write();
  boost::asio::awaitable<void> readOn(std::string first);

  Socket& socket_;
  Http2Side& side_;
  LinkEvents& events_;
  boost::asio::steady_timer wake_;     // of the writer
  boost::asio::steady_timer written_;  // of the reader
  boost::asio::steady_timer closed_;   // of finish()
  net::SideTask writer_;
  bool writing_ = false;
  bool closing_ = false;
};

}  // namespace ds01::buildkit
