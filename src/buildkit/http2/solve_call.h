// A build that we ask BuildKit for, in the place of a client that does not speak its API: the call Solve, and beside it
// Status, by which the build is followed to its end, on a connection of its own to the Engine.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "buildkit/grpc_stream.h"
#include "buildkit/http2/http2_side.h"
#include "net/side_task.h"

namespace ds01::buildkit {

// How it has ended.
struct Solved {
  std::optional<int> code;  // gRPC's, 0 is well; unset: BuildKit has not said
  std::string text;         // the reason, if it is not well
  std::string answer;       // a SolveResponse; empty if there was none, or one that is too large to be one
};

// The most that is read of one message of a build's status, 1 MiB of log and what belongs to it; longer ones are left
// out.
inline constexpr std::size_t kMaxStatusMessage = 2UL * 1024 * 1024;
inline constexpr std::size_t kMaxSolveAnswer = 1024UL * 1024;

// One thread.
class SolveCall final : private Http2Events {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  // Takes one StatusResponse. Nothing more is read from the Engine meanwhile.
  using Told = std::function<boost::asio::awaitable<void>(std::string message)>;

  // `engine` outlives this: the connection, upgraded already. `solve` and `status`: the messages of the two calls.
  SolveCall(Socket& engine, std::string solve, std::string status);
  SolveCall(const SolveCall&) = delete;
  SolveCall& operator=(const SolveCall&) = delete;
  ~SolveCall() override;

  // Until the build has ended, also one that is cancelled. `from_engine`: what has been read already. Closes the
  // connection. Call once.
  boost::asio::awaitable<Solved> run(std::string from_engine, Told told);

  // Gives the build up; run() returns when nothing of it goes on any more. At any time.
  void cancel();
  bool cancelled() const { return cancelled_; }

 private:
  void onHeaders(Http2Side& side, StreamId stream, Headers headers, bool end) override;
  void onData(Http2Side& side, StreamId stream, std::string_view piece) override;
  void onEnd(Http2Side& side, StreamId stream) override;
  void onClosed(Http2Side& side, StreamId stream, std::uint32_t error) override;
  void onWritten(Http2Side& side, StreamId stream, std::size_t bytes) override;

  StreamId call(std::string_view path, std::string_view message);
  void follow();
  bool over() const { return solve_ == 0 && status_ == 0; }
  void closeSocket();
  boost::asio::awaitable<void> write();
  boost::asio::awaitable<void> read(std::string first, const Told& told);

  Socket& socket_;
  std::string solve_message_;
  std::string status_message_;
  Http2Side side_;
  boost::asio::steady_timer wake_;
  net::SideTask writer_;
  StreamId solve_ = 0;     // 0: not begun, or closed
  StreamId status_ = 0;    // likewise
  bool followed_ = false;  // the status has come to its end: nothing of the build goes on
  bool again_ = false;     // it has been asked for a second time
  MessageSplitter splitter_{kMaxStatusMessage};
  std::deque<std::string> told_;  // by the Engine, and not passed on yet
  Solved solved_;
  bool cancelled_ = false;
};

}  // namespace ds01::buildkit
