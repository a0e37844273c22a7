// gRPC calls over one connection from who calls and one to who is called, decided one by one. The two connections are
// separate: what goes on is written here. Either of them may be the Engine: it calls its clients over their sessions.
//
// A call whose work goes on when its caller has gone is followed to its end, so that what was decided for it holds
// until then.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "buildkit/grpc.h"
#include "buildkit/http2/call.h"
#include "buildkit/http2/http2_link.h"
#include "buildkit/http2/http2_side.h"
#include "net/side_task.h"

namespace ds01::buildkit {

class CallRelay final : private Http2Events, private LinkEvents {
 public:
  using Socket = Http2Link::Socket;

  // All outlive this. One thread.
  CallRelay(Socket& caller, Socket& callee, Calls& calls);
  CallRelay(const CallRelay&) = delete;
  CallRelay& operator=(const CallRelay&) = delete;
  ~CallRelay() override;

  // Until one of them has ended and no call's work goes on. `from_caller`, `from_callee`: what has been read already.
  // Closes both. Call once.
  boost::asio::awaitable<void> run(std::string from_caller, std::string from_callee);

 private:
  struct AnswerReader {
    std::unique_ptr<AnswerFilter> filter;
    Messages messages;
    std::size_t queued = 0;  // for the caller, and not on its way yet
    std::size_t owed = 0;    // received and not acknowledged
  };
  struct Call {
    CallId id = 0;
    CallHead head;
    Handling handling = Handling::Pass;
    StreamId caller = 0;  // 0: gone
    StreamId callee = 0;  // 0: not opened, or gone
    bool answering = false;
    bool answered = false;  // whole, to the caller
    bool cut = false;       // its answer was refused on the way
    std::optional<AnswerReader> reader;
    // Of those that are looked at.
    std::string request;
    bool examining = false;
    bool follow = false;  // the answer is kept until ended() is through
    Examined examined;
    Headers answer_head;
    std::string answer;
    Headers answer_end;
    bool ending = false;
  };
  using CallPtr = std::shared_ptr<Call>;
  void onHeaders(Http2Side& side, StreamId stream, Headers headers, bool end) override;
  void onData(Http2Side& side, StreamId stream, std::string_view piece) override;
  void onEnd(Http2Side& side, StreamId stream) override;
  void onClosed(Http2Side& side, StreamId stream, std::uint32_t error) override;
  void onWritten(Http2Side& side, StreamId stream, std::size_t bytes) override;
  void onMoved() override;

  void begin(StreamId stream, Headers headers, bool end);
  void collect(const CallPtr& call, std::string_view piece);
  void release(Call& call);
  void answerHead(const CallPtr& call, Headers headers, bool end);
  void filterAnswer(const CallPtr& call, std::string_view piece);
  void acknowledge(Call& call);
  void cut(const CallPtr& call, const Refusal& refusal);
  void answerEnd(const CallPtr& call, Headers trailers);
  void refuse(const CallPtr& call, const Refusal& refusal);
  void callerGone(const CallPtr& call);
  void calleeGone(const CallPtr& call, std::uint32_t error);
  void open(const CallPtr& call, bool end);
  void watch(const CallPtr& call);
  void conclude(const CallPtr& call);
  void spawn(boost::asio::awaitable<void> work);
  boost::asio::awaitable<void> examine(CallPtr call);
  boost::asio::awaitable<void> settle(CallPtr call);

  boost::asio::awaitable<void> readCaller(std::string first);
  boost::asio::awaitable<void> readCallee(std::string first);
  boost::asio::awaitable<void> untilSettled();
  void endCalls();
  void closeBoth();

  Calls& calls_;
  Http2Side down_;
  Http2Side up_;
  Http2Link caller_;
  Http2Link callee_;
  net::SideTask callee_reader_;
  boost::asio::steady_timer changed_;
  CallId next_ = 1;
  std::map<StreamId, CallPtr> by_caller_;
  std::map<StreamId, CallPtr> by_callee_;
  std::map<StreamId, CallPtr> watched_;  // by the stream of the call that watches
  std::list<net::SideTask> tasks_;
  std::size_t at_work_ = 0;  // of them
  std::size_t held_ = 0;     // of requests that are looked at
  bool callee_ended_ = false;
};

}  // namespace ds01::buildkit
