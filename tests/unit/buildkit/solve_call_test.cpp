// SolveCall against an Engine by Http2Side.
#include "buildkit/http2/solve_call.h"

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
using ::testing::IsEmpty;
using Socket = SolveCall::Socket;

constexpr std::string_view kSolve = "/moby.buildkit.v1.Control/Solve";
constexpr std::string_view kStatus = "/moby.buildkit.v1.Control/Status";

// Answers when it is told to.
class Engine final : public Http2Events {
 public:
  struct Call {
    StreamId id = 0;
    std::string path;
    std::string body;
    bool asked = false;  // whole
    std::optional<std::uint32_t> closed;
  };

  explicit Engine(Socket socket)
      : side(Http2Side::Role::Server, *this), socket_(std::move(socket)), task_(socket_.get_executor()) {
    task_.start(run());
  }

  // Of all calls with that path the one that came last.
  Call* last(std::string_view path) {
    Call* found = nullptr;
    for (auto& [id, call] : calls) {
      if (call.path == path) found = &call;
    }
    return found;
  }
  bool asked(std::string_view path, std::size_t times = 1) {
    std::size_t count = 0;
    for (const auto& [id, call] : calls) count += call.path == path && call.asked ? 1 : 0;
    return count == times;
  }
  void begin(std::string_view path) {
    side.respond(last(path)->id, {{":status", "200"}, {"content-type", "application/grpc"}}, false);
  }
  void tell(std::string_view path, std::string_view message) { side.write(last(path)->id, framed(message)); }
  void end(std::string_view path, const std::string& code = "0", const std::string& text = "") {
    Headers trailers{{"grpc-status", code}};
    if (!text.empty()) trailers.emplace_back("grpc-message", percentEncoded(text));
    side.finish(last(path)->id, std::move(trailers));
  }
  void flush() {
    for (std::string out = side.take(4096); !out.empty(); out = side.take(4096)) {
      boost::system::error_code ignored;
      asio::write(socket_, asio::buffer(out), ignored);
    }
  }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  bool done() const { return !task_.running(); }

  Http2Side side;
  std::map<StreamId, Call> calls;

 private:
  void onHeaders(Http2Side& /*side*/, StreamId id, Headers headers, bool /*end*/) override {
    calls[id].id = id;
    calls[id].path = valueOf(headers, ":path");
  }
  void onData(Http2Side& from, StreamId id, std::string_view piece) override {
    calls[id].body += piece;
    from.consumed(id, piece.size());
  }
  void onEnd(Http2Side& /*side*/, StreamId id) override { calls[id].asked = true; }
  void onClosed(Http2Side& /*side*/, StreamId id, std::uint32_t error) override { calls[id].closed = error; }
  void onWritten(Http2Side& /*side*/, StreamId /*id*/, std::size_t /*bytes*/) override {}

  asio::awaitable<void> run() {
    std::vector<char> piece(4096);
    boost::system::error_code ec;
    while (true) {
      flush();
      const std::size_t count =
          co_await socket_.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, ec));
      if (ec || !side.receive({piece.data(), count})) co_return;
    }
  }

  Socket socket_;
  net::SideTask task_;
};

class SolveCallTest : public ::testing::Test {
 protected:
  SolveCallTest() {
    Socket theirs(runner.context());
    asio::local::connect_pair(ours, theirs);
    engine = std::make_unique<Engine>(std::move(theirs));
    call = std::make_unique<SolveCall>(ours, "solve it", "status of it");
    running = std::make_unique<net::SideTask>(runner.executor());
  }
  ~SolveCallTest() override {
    engine->close();
    runner.turn([&] { return !running->running() && engine->done(); });
  }
  void start() {
    running->start(keep());
    runner.turn([&] { return engine->asked(kSolve) && engine->asked(kStatus); });
  }
  asio::awaitable<void> keep() {
    SolveCall::Told take = [this](std::string message) -> asio::awaitable<void> {
      told.push_back(std::move(message));
      co_return;
    };
    solved = co_await call->run("", std::move(take));
  }
  void over() {
    engine->flush();
    runner.turn([&] { return !running->running(); });
  }

  ds01::test::AsioRunner runner;
  Socket ours{runner.context()};
  std::unique_ptr<Engine> engine;
  std::unique_ptr<SolveCall> call;
  std::unique_ptr<net::SideTask> running;
  std::vector<std::string> told;
  std::optional<Solved> solved;
};

