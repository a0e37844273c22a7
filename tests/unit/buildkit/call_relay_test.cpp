// A client and an Engine, both by Http2Side, with the relay between them.
#include "buildkit/http2/call_relay.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "support/asio_runner.h"

namespace ds01::buildkit {
namespace {

namespace asio = boost::asio;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Socket = CallRelay::Socket;

struct Stream {
  Headers head;
  Headers trailers;
  std::string body;
  bool ended = false;
  std::optional<std::uint32_t> closed;
};

class Peer final : public Http2Events {
 public:
  Peer(Http2Side::Role role, Socket socket)
      : side(role, *this),
        socket_(std::move(socket)),
        wake_(socket_.get_executor()),
        tasks_(socket_.get_executor()),
        writer_(socket_.get_executor()) {
    tasks_.start(read());
    writer_.start(write());
  }

  Http2Side side;
  std::map<StreamId, Stream> streams;
  std::function<void(StreamId)> on_request = [](StreamId) {};
  bool over = false;

  void flush() { wake_.cancel(); }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    flush();
  }
  bool done() const { return !tasks_.running() && !writer_.running(); }

 private:
  void onHeaders(Http2Side& /*side*/, StreamId id, Headers headers, bool end) override {
    Stream& stream = streams[id];
    (stream.head.empty() ? stream.head : stream.trailers) = std::move(headers);
    if (end) ended(id);
  }
  void onData(Http2Side& from, StreamId id, std::string_view piece) override {
    streams[id].body += piece;
    if (reading) from.consumed(id, piece.size());
  }
  void onEnd(Http2Side& /*side*/, StreamId id) override { ended(id); }
  void onClosed(Http2Side& /*side*/, StreamId id, std::uint32_t error) override { streams[id].closed = error; }
  void onWritten(Http2Side& /*side*/, StreamId /*id*/, std::size_t bytes) override { written += bytes; }
  void ended(StreamId id) {
    streams[id].ended = true;
    on_request(id);
  }

