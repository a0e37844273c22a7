// gRPC calls from a client to the Engine over one connection each, decided one by one. The two connections are
// separate: what reaches the Engine is written here, from calls that were let through.
//
// A call whose work goes on when its client has gone is followed to its end, so that what was decided for it holds
// until then.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "buildkit/http2/call.h"
#include "buildkit/http2/http2_side.h"
#include "net/side_task.h"

namespace ds01::buildkit {

class CallRelay final : private Http2Events {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  // All outlive this. One thread.
  CallRelay(Socket& client, Socket& engine, Calls& calls);
  CallRelay(const CallRelay&) = delete;
  CallRelay& operator=(const CallRelay&) = delete;
  ~CallRelay() override;

  // Until one of them has ended and no call's work goes on. `from_client`, `from_engine`: what has been read already.
  // Closes both. Call once.
  boost::asio::awaitable<void> run(std::string from_client, std::string from_engine);

 private:
  struct Call {
    CallId id = 0;
    CallHead head;
    Handling handling = Handling::Pass;
    StreamId client = 0;  // 0: gone
    StreamId engine = 0;  // 0: not opened, or gone
    bool answering = false;
    bool answered = false;  // whole, to the client
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
  struct Pump {
    Pump(Socket& socket_in, Http2Side& side_in);
    Socket& socket;
    Http2Side& side;
    boost::asio::steady_timer wake;
    net::SideTask writer;
    bool writing = false;
    bool closing = false;  // nothing more will come; what is queued is written
  };

  void onHeaders(Http2Side& side, StreamId stream, Headers headers, bool end) override;
  void onData(Http2Side& side, StreamId stream, std::string_view piece) override;
  void onEnd(Http2Side& side, StreamId stream) override;
  void onClosed(Http2Side& side, StreamId stream, std::uint32_t error) override;
  void onWritten(Http2Side& side, StreamId stream, std::size_t bytes) override;

  void begin(StreamId stream, Headers headers, bool end);
  void collect(const CallPtr& call, std::string_view piece);
  void release(Call& call);
  void answerHead(const CallPtr& call, Headers headers, bool end);
  void answerEnd(const CallPtr& call, Headers trailers);
  void refuse(const CallPtr& call, const Refusal& refusal);
  void clientGone(const CallPtr& call);
  void engineGone(const CallPtr& call, std::uint32_t error);
  void open(const CallPtr& call, bool end);
  void watch(const CallPtr& call);
  void conclude(const CallPtr& call);
  void spawn(boost::asio::awaitable<void> work);
  boost::asio::awaitable<void> examine(CallPtr call);
  boost::asio::awaitable<void> settle(CallPtr call);

  boost::asio::awaitable<void> write(Pump& pump);
  boost::asio::awaitable<void> read(Pump& pump, std::string first);
  boost::asio::awaitable<void> readEngine(std::string first);
  void wakeAll();
  boost::asio::awaitable<void> untilSettled();

  Calls& calls_;
  Http2Side down_;
  Http2Side up_;
  Pump client_;
  Pump engine_;
  net::SideTask engine_reader_;
  boost::asio::steady_timer changed_;
  CallId next_ = 1;
  std::map<StreamId, CallPtr> by_client_;
  std::map<StreamId, CallPtr> by_engine_;
  std::map<StreamId, CallPtr> watched_;  // by the stream of the call that watches
  std::list<net::SideTask> tasks_;
  std::size_t at_work_ = 0;  // of them
  std::size_t held_ = 0;     // of requests that are looked at
  bool engine_ended_ = false;
};

}  // namespace ds01::buildkit
