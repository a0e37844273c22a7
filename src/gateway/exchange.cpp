#include "gateway/exchange.h"

#include <memory>
#include <span>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "gateway/deadline.h"
#include "gateway/policies.h"
#include "gateway/relay.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

std::string Exchange::name() const {
  std::string out;
  if (!match_) return out;
  for (std::size_t i = 0; i < match_->name_count; ++i) {
    if (i > 0) out += "/";
    out += target_.segments[match_->name_at + i];
  }
  return out;
}

Outgoing Exchange::outgoing() const {
  Outgoing out;
  out.method = head_.method;
  out.target = serialise(target_);
  return out;
}

Attendance Exchange::attend() {
  return {client_.socket(), {core_.options.continue_every, kMostContinues}};
}

asio::awaitable<Result<Exchange::Sent>> Exchange::send(const Outgoing& out, const std::function<void()>& before_send) {
  while (true) {
    const Result<bool> reused = co_await engine_.ensure();
    if (!reused) co_return fail(reused.error());
    core_.noteEngine(true, {});
    sent_ = sent_ || !out.ours;
    OwnHeaders own;
    std::optional<std::string_view> login;
    if (!out.ours) login = caller_.user.login;
    if (core_.options.engine_headers) own = core_.options.engine_headers(out.method, out.target, login);
    const std::string head = requestHead(out, head_, own);
    if (before_send) before_send();
    const std::string_view body = out.body ? std::string_view(*out.body) : std::string_view();
    const Status written = co_await writeAll(engine_.socket(), head, body);
    if (written) co_return Sent{*reused};
    engine_.close();
    // A kept connection that the Engine has closed meanwhile: it has read nothing of this.
    if (!*reused) co_return fail(written.error());
  }
}

asio::awaitable<Flow> Exchange::forward(Outgoing out, BodyFilter* filter, BodyGuard* guard, Judge judge) {
  if (std::optional<Denial> denial = co_await consult(*this, out)) co_return co_await deny(std::move(*denial));
  guard_ = guard;
  judge_ = std::move(judge);
  sees_to_end_ = filter != nullptr && filter->seesToEnd();
  const std::function<void()> nothing;
  const bool repeatable = (out.method == "GET" || out.method == "HEAD") && !out.stream_body && !out.body;
  while (true) {
    const Result<Sent> sent = co_await send(out, nothing);
    if (!sent) co_return co_await engineFailed(sent.error());
    body_owed_ = out.stream_body && head_.hasBody();
    if (body_owed_) {
      side_.start(streamAndWatch());
    } else {
      watchLightly();
    }
    Result<ResponseHead> response = co_await engine_.readHead(out.method == "HEAD");
    if (!response) {
      co_await stopBesides();
      engine_.close();
      if (refused_) co_return co_await deny(*refused_);
      if (client_broken_) co_return Flow::Close;
      if (sent->reused && repeatable) continue;
      co_return co_await engineFailed(response.error());
    }
    turn_.end();
    if (refused_) {
      co_await stopBesides();
      co_await readToEnd();
      engine_.close();
      co_return co_await deny(*refused_);
    }
    const bool raw_stream = !out.upgrade.empty() || (match_ && match_->route->upgrade == UpgradeKind::Tcp);
    if (raw_stream && (response->status == 101 || (response->status == 200 && response->until_close))) {
      co_return co_await upgrade(std::move(*response));
    }
    co_return co_await relayAnswer(std::move(*response), filter);
  }
}

asio::awaitable<Flow> Exchange::upgrade(ResponseHead response) {
  co_await stopBesides();
  if (client_broken_ && !engine_.socket().is_open()) co_return Flow::Close;
  const Status written = co_await writeAll(client_.socket(), responseHead(response, Framing::Upgrade, false));
  if (!written) {
    engine_.close();
    co_return Flow::Close;
  }
  std::string from_client = client_.takeBuffered();
  std::string from_engine = engine_.takeBuffered();
  if (carrier_) {
    co_await carrier_(client_.socket(), std::move(from_client), engine_.socket(), std::move(from_engine));
    co_return Flow::Close;
  }
  co_await relayRaw(client_.socket(), std::move(from_client), engine_.socket(), std::move(from_engine),
                    core_.options.drain_timeout);
  co_return Flow::Close;
}