  asio::awaitable<void> read() {
    std::vector<char> piece(4096);
    boost::system::error_code ec;
    while (true) {
      const std::size_t count =
          co_await socket_.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, ec));
      if (ec || !side.receive({piece.data(), count})) break;
      flush();
    }
    over = true;
    close();
  }
  asio::awaitable<void> write() {
    boost::system::error_code ec;
    while (!ec && socket_.is_open()) {
      const std::string out = side.take(4096);
      if (!out.empty()) {
        co_await asio::async_write(socket_, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
        continue;
      }
      wake_.expires_at(asio::steady_timer::time_point::max());
      boost::system::error_code ignored;
      co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

 public:
  bool reading = true;
  std::size_t written = 0;

 private:
  Socket socket_;
  asio::steady_timer wake_;
  net::SideTask tasks_;
  net::SideTask writer_;
};

// "bad" ends the call; of anything else the first half goes on.
class Halves final : public AnswerFilter {
 public:
  std::size_t longestMessage() const override { return 100UL * 1024; }
  std::expected<std::string, Refusal> next(std::string_view message) override {
    if (message == "bad") return std::unexpected(Refusal{GrpcCode::InvalidArgument, "ds01: bad answer"});
    return std::string(message.substr(0, message.size() / 2));
  }
};

class Rules final : public Calls {
 public:
  std::unique_ptr<AnswerFilter> filterFor(const CallHead& head) override {
    return head.path == "/filtered" ? std::make_unique<Halves>() : nullptr;
  }
  std::expected<Handling, Refusal> begin(const CallHead& head) override {
    begun.push_back(head.path);
    if (head.path == "/closed") return std::unexpected(Refusal{GrpcCode::PermissionDenied, "ds01: no, 100%"});
    return head.path.starts_with("/whole") ? Handling::Whole : Handling::Pass;
  }
  asio::awaitable<std::expected<Examined, Refusal>> examine(CallId /*id*/, std::string path,
                                                            std::string message) override {
    if (message == "bad") co_return std::unexpected(Refusal{GrpcCode::InvalidArgument, "ds01: bad"});
    const bool follow = path == "/whole/followed";
    co_return Examined{"<" + message + ">", follow ? "/watch" : "", follow ? "w" : ""};
  }
  asio::awaitable<void> ended(CallId /*id*/, std::string answer) override {
    endings.push_back(std::move(answer));
    co_return;
  }
  std::vector<std::string> begun;
  std::vector<std::string> endings;
};

class CallRelayTest : public ::testing::Test {
 protected:
  CallRelayTest() {
    Socket client(runner.context());
    Socket from_client(runner.context());
    Socket to_engine(runner.context());
    Socket engine_socket(runner.context());
    asio::local::connect_pair(client, from_client);
    asio::local::connect_pair(to_engine, engine_socket);
    sockets = std::make_unique<std::pair<Socket, Socket>>(std::move(from_client), std::move(to_engine));
    relay = std::make_unique<CallRelay>(sockets->first, sockets->second, rules);
    running = std::make_unique<net::SideTask>(sockets->first.get_executor());
    running->start(relay->run("", ""));
    user = std::make_unique<Peer>(Http2Side::Role::Client, std::move(client));
    engine = std::make_unique<Peer>(Http2Side::Role::Server, std::move(engine_socket));
    engine->on_request = [this](StreamId id) { answer(id); };
  }
  ~CallRelayTest() override {
    user->close();
    engine->close();
    runner.turn([&] { return !running->running() && user->done() && engine->done(); });
  }

  void answer(StreamId id) {
    const std::string path = valueOf(engine->streams[id].head, ":path");
    if (holding.contains(path)) return;
    engine->side.respond(id, {{":status", "200"}, {"content-type", "application/grpc"}, {"x-more", "1"}}, false);
    engine->side.write(id, framed("answer"));
    engine->side.finish(id, {{"grpc-status", "0"}});
  }

  StreamId call(const std::string& path, std::optional<std::string> message, bool end = true, Headers more = {}) {
    Headers head{{":method", "POST"},
                 {":scheme", "http"},
                 {":path", path},
                 {":authority", "x"},
                 {"content-type", "application/grpc"},
                 {"te", "trailers"}};
    head.insert(head.end(), more.begin(), more.end());
    const StreamId id = user->side.request(head, false).value();
    if (message) user->side.write(id, framed(*message));
    if (end) user->side.finish(id, {});
    user->flush();
    return id;
  }
  Stream& finished(StreamId id) {
    runner.turn([&] { return user->streams[id].ended || user->streams[id].closed; });
    return user->streams[id];
  }
  std::vector<std::string> engineGot() {
    std::vector<std::string> got;
    for (const auto& [id, stream] : engine->streams) got.push_back(valueOf(stream.head, ":path") + " " + stream.body);
    return got;
  }

  ds01::test::AsioRunner runner;
  Rules rules;
  std::set<std::string> holding;  // not answered
  std::unique_ptr<std::pair<Socket, Socket>> sockets;
  std::unique_ptr<CallRelay> relay;
  std::unique_ptr<net::SideTask> running;
  std::unique_ptr<Peer> user;
  std::unique_ptr<Peer> engine;
};

TEST_F(CallRelayTest, passes) {
  const StreamId id = call("/open", "hello", true, {{"x-secret", "1"}, {"traceparent", "t"}});
  const Stream& stream = finished(id);
  EXPECT_EQ(stream.body, framed("answer"));
  EXPECT_EQ(valueOf(stream.head, "x-more"), "1");
  EXPECT_EQ(valueOf(stream.trailers, "grpc-status"), "0");
  EXPECT_THAT(engineGot(), ElementsAre("/open " + framed("hello")));
  const Headers& head = engine->streams.begin()->second.head;
  EXPECT_EQ(valueOf(head, "x-secret"), "");
  EXPECT_EQ(valueOf(head, "traceparent"), "t");
  EXPECT_EQ(valueOf(head, ":authority"), "localhost");
}

TEST_F(CallRelayTest, aRefusalNeverReachesTheEngine) {
  const Stream& stream = finished(call("/closed", "hello"));
  EXPECT_EQ(valueOf(stream.head, "grpc-status"), "7");
  EXPECT_EQ(valueOf(stream.head, "grpc-message"), "ds01: no, 100%25");
  finished(call("/open", "x"));
  EXPECT_THAT(engineGot(), ElementsAre("/open " + framed("x")));
}

TEST_F(CallRelayTest, whatIsNoGrpcIsRefused) {
  const Headers head{{":method", "GET"}, {":scheme", "http"}, {":path", "/open"}, {":authority", "x"}};
  const StreamId id = user->side.request(head, true).value();
  user->flush();
  EXPECT_EQ(valueOf(finished(id).head, "grpc-status"), "3");
  EXPECT_THAT(rules.begun, IsEmpty());
}

TEST_F(CallRelayTest, goesOnAsItWasExamined) {
  EXPECT_EQ(finished(call("/whole", "m")).body, framed("answer"));
  EXPECT_EQ(valueOf(finished(call("/whole", "bad")).head, "grpc-message"), "ds01: bad");
  EXPECT_THAT(engineGot(), ElementsAre("/whole " + framed("<m>")));
  EXPECT_THAT(rules.endings, IsEmpty());
}

TEST_F(CallRelayTest, twoMessagesAreNotOne) {
  const StreamId id = call("/whole", "m", false);
  user->side.write(id, framed("n"));
  user->side.finish(id, {});
  user->flush();
  EXPECT_EQ(valueOf(finished(id).head, "grpc-status"), "3");
  EXPECT_EQ(valueOf(finished(call("/whole", std::nullopt)).head, "grpc-status"), "3");
  EXPECT_THAT(engineGot(), IsEmpty());
}

TEST_F(CallRelayTest, tooMuchIsRefused) {
  const StreamId id = call("/whole", std::string(kMaxMessage + 1, 'x'));
  EXPECT_EQ(valueOf(finished(id).head, "grpc-status"), "8");
  EXPECT_EQ(finished(call("/whole", "m")).body, framed("answer"));
}

TEST_F(CallRelayTest, theClientLearnsAfterTheEnd) {
  const Stream& stream = finished(call("/whole/followed", "m"));
  EXPECT_THAT(rules.endings, ElementsAre("answer"));
  EXPECT_EQ(stream.body, framed("answer"));
  EXPECT_EQ(valueOf(stream.trailers, "grpc-status"), "0");
}

// The Engine may be at it still: the end is when the call that watches has ended.
TEST_F(CallRelayTest, whatWasGivenUpIsFollowedToItsEnd) {
  holding = {"/whole/followed", "/watch"};
  const StreamId id = call("/whole/followed", "m");
  runner.turn([&] { return engine->streams.size() == 1 && engine->streams.begin()->second.ended; });
  user->side.reset(id, NGHTTP2_CANCEL);
  user->flush();
  runner.turn([&] { return engine->streams.size() == 2 && engine->streams.rbegin()->second.ended; });
  EXPECT_EQ(engine->streams.begin()->second.closed, NGHTTP2_CANCEL);
  EXPECT_EQ(engineGot().back(), "/watch " + framed("w"));
  EXPECT_THAT(rules.endings, IsEmpty());
  user->close();  // does not end it either
  runner.turn([&] { return user->done(); });
  EXPECT_TRUE(running->running());
  EXPECT_THAT(rules.endings, IsEmpty());
  holding.clear();
  answer(engine->streams.rbegin()->first);
  engine->flush();
  runner.turn([&] { return !running->running(); });
  EXPECT_THAT(rules.endings, ElementsAre(""));
}

// As Gateway::stop() does.
TEST_F(CallRelayTest, whatIsFollowedEndsWhenBothSocketsAreClosed) {
  holding = {"/whole/followed", "/watch"};
  call("/whole/followed", "m");
  runner.turn([&] { return engine->streams.size() == 1 && engine->streams.begin()->second.ended; });
  user->close();
  runner.turn([&] { return engine->streams.size() == 2; });
  boost::system::error_code ignored;
  sockets->first.close(ignored);
  sockets->second.close(ignored);
  runner.turn([&] { return !running->running(); });
  EXPECT_THAT(rules.endings, ElementsAre(""));
}

TEST_F(CallRelayTest, anEngineThatGoesAwayEndsAll) {
  holding = {"/whole/followed", "/open"};
  const StreamId followed = call("/whole/followed", "m");
  const StreamId open = call("/open", "m");
  runner.turn([&] { return engine->streams.size() == 2 && engine->streams.rbegin()->second.ended; });
  engine->close();
  EXPECT_EQ(valueOf(finished(followed).head, "grpc-status"), "14");
  EXPECT_EQ(valueOf(finished(open).head, "grpc-status"), "14");
  runner.turn([&] { return !running->running(); });
  EXPECT_THAT(rules.endings, ElementsAre(""));
}

TEST_F(CallRelayTest, aClientThatDoesNotReadIsNotReadFor) {
  holding = {"/open"};
  user->reading = false;
  const StreamId id = call("/open", "m");
  runner.turn([&] { return engine->streams.size() == 1 && engine->streams.begin()->second.ended; });
  const StreamId at_engine = engine->streams.begin()->first;
  engine->side.respond(at_engine, {{":status", "200"}}, false);
  engine->side.write(at_engine, std::string(1024UL * 1024, 'x'));
  engine->flush();
  constexpr std::size_t kWindow = 65535;
  runner.turn([&] { return user->streams[id].body.size() == kWindow && engine->written > kWindow; });
  holding.clear();
  finished(call("/other", "m"));  // other calls go on
  EXPECT_EQ(user->streams[id].body.size(), kWindow);
  EXPECT_LE(engine->written, 2 * kWindow + framed("answer").size());
  user->reading = true;
  user->side.consumed(id, kWindow);
  user->flush();
  runner.turn([&] { return user->streams[id].body.size() == 1024UL * 1024; });
}

// What is called answers with these, piece by piece; the call's stream at the caller.
class AnswerFilterTest : public CallRelayTest {
 protected:
  AnswerFilterTest() {
    holding = {"/filtered"};
    id = call("/filtered", "m");
    runner.turn([&] { return engine->streams.size() == 1 && engine->streams.begin()->second.ended; });
    at_engine = engine->streams.begin()->first;
  }
  void respond() { engine->side.respond(at_engine, {{":status", "200"}}, false); }
  void write(std::string_view bytes) {
    engine->side.write(at_engine, bytes);
    engine->flush();
  }
  void finish() {
    engine->side.finish(at_engine, {{"grpc-status", "0"}});
    engine->flush();
  }
  StreamId id = 0;
  StreamId at_engine = 0;
};

TEST_F(AnswerFilterTest, messagesGoOnAsTheyWereRead) {
  respond();
  const std::string all = framed("abcd") + framed("") + framed(std::string(100UL * 1024, 'x')) + framed("1234");
  for (const char byte : all.substr(0, 20)) {
    const std::size_t before = engine->written;
    write(std::string(1, byte));
    runner.turn([&] { return engine->written > before; });
  }
  write(all.substr(20));
  finish();
  const Stream& stream = finished(id);
  EXPECT_EQ(stream.body, framed("ab") + framed("") + framed(std::string(50UL * 1024, 'x')) + framed("12"));
  EXPECT_EQ(valueOf(stream.trailers, "grpc-status"), "0");
}

TEST_F(AnswerFilterTest, aRefusalEndsTheCallForBoth) {
  respond();
  write(framed("abcd") + framed("bad") + framed("abcd"));
  const Stream& stream = finished(id);
  EXPECT_EQ(stream.body, framed("ab"));
  EXPECT_EQ(valueOf(stream.trailers, "grpc-status"), "3");
  EXPECT_EQ(valueOf(stream.trailers, "grpc-message"), "ds01: bad answer");
  runner.turn([&] { return engine->streams[at_engine].closed.has_value(); });
  EXPECT_EQ(engine->streams[at_engine].closed, NGHTTP2_CANCEL);
  EXPECT_EQ(finished(call("/open", "m")).body, framed("answer"));  // the others go on
}

TEST_F(AnswerFilterTest, whatCannotBeReadEndsTheCall) {
  respond();
  std::string compressed = framed("abcd");
  compressed.front() = '\1';
  write(compressed);
  EXPECT_EQ(valueOf(finished(id).trailers, "grpc-status"), "3");
}

TEST_F(AnswerFilterTest, whatIsTooLongEndsTheCallBeforeItIsThere) {
  respond();
  write(framed(std::string(100UL * 1024 + 1, 'x')).substr(0, 5));
  EXPECT_EQ(valueOf(finished(id).trailers, "grpc-status"), "3");
  EXPECT_EQ(finished(id).body, "");
}

TEST_F(AnswerFilterTest, halfAMessageDoesNotGoOn) {
  respond();
  write(framed("abcd") + framed("abcd").substr(0, 7));
  finish();
  EXPECT_EQ(finished(id).body, framed("ab"));
}

// The caller takes nothing: what waits for it here is bounded.
TEST_F(AnswerFilterTest, noMoreIsReadThanTheCallerTakes) {
  user->reading = false;
  respond();
  std::string all;
  for (int i = 0; i < 64; ++i) all += framed(std::string(32UL * 1024, 'x'));
  write(all);
  finish();
  constexpr std::size_t kWindow = 65535;
  runner.turn([&] { return user->streams[id].body.size() == kWindow; });
  finished(call("/open", "m"));
  EXPECT_LT(engine->written, all.size() / 4);
  user->reading = true;
  user->side.consumed(id, kWindow);
  user->flush();
  EXPECT_EQ(finished(id).body.size(), 64 * (5 + 16UL * 1024));
}

TEST_F(CallRelayTest, aBrokenClientEndsTheConnection) {
  holding = {"/open"};
  call("/open", "m");
  runner.turn([&] { return engine->streams.size() == 1; });
  user->side.terminate(NGHTTP2_NO_ERROR);
  user->flush();
  user->close();
  runner.turn([&] { return !running->running(); });
  runner.turn([&] { return engine->over; });
}

}  // namespace
}  // namespace ds01::buildkit
