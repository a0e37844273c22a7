#include "buildkit/http2/call_relay.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <nghttp2/nghttp2.h>

namespace ds01::buildkit {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kLongestPath = 256;
// Of an answer that is read: the most that waits for the caller before more of it is let come.
constexpr std::size_t kMostQueued = 64UL * 1024;
// Also of calls that the caller has given up: their streams are free again, their work is not done.
constexpr std::size_t kMostUnderWay = 4UL * kMostStreams;

bool isInterim(const Headers& headers) {
  const std::string status = valueOf(headers, ":status");
  return status.size() == 3 && status.front() == '1';
}

const Refusal kCalleeGone{GrpcCode::Unavailable, "ds01: who is called has ended the connection"};

}  // namespace

CallRelay::CallRelay(Socket& caller, Socket& callee, Calls& calls)
    : calls_(calls),
      down_(Http2Side::Role::Server, *this),
      up_(Http2Side::Role::Client, *this),
      caller_(caller, down_, *this),
      callee_(callee, up_, *this),
      callee_reader_(callee.get_executor()),
      changed_(callee.get_executor(), asio::steady_timer::time_point::max()) {}

CallRelay::~CallRelay() = default;

// ---- events

void CallRelay::onHeaders(Http2Side& side, StreamId stream, Headers headers, bool end) {
  if (&side == &down_) {
    if (by_caller_.contains(stream)) {
      down_.reset(stream, NGHTTP2_PROTOCOL_ERROR);  // gRPC's requests have no trailers
    } else {
      begin(stream, std::move(headers), end);
    }
    return;
  }
  const auto found = by_callee_.find(stream);
  if (found != by_callee_.end()) answerHead(found->second, std::move(headers), end);
}

void CallRelay::onData(Http2Side& side, StreamId stream, std::string_view piece) {
  const bool from_caller = &side == &down_;
  auto& calls = from_caller ? by_caller_ : by_callee_;
  const auto found = calls.find(stream);
  const CallPtr call = found == calls.end() ? nullptr : found->second;
  if (call && from_caller && call->handling == Handling::Pass && call->callee != 0) {
    up_.write(call->callee, piece);  // consumed when it has been sent on
    return;
  }
  if (call && !from_caller && !call->follow && call->caller != 0 && !call->cut) {
    if (call->reader) {
      filterAnswer(call, piece);
    } else {
      down_.write(call->caller, piece);
    }
    return;
  }
  side.consumed(stream, piece.size());
  if (!call || call->cut) return;
  if (from_caller) {
    collect(call, piece);
  } else if (call->answer.size() <= kMaxMessage) {
    call->answer += piece;
  }
}

void CallRelay::onEnd(Http2Side& side, StreamId stream) {
  if (&side == &down_) {
    const auto found = by_caller_.find(stream);
    if (found == by_caller_.end()) return;
    const CallPtr call = found->second;
    if (call->handling == Handling::Pass) {
      if (call->callee != 0) up_.finish(call->callee, {});
    } else if (!call->answering && !call->examining) {
      call->examining = true;
      spawn(examine(call));
    }
    return;
  }
  const auto found = by_callee_.find(stream);
  if (found != by_callee_.end()) answerEnd(found->second, {});
}

void CallRelay::onClosed(Http2Side& side, StreamId stream, std::uint32_t error) {
  if (&side == &down_) {
    const auto found = by_caller_.find(stream);
    if (found == by_caller_.end()) return;
    const CallPtr call = found->second;
    callerGone(call);
    return;
  }
  if (const auto found = watched_.find(stream); found != watched_.end()) {
    const CallPtr call = found->second;
    watched_.erase(found);
    conclude(call);
    return;
  }
  const auto found = by_callee_.find(stream);
  if (found == by_callee_.end()) return;
  const CallPtr call = found->second;
  calleeGone(call, error);
}

void CallRelay::onWritten(Http2Side& side, StreamId stream, std::size_t bytes) {
  const bool to_caller = &side == &down_;
  const auto& calls = to_caller ? by_caller_ : by_callee_;
  const auto found = calls.find(stream);
  if (found == calls.end()) return;
  Call& call = *found->second;
  if (to_caller) {
    if (call.reader) {
      call.reader->queued -= std::min(bytes, call.reader->queued);
      acknowledge(call);
    } else if (call.callee != 0) {
      up_.consumed(call.callee, bytes);
    }
  } else if (call.caller != 0 && call.handling == Handling::Pass) {
    down_.consumed(call.caller, bytes);
  }
}

// ---- calls

void CallRelay::begin(StreamId stream, Headers headers, bool end) {
  const auto call = std::make_shared<Call>();
  call->id = next_++;
  call->caller = stream;
  call->head.path = valueOf(headers, ":path");
  call->head.headers = std::move(headers);
  by_caller_.emplace(stream, call);
  const std::size_t under_way = by_caller_.size() + by_callee_.size() + watched_.size() + at_work_;
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
  if (std::unique_ptr<AnswerFilter> filter = calls_.filterFor(call->head)) {
    Messages messages(filter->longestMessage());
    call->reader.emplace(AnswerReader{std::move(filter), std::move(messages), 0, 0});
  }
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
  if (call->caller == 0 || callee_ended_) {  // nothing has gone to the Engine
    conclude(call);
    co_return;
  }
  open(call, false);
  if (call->callee != 0) {
    up_.write(call->callee, framed(call->examined.message));
    up_.finish(call->callee, {});
  }
  call->examined.message = {};
}

