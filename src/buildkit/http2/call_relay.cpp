#include "buildkit/http2/call_relay.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nghttp2/nghttp2.h>

namespace ds01::buildkit {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kPieceBytes = 64UL * 1024;
constexpr std::size_t kLongestPath = 256;
// Also of calls that the client has given up: their streams are free again, their work is not done.
constexpr std::size_t kMostUnderWay = 4UL * kMostStreams;

bool isInterim(const Headers& headers) {
  const std::string status = valueOf(headers, ":status");
  return status.size() == 3 && status.front() == '1';
}

const Refusal kEngineGone{GrpcCode::Unavailable, "ds01: the Docker Engine has ended the connection"};

}  // namespace

CallRelay::Pump::Pump(Socket& socket_in, Http2Side& side_in)
    : socket(socket_in),
      side(side_in),
      wake(socket_in.get_executor(), asio::steady_timer::time_point::max()),
      writer(socket_in.get_executor()) {}

CallRelay::CallRelay(Socket& client, Socket& engine, Calls& calls)
    : calls_(calls),
      down_(Http2Side::Role::Server, *this),
      up_(Http2Side::Role::Client, *this),
      client_(client, down_),
      engine_(engine, up_),
      engine_reader_(engine.get_executor()),
      changed_(engine.get_executor(), asio::steady_timer::time_point::max()) {}

CallRelay::~CallRelay() = default;

// ---- events

void CallRelay::onHeaders(Http2Side& side, StreamId stream, Headers headers, bool end) {
  if (&side == &down_) {
    if (by_client_.contains(stream)) {
      down_.reset(stream, NGHTTP2_PROTOCOL_ERROR);  // gRPC's requests have no trailers
    } else {
      begin(stream, std::move(headers), end);
    }
    return;
  }
  const auto found = by_engine_.find(stream);
  if (found != by_engine_.end()) answerHead(found->second, std::move(headers), end);
}

void CallRelay::onData(Http2Side& side, StreamId stream, std::string_view piece) {
  const bool from_client = &side == &down_;
  auto& calls = from_client ? by_client_ : by_engine_;
  const auto found = calls.find(stream);
  const CallPtr call = found == calls.end() ? nullptr : found->second;
  if (call && from_client && call->handling == Handling::Pass && call->engine != 0) {
    up_.write(call->engine, piece);  // consumed when it has been sent on
    return;
  }
  if (call && !from_client && !call->follow && call->client != 0) {
    down_.write(call->client, piece);
    return;
  }
  side.consumed(stream, piece.size());
  if (!call) return;
  if (from_client) {
    collect(call, piece);
  } else if (call->answer.size() <= kMaxMessage) {
    call->answer += piece;
  }
}

void CallRelay::onEnd(Http2Side& side, StreamId stream) {
  if (&side == &down_) {
    const auto found = by_client_.find(stream);
    if (found == by_client_.end()) return;
    const CallPtr call = found->second;
    if (call->handling == Handling::Pass) {
      if (call->engine != 0) up_.finish(call->engine, {});
    } else if (!call->answering && !call->examining) {
      call->examining = true;
      spawn(examine(call));
    }
    return;
  }
  const auto found = by_engine_.find(stream);
  if (found != by_engine_.end()) answerEnd(found->second, {});
}

void CallRelay::onClosed(Http2Side& side, StreamId stream, std::uint32_t error) {
  if (&side == &down_) {
    const auto found = by_client_.find(stream);
    if (found == by_client_.end()) return;
    const CallPtr call = found->second;
    clientGone(call);
    return;
  }
  if (const auto found = watched_.find(stream); found != watched_.end()) {
    const CallPtr call = found->second;
    watched_.erase(found);
    conclude(call);
    return;
  }
  const auto found = by_engine_.find(stream);
  if (found == by_engine_.end()) return;
  const CallPtr call = found->second;
  engineGone(call, error);
}

void CallRelay::onWritten(Http2Side& side, StreamId stream, std::size_t bytes) {
  const bool to_client = &side == &down_;
  const auto& calls = to_client ? by_client_ : by_engine_;
  const auto found = calls.find(stream);
  if (found == calls.end()) return;
  const Call& call = *found->second;
  if (to_client) {
    if (call.engine != 0) up_.consumed(call.engine, bytes);
  } else if (call.client != 0 && call.handling == Handling::Pass) {
    down_.consumed(call.client, bytes);
  }
}

// ---- calls