TEST_F(SolveCallTest, tellsWhatItIsTold) {
  start();
  EXPECT_EQ(engine->last(kSolve)->body, framed("solve it"));
  EXPECT_EQ(engine->last(kStatus)->body, framed("status of it"));
  engine->begin(kStatus);
  engine->tell(kStatus, "one");
  engine->tell(kStatus, std::string(kMaxStatusMessage + 1, 'x'));
  engine->tell(kStatus, std::string(kMaxStatusMessage, 'y'));
  engine->flush();
  runner.turn([&] { return told.size() == 2; });
  EXPECT_EQ(told[0], "one");
  EXPECT_EQ(told[1], std::string(kMaxStatusMessage, 'y'));
  engine->begin(kSolve);
  engine->tell(kSolve, "done");
  engine->end(kSolve);
  engine->flush();
  runner.turn([&] { return engine->last(kSolve)->closed.has_value(); });
  EXPECT_TRUE(running->running()) << "what is told still counts";
  engine->tell(kStatus, "last");
  engine->end(kStatus);
  over();
  EXPECT_EQ(told.back(), "last");
  EXPECT_EQ(solved->code, 0);
  EXPECT_EQ(solved->answer, "done");
  EXPECT_FALSE(ours.is_open());
}

TEST_F(SolveCallTest, tellsWhyNot) {
  start();
  engine->begin(kStatus);
  engine->end(kStatus);
  engine->begin(kSolve);
  engine->end(kSolve, "2", "exit code: 7, 100%\n");
  over();
  EXPECT_EQ(solved->code, 2);
  EXPECT_EQ(solved->text, "exit code: 7, 100%\n");
  EXPECT_EQ(solved->answer, "");
}

TEST_F(SolveCallTest, anAnswerWithNothingButAHeadIsOne) {
  start();
  engine->side.respond(engine->last(kSolve)->id, {{":status", "200"}, {"grpc-status", "3"}, {"grpc-message", "no"}},
                       true);
  engine->begin(kStatus);
  engine->end(kStatus);
  over();
  EXPECT_EQ(solved->code, 3);
  EXPECT_EQ(solved->text, "no");
}

TEST_F(SolveCallTest, whatIsTooLargeIsNoAnswer) {
  start();
  engine->begin(kSolve);
  engine->tell(kSolve, std::string(3 * kMaxSolveAnswer, 'x'));
  engine->end(kSolve);
  engine->begin(kStatus);
  engine->end(kStatus);
  over();
  EXPECT_EQ(solved->code, 0);
  EXPECT_EQ(solved->answer, "");
}

// The Engine may be at it still: the end is when the status has ended.
TEST_F(SolveCallTest, whatIsCancelledIsFollowedToItsEnd) {
  start();
  engine->begin(kStatus);
  call->cancel();
  call->cancel();
  runner.turn([&] { return engine->last(kSolve)->closed.has_value(); });
  EXPECT_EQ(engine->last(kSolve)->closed, NGHTTP2_CANCEL);
  EXPECT_TRUE(running->running());
  engine->tell(kStatus, "stopped");
  engine->end(kStatus);
  over();
  EXPECT_THAT(told, ElementsAre("stopped"));
  EXPECT_FALSE(solved->code);
  EXPECT_TRUE(call->cancelled());
}

TEST_F(SolveCallTest, aStatusThatFailsIsAskedForAnew) {
  start();
  engine->begin(kStatus);
  engine->end(kStatus, "14");
  engine->flush();
  call->cancel();
  runner.turn([&] { return engine->asked(kStatus, 2); });
  EXPECT_EQ(engine->last(kStatus)->body, framed("status of it"));
  EXPECT_TRUE(running->running());
  engine->begin(kStatus);
  engine->end(kStatus, "14");
  over();
  EXPECT_FALSE(solved->code);
}

TEST_F(SolveCallTest, whatHasEndedIsNotAskedForAnew) {
  start();
  engine->begin(kStatus);
  engine->end(kStatus);
  engine->flush();
  call->cancel();
  over();
  EXPECT_TRUE(engine->asked(kStatus));
  EXPECT_FALSE(solved->code);
}

TEST_F(SolveCallTest, whatTheEngineResetsIsFollowedToItsEnd) {
  start();
  engine->side.reset(engine->last(kSolve)->id, NGHTTP2_INTERNAL_ERROR);
  engine->begin(kStatus);
  engine->flush();
  runner.turn([&] { return engine->last(kSolve)->closed.has_value(); });
  EXPECT_TRUE(running->running());
  engine->end(kStatus);
  over();
  EXPECT_FALSE(solved->code);
  EXPECT_FALSE(call->cancelled());
}

TEST_F(SolveCallTest, anEngineThatGoesAwayEndsIt) {
  start();
  engine->close();
  runner.turn([&] { return !running->running(); });
  EXPECT_FALSE(solved->code);
}

TEST_F(SolveCallTest, whatWasCancelledBeforeIsNotAskedFor) {
  call->cancel();
  running->start(keep());
  runner.turn([&] { return !running->running(); });
  EXPECT_FALSE(solved->code);
  EXPECT_THAT(engine->calls, IsEmpty());
}

}  // namespace
}  // namespace ds01::buildkit