void CallRelay::open(const CallPtr& call, bool end) {
  Result<StreamId> stream = fail(ErrorCode::Unavailable, "the Engine has gone");
  if (!callee_ended_) stream = up_.request(calls_.headersFor(call->head, call->handling), end);
  if (!stream) {
    if (call->follow) {
      conclude(call);
    } else {
      refuse(call, kCalleeGone);
    }
    return;
  }
  call->callee = *stream;
  by_callee_.emplace(*stream, call);
}

void CallRelay::answerHead(const CallPtr& call, Headers headers, bool end) {
  if (call->cut) return;
  const bool trailers = call->answering || !call->answer_head.empty();
  if (!trailers && isInterim(headers)) return;
  if (trailers) {
    answerEnd(call, calls_.answerHeadersFor(headers));
    return;
  }
  if (call->follow) {
    call->answer_head = calls_.answerHeadersFor(headers);
    if (end) call->answered = true;
    return;
  }
  if (call->caller == 0) return;
  call->answering = true;
  call->answered = end;
  down_.respond(call->caller, calls_.answerHeadersFor(headers), end);
}

// The messages that are whole; what they become waits for the caller.
void CallRelay::filterAnswer(const CallPtr& call, std::string_view piece) {
  AnswerReader& reader = *call->reader;
  reader.owed += piece.size();
  reader.messages.add(piece);
  while (true) {
    Result<std::optional<std::string>> message = reader.messages.next();
    if (!message) {
      cut(call, {GrpcCode::InvalidArgument, "ds01: " + message.error().message()});
      return;
    }
    if (!*message) break;
    const std::expected<std::string, Refusal> passed = reader.filter->next(**message);
    if (!passed) {
      cut(call, passed.error());
      return;
    }
    const std::string out = framed(*passed);
    reader.queued += out.size();
    down_.write(call->caller, out);
  }
  acknowledge(*call);
}

void CallRelay::acknowledge(Call& call) {
  if (call.reader->queued > kMostQueued || call.callee == 0) return;
  up_.consumed(call.callee, std::exchange(call.reader->owed, 0));
}

// Nothing more of its answer goes on, and no more is wanted.
void CallRelay::cut(const CallPtr& call, const Refusal& refusal) {
  call->cut = true;
  if (call->answering) {
    call->answered = true;
    down_.finish(call->caller, refusalTrailers(refusal));
  } else {
    refuse(call, refusal);
  }
  if (call->callee != 0) up_.reset(call->callee, NGHTTP2_CANCEL);
}

void CallRelay::answerEnd(const CallPtr& call, Headers trailers) {
  if (call->cut) return;
  call->answered = true;
  if (call->follow) {
    call->answer_end = std::move(trailers);
  } else if (call->caller != 0) {
    down_.finish(call->caller, std::move(trailers));
  }
}

void CallRelay::refuse(const CallPtr& call, const Refusal& refusal) {
  if (call->caller == 0 || call->answering) return;
  call->answering = true;
  call->answered = true;
  down_.respond(call->caller, refusalHeaders(refusal), true);
  onMoved();
}

void CallRelay::callerGone(const CallPtr& call) {
  by_caller_.erase(call->caller);
  call->caller = 0;
  if (!call->examining) release(*call);
  if (call->callee == 0 || call->ending) return;
  // Whoever goes away wants no more of it; what is under way at the Engine ends in its own time.
  up_.reset(call->callee, NGHTTP2_CANCEL);
  onMoved();
}

void CallRelay::calleeGone(const CallPtr& call, std::uint32_t error) {
  by_callee_.erase(call->callee);
  call->callee = 0;
  if (call->follow) {
    if (!call->answered && !callee_ended_) {
      watch(call);
    } else {
      conclude(call);
    }
    return;
  }
  if (call->caller == 0 || call->answered) return;
  if (call->answering) {
    down_.reset(call->caller, error == NGHTTP2_NO_ERROR ? std::uint32_t{NGHTTP2_INTERNAL_ERROR} : error);
  } else {
    refuse(call, kCalleeGone);
  }
}

// Given up before it was answered: its work may still be going on.
void CallRelay::watch(const CallPtr& call) {
  const CallHead head{call->examined.watch_path, {}};
  const Result<StreamId> stream = up_.request(calls_.headersFor(head, Handling::Whole), false);
  if (!stream) {
    conclude(call);
    return;
  }
  watched_.emplace(*stream, call);
  up_.write(*stream, framed(call->examined.watch_message));
  up_.finish(*stream, {});
  onMoved();
}

void CallRelay::conclude(const CallPtr& call) {
  if (call->ending || !call->follow) return;
  call->ending = true;
  spawn(settle(call));
}

asio::awaitable<void> CallRelay::settle(CallPtr call) {
  const Result<std::string> message = oneMessage(call->answer);
  co_await calls_.ended(call->id, message.value_or(std::string()));
  if (call->caller == 0) co_return;
  if (call->answer_head.empty()) {
    refuse(call, kCalleeGone);
    co_return;
  }
  call->answering = true;
  const bool head_only = call->answer.empty() && call->answer_end.empty();
  down_.respond(call->caller, call->answer_head, head_only);
  if (!head_only) {
    down_.write(call->caller, call->answer);
    down_.finish(call->caller, std::move(call->answer_end));
  }
}

}  // namespace ds01::buildkit