void CallRelay::begin(StreamId stream, Headers headers, bool end) {
  const auto call = std::make_shared<Call>();
  call->id = next_++;
  call->client = stream;
  call->head.path = valueOf(headers, ":path");
  call->head.headers = std::move(headers);
  by_client_.emplace(stream, call);
  const std::size_t under_way = by_client_.size() + by_engine_.size() + watched_.size() + at_work_;
  if (under_way > kMostUnderWay) {
    refuse(call, {GrpcCode::ResourceExhausted, "ds01: too many calls at once"});
    return;
  }
  const std::string content = valueOf(call->head.headers, "content-type");
  if (valueOf(call->head.headers, ":method") != "POST" || call->head.path.size() > kLongestPath ||
      !content.starts_with("application/grpc")) {
    refuse(call, {GrpcCode::InvalidArgument, "ds01: this is no gRPC call"});
    return;
  }
  const std::expected<Handling, Refusal> handling = calls_.begin(call->head);
  if (!handling) {
    refuse(call, handling.error());
    return;
  }
  call->handling = *handling;
  if (*handling == Handling::Pass) {
    open(call, end);
  } else if (end) {
    refuse(call, {GrpcCode::InvalidArgument, "ds01: this call has no message"});
  }
}

void CallRelay::collect(const CallPtr& call, std::string_view piece) {
  if (call->handling != Handling::Whole || call->answering || call->examining) return;
  call->request += piece;
  held_ += piece.size();
  if (held_ <= kMaxMessage) return;
  refuse(call, {GrpcCode::ResourceExhausted, "ds01: more than 4 MiB of messages that are looked at"});
  release(*call);
}

void CallRelay::release(Call& call) {
  held_ -= call.request.size();
  call.request = {};
}

asio::awaitable<void> CallRelay::examine(CallPtr call) {
  const Result<std::string> message = oneMessage(call->request);
  release(*call);
  if (!message) {
    refuse(call, {GrpcCode::InvalidArgument, "ds01: " + message.error().message()});
    co_return;
  }
  std::expected<Examined, Refusal> examined = co_await calls_.examine(call->id, call->head.path, *message);
  if (!examined) {
    refuse(call, examined.error());
    co_return;
  }
  call->examined = std::move(*examined);
  call->follow = !call->examined.watch_path.empty();
  if (call->client == 0 || engine_ended_) {  // nothing has gone to the Engine
    conclude(call);
    co_return;
  }
  open(call, false);
  if (call->engine != 0) {
    up_.write(call->engine, framed(call->examined.message));
    up_.finish(call->engine, {});
  }
  call->examined.message = {};
}

void CallRelay::open(const CallPtr& call, bool end) {
  Result<StreamId> stream = fail(ErrorCode::Unavailable, "the Engine has gone");
  if (!engine_ended_) stream = up_.request(requestHeaders(call->head, call->handling), end);
  if (!stream) {
    if (call->follow) {
      conclude(call);
    } else {
      refuse(call, kEngineGone);
    }
    return;
  }
  call->engine = *stream;
  by_engine_.emplace(*stream, call);
}

void CallRelay::answerHead(const CallPtr& call, Headers headers, bool end) {
  const bool trailers = call->answering || !call->answer_head.empty();
  if (!trailers && isInterim(headers)) return;
  if (trailers) {
    answerEnd(call, answerHeaders(headers));
    return;
  }
  if (call->follow) {
    call->answer_head = answerHeaders(headers);
    if (end) call->answered = true;
    return;
  }
  if (call->client == 0) return;
  call->answering = true;
  call->answered = end;
  down_.respond(call->client, answerHeaders(headers), end);
}

void CallRelay::answerEnd(const CallPtr& call, Headers trailers) {
  call->answered = true;
  if (call->follow) {
    call->answer_end = std::move(trailers);
  } else if (call->client != 0) {
    down_.finish(call->client, std::move(trailers));
  }
}

void CallRelay::refuse(const CallPtr& call, const Refusal& refusal) {
  if (call->client == 0 || call->answering) return;
  call->answering = true;
  call->answered = true;
  down_.respond(call->client, refusalHeaders(refusal), true);
  wakeAll();
}

void CallRelay::clientGone(const CallPtr& call) {
  by_client_.erase(call->client);
  call->client = 0;
  if (!call->examining) release(*call);
  if (call->engine == 0 || call->ending) return;
  // Whoever goes away wants no more of it; what is under way at the Engine ends in its own time.
  up_.reset(call->engine, NGHTTP2_CANCEL);
  wakeAll();
}

void CallRelay::engineGone(const CallPtr& call, std::uint32_t error) {
  by_engine_.erase(call->engine);
  call->engine = 0;
  if (call->follow) {
    if (!call->answered && !engine_ended_) {
      watch(call);
    } else {
      conclude(call);
    }
    return;
  }
  if (call->client == 0 || call->answered) return;
  if (call->answering) {
    down_.reset(call->client, error == NGHTTP2_NO_ERROR ? std::uint32_t{NGHTTP2_INTERNAL_ERROR} : error);
  } else {
    refuse(call, kEngineGone);
  }
}

