#include "buildkit/http2/solve_call.h"

#include <charconv>
#include <exception>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nghttp2/nghttp2.h>

#include "buildkit/grpc.h"

namespace ds01::buildkit {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kPieceBytes = 64UL * 1024;
constexpr std::string_view kSolve = "/moby.buildkit.v1.Control/Solve";
constexpr std::string_view kStatus = "/moby.buildkit.v1.Control/Status";

std::optional<int> codeOf(const Headers& headers) {
  const std::string text = valueOf(headers, "grpc-status");
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

}  // namespace

SolveCall::SolveCall(Socket& engine, std::string solve, std::string status)
    : socket_(engine),
      solve_message_(std::move(solve)),
      status_message_(std::move(status)),
      side_(Http2Side::Role::Client, *this),
      wake_(engine.get_executor(), asio::steady_timer::time_point::max()),
      writer_(engine.get_executor()) {}

SolveCall::~SolveCall() = default;

void SolveCall::onHeaders(Http2Side& /*side*/, StreamId stream, Headers headers, bool /*end*/) {
  const std::optional<int> code = codeOf(headers);  // in trailers, or in the head of an answer that has nothing else
  if (stream == status_) followed_ = code == 0;
  if (stream != solve_ || !code) return;
  solved_.code = code;
  solved_.text = percentDecoded(valueOf(headers, "grpc-message"));
}

void SolveCall::onData(Http2Side& side, StreamId stream, std::string_view piece) {
  // What is held is bounded by what is read from the socket at once, and by the longest messages.
  side.consumed(stream, piece.size());
  if (stream == status_) {
    std::vector<std::string> messages = splitter_.feed(piece);
    told_.insert(told_.end(), std::make_move_iterator(messages.begin()), std::make_move_iterator(messages.end()));
  } else if (stream == solve_ && solved_.answer.size() <= kMaxSolveAnswer) {
    solved_.answer += piece;
  }
}

void SolveCall::onEnd(Http2Side& /*side*/, StreamId /*stream*/) {}

void SolveCall::onClosed(Http2Side& /*side*/, StreamId stream, std::uint32_t /*error*/) {
  if (stream == status_) status_ = 0;
  if (stream == solve_) solve_ = 0;
  if (!over()) return;
  // Given up, by us or by the Engine, and not followed to its end: its work may still be going on.
  if (!solved_.code && !followed_ && !std::exchange(again_, true)) follow();
  if (!over()) return;
  error_code ignored;
  socket_.cancel(ignored);  // nobody need read on
}

void SolveCall::onWritten(Http2Side& /*side*/, StreamId /*stream*/, std::size_t /*bytes*/) {}

StreamId SolveCall::call(std::string_view path, std::string_view message) {
  const CallHead head{std::string(path), {}};
  const Result<StreamId> stream = side_.request(requestHeaders(head, Handling::Whole), false);
  if (!stream) return 0;
  side_.write(*stream, framed(message));
  side_.finish(*stream, {});
  return *stream;
}

void SolveCall::follow() {
  splitter_ = MessageSplitter(kMaxStatusMessage);
  status_ = call(kStatus, status_message_);
}

void SolveCall::cancel() {
  if (std::exchange(cancelled_, true) || solve_ == 0) return;
  side_.reset(solve_, NGHTTP2_CANCEL);
  wake_.cancel();
}

void SolveCall::closeSocket() {
  error_code ignored;
  socket_.close(ignored);
  wake_.cancel();
}

asio::awaitable<void> SolveCall::write() {
  std::exception_ptr thrown;
  try {
    error_code ec;
    while (!ec && socket_.is_open()) {
      const std::string out = side_.take(kPieceBytes);
      if (!out.empty()) {
        co_await asio::async_write(socket_, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
        continue;
      }
      error_code woken;
      co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  closeSocket();
  if (thrown) std::rethrow_exception(thrown);
}

asio::awaitable<void> SolveCall::read(std::string first, const Told& told) {
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  Status received;
  if (!first.empty()) received = side_.receive(first);
  while (true) {
    wake_.cancel();
    while (!told_.empty()) {
      std::string message = std::move(told_.front());
      told_.pop_front();
      co_await told(std::move(message));
    }
    if (!received || over()) co_return;
    error_code ec;
    const std::size_t count = co_await socket_.async_read_some(asio::buffer(piece.get(), kPieceBytes),
                                                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
    received = side_.receive(std::string_view(piece.get(), count));
  }
}

asio::awaitable<Solved> SolveCall::run(std::string from_engine, Told told) {
  if (cancelled_) {  // nothing has gone to the Engine
    closeSocket();
    co_return std::move(solved_);
  }
  solve_ = call(kSolve, std::exchange(solve_message_, {}));
  follow();
  writer_.start(write());
  std::exception_ptr thrown;
  try {
    co_await read(std::move(from_engine), told);
  } catch (...) {
    thrown = std::current_exception();
  }
  closeSocket();
  co_await writer_.join();
  if (thrown) std::rethrow_exception(thrown);
  solved_.answer = oneMessage(solved_.answer).value_or(std::string());
  co_return std::move(solved_);
}

}  // namespace ds01::buildkit
