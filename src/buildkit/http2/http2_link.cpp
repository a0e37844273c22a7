#include "buildkit/http2/http2_link.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace ds01::buildkit {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kPieceBytes = 64UL * 1024;
constexpr std::chrono::seconds kLastWords{30};

asio::awaitable<void> wait(asio::steady_timer& timer) {
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

Http2Link::Http2Link(Socket& socket, Http2Side& side, LinkEvents& events)
    : socket_(socket),
      side_(side),
      events_(events),
      wake_(socket.get_executor(), asio::steady_timer::time_point::max()),
      written_(socket.get_executor(), asio::steady_timer::time_point::max()),
      closed_(socket.get_executor()),
      writer_(socket.get_executor()) {}

void Http2Link::startWriting() {
  const auto run = [](Http2Link& self) -> asio::awaitable<void> {
    try {
      co_await self.write();
    } catch (...) {
      self.writing_ = false;
    }
    self.close();
  };
  writer_.start(run(*this));
}

// Until the socket is closed.
asio::awaitable<void> Http2Link::write() {
  error_code ec;
  while (!ec && socket_.is_open()) {
    const std::string out = side_.take(kPieceBytes);
    if (!out.empty()) {
      writing_ = true;
      co_await asio::async_write(socket_, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
      writing_ = false;
      written_.cancel();
      events_.onMoved();  // the other side may let its peer send more
      continue;
    }
    if (closing_) break;
    co_await wait(wake_);
  }
}

asio::awaitable<void> Http2Link::read(std::string first) {
  try {
    co_await readOn(std::move(first));
  } catch (...) {
    close();
  }
  events_.onMoved();
}

asio::awaitable<void> Http2Link::readOn(std::string first) {
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  Status received;
  if (!first.empty()) received = side_.receive(first);
  while (received) {
    events_.onMoved();
    wake();
    // Whoever does not take what it is told is not heard: each frame could ask for another answer.
    while (writing_ && socket_.is_open()) co_await wait(written_);
    error_code ec;
    const std::size_t count = co_await socket_.async_read_some(asio::buffer(piece.get(), kPieceBytes),
                                                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) break;
    received = side_.receive(std::string_view(piece.get(), count));
  }
  wake();
}

void Http2Link::wake() {
  wake_.cancel();
}

void Http2Link::close() {
  error_code ignored;
  socket_.close(ignored);
  wake_.cancel();
  written_.cancel();
  closed_.cancel();
}

asio::awaitable<void> Http2Link::finish() {
  closing_ = true;
  wake();
  closed_.expires_after(kLastWords);
  const auto until = closed_.expiry();
  bool over = false;
  while (socket_.is_open() && !over) {
    closed_.expires_at(until);
    error_code woken;
    co_await closed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    over = !woken;
  }
  close();
}

asio::awaitable<void> Http2Link::join() {
  co_await writer_.join();
}

}  // namespace ds01::buildkit