// Given up before it was answered: its work may still be going on.
void CallRelay::watch(const CallPtr& call) {
  const CallHead head{call->examined.watch_path, {}};
  const Result<StreamId> stream = up_.request(requestHeaders(head, Handling::Whole), false);
  if (!stream) {
    conclude(call);
    return;
  }
  watched_.emplace(*stream, call);
  up_.write(*stream, framed(call->examined.watch_message));
  up_.finish(*stream, {});
  wakeAll();
}

void CallRelay::conclude(const CallPtr& call) {
  if (call->ending || !call->follow) return;
  call->ending = true;
  spawn(settle(call));
}

asio::awaitable<void> CallRelay::settle(CallPtr call) {
  const Result<std::string> message = oneMessage(call->answer);
  co_await calls_.ended(call->id, message.value_or(std::string()));
  if (call->client == 0) co_return;
  if (call->answer_head.empty()) {
    refuse(call, kEngineGone);
    co_return;
  }
  call->answering = true;
  const bool head_only = call->answer.empty() && call->answer_end.empty();
  down_.respond(call->client, call->answer_head, head_only);
  if (!head_only) {
    down_.write(call->client, call->answer);
    down_.finish(call->client, std::move(call->answer_end));
  }
}

// ---- the connections

// What throws, for want of memory or by a fault of ours, ends the connections.
void CallRelay::spawn(asio::awaitable<void> work) {
  std::erase_if(tasks_, [](const net::SideTask& task) { return !task.running(); });
  tasks_.emplace_back(changed_.get_executor());
  const auto run = [](CallRelay& self, asio::awaitable<void> what) -> asio::awaitable<void> {
    error_code ignored;
    try {
      co_await std::move(what);
    } catch (...) {
      self.client_.socket.close(ignored);
      self.engine_.socket.close(ignored);
    }
    --self.at_work_;
    self.wakeAll();
  };
  ++at_work_;
  tasks_.back().start(run(*this, std::move(work)));
}

void CallRelay::wakeAll() {
  client_.wake.cancel();
  engine_.wake.cancel();
  changed_.cancel();
}

// Until the socket is closed; closes it when nothing more will come and what is queued has been written.
asio::awaitable<void> CallRelay::write(Pump& pump) {
  error_code ec;
  while (!ec && pump.socket.is_open()) {
    const std::string out = pump.side.take(kPieceBytes);
    if (!out.empty()) {
      pump.writing = true;
      co_await asio::async_write(pump.socket, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
      pump.writing = false;
      wakeAll();  // the other side may let its peer send more
      continue;
    }
    if (pump.closing) break;
    error_code woken;
    co_await pump.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  pump.socket.close(ec);
}

asio::awaitable<void> CallRelay::read(Pump& pump, std::string first) {
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  Status received;
  if (!first.empty()) received = pump.side.receive(first);
  while (received) {
    wakeAll();
    error_code ec;
    // Whoever does not take what it is told is not heard: each frame could ask for another answer.
    while (pump.writing && pump.socket.is_open()) {
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    const std::size_t count = co_await pump.socket.async_read_some(asio::buffer(piece.get(), kPieceBytes),
                                                                   asio::redirect_error(asio::use_awaitable, ec));
    if (ec) break;
    received = pump.side.receive(std::string_view(piece.get(), count));
  }
  wakeAll();
}

// Until no call is left whose work is followed.
asio::awaitable<void> CallRelay::untilSettled() {
  const auto busy = [this] {
    return !watched_.empty() || at_work_ > 0 ||
           std::ranges::any_of(by_engine_, [](const auto& one) { return one.second->follow; });
  };
  while (busy()) {
    error_code ignored;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

// Every call learns that it has ended, and the client gets what there is to be told.
asio::awaitable<void> CallRelay::readEngine(std::string first) {
  co_await read(engine_, std::move(first));
  engine_ended_ = true;
  const std::map<StreamId, CallPtr> open = by_engine_;
  for (const auto& [stream, call] : open) engineGone(call, NGHTTP2_INTERNAL_ERROR);
  const std::map<StreamId, CallPtr> watched = std::exchange(watched_, {});
  for (const auto& [stream, call] : watched) conclude(call);
  co_await untilSettled();
  client_.closing = true;
  wakeAll();
}

asio::awaitable<void> CallRelay::run(std::string from_client, std::string from_engine) {
  client_.writer.start(write(client_));
  engine_.writer.start(write(engine_));
  engine_reader_.start(readEngine(std::move(from_engine)));
  co_await read(client_, std::move(from_client));

  const std::map<StreamId, CallPtr> open = by_client_;
  for (const auto& [stream, call] : open) clientGone(call);
  co_await untilSettled();
  error_code ignored;
  client_.socket.close(ignored);
  engine_.socket.close(ignored);
  wakeAll();
  co_await engine_.writer.join();
  co_await client_.writer.join();
  co_await engine_reader_.join();
  for (net::SideTask& task : tasks_) co_await task.join();
}

}  // namespace ds01::buildkit