asio::awaitable<Flow> Exchange::relayAnswer(ResponseHead response, BodyFilter* filter) {
  const bool has_body = response.has_body && response.length.value_or(1) > 0;
  const bool chunked = has_body && (!response.length || filter != nullptr);
  // An Engine that gives up on the request body says so with its answer.
  const bool giving_up = !response.keep_alive && !client_.bodyDone();
  std::string head = responseHead(response, chunked ? Framing::Chunked : Framing::AsIs, head_.close || giving_up);
  bool whole = true;
  if (has_body) {
    whole = co_await relayBody(response, std::move(head), filter);
  } else {
    if (filter != nullptr) co_await filter->end();
    const Status written = co_await writeAll(client_.socket(), head);
    whole = written.has_value();
  }
  const bool body_open = !client_.bodyDone();
  co_await stopBesides();
  if (!whole || !response.keep_alive || response.until_close || body_open || body_owed_) {
    engine_.close();
  } else {
    engine_.exchangeEnded();
  }
  if (!whole) co_return Flow::Close;
  co_return body_open ? Flow::Drain : flowAfterAnswer();
}

// Of an answer that nobody is shown.
asio::awaitable<void> Exchange::readToEnd() {
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  const std::span room(piece.get(), kPieceBytes);
  while (!engine_.bodyDone()) {
    const Result<std::size_t> count = co_await engine_.readBody(room);
    if (!count || *count == 0) co_return;
  }
}

// True: all of it has reached the client. The head goes out with the first bytes of the body if those are at hand or
// sure to follow, else at once.
asio::awaitable<bool> Exchange::relayBody(const ResponseHead& response, std::string head, BodyFilter* filter) {
  const bool chunked = !response.length || filter != nullptr;
  Socket& client = client_.socket();
  bool reaches_client = true;
  if (!response.length && !engine_.hasBuffered()) {
    reaches_client = (co_await writeAll(client, head)).has_value();
    if (!reaches_client && !sees_to_end_) co_return false;
    head.clear();
  }
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  const std::span room(piece.get(), kPieceBytes);
  std::string filtered;
  while (true) {
    const Result<std::size_t> count = co_await engine_.readBody(room);
    if (!count) {
      // The client learns from the missing end that something is missing.
      if (!head.empty()) co_await writeAll(client, head);
      co_return false;
    }
    std::string_view out(piece.get(), *count);
    if (filter != nullptr && *count > 0) {
      filtered = co_await filter->pass(out);
      out = filtered;
    }
    const bool last = *count == 0 || engine_.bodyDone();
    if (filter != nullptr && last) co_await filter->end();
    std::string_view end;
    if (chunked && !out.empty()) {
      head += fmt::format("{:x}\r\n", out.size());
      end = last ? "\r\n0\r\n\r\n" : "\r\n";
    } else if (chunked && last) {
      end = "0\r\n\r\n";
    }
    if (reaches_client && (!head.empty() || !out.empty() || !end.empty())) {
      reaches_client = (co_await writeAll(client, head, out, end)).has_value();
      if (!reaches_client && !sees_to_end_) co_return false;
    }
    head.clear();
    if (last) co_return reaches_client;
  }
}

asio::awaitable<void> Exchange::streamAndWatch() {
  co_await pumpBody();
  if (!stop_side_ && client_.bodyDone()) co_await watchClient();
}

// Most answers are there before anything comes from the client: then this is all that the watching costs.
void Exchange::watchLightly() {
  watch_ = std::make_shared<Watch>(this);
  client_.socket().async_wait(Socket::wait_read, [watch = watch_](const error_code& ec) {
    if (ec || watch->exchange == nullptr) return;
    watch->exchange->side_.start(watch->exchange->lookAtClient());
  });
}

asio::awaitable<void> Exchange::pumpBody() {
  const Status sent = co_await sendContinue();
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  const std::span room(piece.get(), kPieceBytes);
  while (sent && !stop_side_) {
    const Result<std::size_t> count = co_await client_.readBody(room);
    if (stop_side_) co_return;
    if (!count) break;
    const std::string_view out(piece.get(), *count);
    if (guard_ != nullptr) refused_ = guard_->feed(out);
    if (judge_ && !refused_) refused_ = co_await judge_();
    if (refused_ || stop_side_) break;
    Status written;
    if (!head_.chunked) {
      if (!out.empty()) written = co_await writeAll(engine_.socket(), out);
    } else if (out.empty()) {
      written = co_await writeLastChunk(engine_.socket());
    } else {
      written = co_await writeChunk(engine_.socket(), out);
    }
    // An Engine that does not read on has answered already, or is gone; whoever reads its answer finds out.
    if (written && out.empty()) body_owed_ = false;
    if (!written || out.empty()) co_return;
  }
  if (stop_side_) co_return;
  letGo();
}

// The client has gone, or what it sends must not go on: half a body must not look like a whole one. Where it counts
// what becomes of the request, the Engine, which gives up on whoever closes their side, has the last word.
void Exchange::letGo() {
  client_broken_ = true;
  if (sees_to_end_) {
    engine_.shutdownSend();
  } else {
    engine_.close();
  }
}

asio::awaitable<void> Exchange::watchClient() {
  Socket& client = client_.socket();
  error_code ec;
  co_await client.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
  if (ec || stop_side_) co_return;
  co_await lookAtClient();
}

asio::awaitable<void> Exchange::lookAtClient() {
  Socket& client = client_.socket();
  error_code ec;
  if (!hungUp(client)) {
    char byte = 0;
    std::size_t waiting = client.receive(asio::buffer(&byte, 1), Socket::message_peek, ec);
    while (ec == asio::error::would_block) {  // what there was to be read has been read meanwhile
      co_await client.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
      if (ec || stop_side_) co_return;
      waiting = client.receive(asio::buffer(&byte, 1), Socket::message_peek, ec);
    }
    // Nothing and no error: it has closed its direction, which Go takes for the wish to stop. Else the next request.
    if (waiting == 0 && ec == asio::error::eof) engine_.shutdownSend();
    co_await client.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ec));
    if (ec || stop_side_) co_return;
  }
  letGo();
}

asio::awaitable<void> Exchange::stopBesides() {
  if (watch_) {
    watch_->exchange = nullptr;
    watch_.reset();
    error_code ignored;
    if (!side_.running()) client_.socket().cancel(ignored);
  }
  if (side_.running()) {
    stop_side_ = true;
    error_code ignored;
    client_.socket().cancel(ignored);
    if (!client_.bodyDone()) engine_.close();  // its write may be what is waited for
  }
  co_await side_.join();
  stop_side_ = false;
}

asio::awaitable<void> Exchange::abandon() {
  try {
    co_await stopBesides();
  } catch (const std::exception& error) {
    spdlog::error("gateway: beside a request that failed: {}", error.what());
  }
}

// Of a question that has taken too long.
std::unexpected<Error> Exchange::givenUp() {
  engine_.close();
  return fail(ErrorCode::Timeout, fmt::format("no answer in {} ms", core_.options.question_timeout.count()));
}

asio::awaitable<Result<WholeResponse>> Exchange::ask(Outgoing out, std::function<void()> before_send) {
  against_policy_ = co_await consult(*this, out);
  if (against_policy_) co_return fail(ErrorCode::PermissionDenied, against_policy_->text);
  const bool repeatable = out.method == "GET";
  Deadline limit(engine_.socket());
  if (out.at_once) limit.arm(core_.options.question_timeout);
  while (true) {
    const Result<Sent> sent = co_await send(out, before_send);
    if (limit.expired()) co_return givenUp();
    if (!sent) co_return fail(sent.error());
    Result<ResponseHead> head = co_await engine_.readHead(out.method == "HEAD");
    if (limit.expired()) co_return givenUp();
    if (!head) {
      engine_.close();
      if (sent->reused && repeatable) continue;
      co_return fail(head.error());
    }
    WholeResponse response;
    response.head = std::move(*head);
    const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
    const std::span room(piece.get(), kPieceBytes);
    while (response.head.has_body) {
      const Result<std::size_t> count = co_await engine_.readBody(room);
      if (limit.expired()) co_return givenUp();
      Status fits;
      if (!count) {
        fits = fail(count.error());
      } else if (response.body.size() + *count > kMaxWholeAnswer) {
        fits = fail(ErrorCode::Malformed, "the answer is larger than 32 MiB");
      } else if (auto denial = answer_memory_.growTo(costOf(response.body.size() + *count, kAnswerCost))) {
        fits = fail(ErrorCode::Exhausted, std::move(denial->text));
      }
      if (!fits) {
        engine_.close();
        co_return fail(fits.error());
      }
      if (*count == 0) break;
      response.body.append(piece.get(), *count);
    }
    if (response.head.keep_alive && !response.head.until_close) {
      engine_.exchangeEnded();
    } else {
      engine_.close();
    }
    co_return response;
  }
}

asio::awaitable<Flow> Exchange::relayWhole(WholeResponse response) {
  turn_.end();
  const Flow flow = flowAfterAnswer();
  const std::string head = responseHeadFor(response.head, response.body.size(), flow != Flow::KeepAlive);
  const Status written =
      co_await writeAll(client_.socket(), head, response.head.has_body ? std::string_view(response.body) : "");
  co_return written ? flow : Flow::Close;
}

}  // namespace ds01::gateway
