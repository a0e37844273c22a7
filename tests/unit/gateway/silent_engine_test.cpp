// An Engine that takes requests and does not answer: what we ask on our own has an end, what clients ask has theirs.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

using testing::HasSubstr;

// Answers nothing whose target begins so, until it is told to.
class SilentEngine {
 public:
  explicit SilentEngine(std::string silent) : silent_(std::move(silent)) {}

  ds01::test::FakeDockerd::Handler handler() {
    return [this](ds01::test::FakeDockerd::Connection& peer) {
      while (const auto request = peer.read()) {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.notify_all();
        if (request->target.starts_with(silent_)) changed_.wait(lock, [this] { return answering_; });
        lock.unlock();
        if (!peer.reply(200, R"({"Volumes":[]})")) return;
      }
    };
  }
  void awaitArrival() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }
  void answer() {
    const std::lock_guard lock(mutex_);
    answering_ = true;
    changed_.notify_all();
  }

 private:
  const std::string silent_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool answering_ = false;
};

GatewayOptions impatient() {
  GatewayOptions options;
  options.question_timeout = std::chrono::milliseconds(20);
  return options;
}

TEST(SilentEngine, aQuestionOfOursEndsWithASentence) {
  SilentEngine engine("/volumes");
  std::atomic<int> unanswered = 0;
  GatewayOptions options = impatient();
  options.on_engine_unanswered = [&unanswered](std::string_view) { ++unanswered; };
  Harness h(engine.handler(), options);
  Client client = h.connect();
  const auto reply = client.request("POST", "/volumes/prune");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 503);
  EXPECT_THAT(reply->body, HasSubstr("ds01: the Docker Engine does not answer"));
  EXPECT_THAT(reply->body, HasSubstr("no answer in 20 ms"));
  // Its late answer is nobody else's.
  engine.answer();
  const auto again = client.request("POST", "/volumes/prune");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 200);
  EXPECT_EQ(unanswered, 1);
}

// Sizes take the Engine as long as they take; and a client waits as long as it likes.
TEST(SilentEngine, requestsOfClientsAndSizesHaveNoLimit) {
  for (const auto& [method, target] : {std::pair{"POST", "/containers/prune"}, {"GET", "/volumes"}, {"GET", "/info"}}) {
    SilentEngine engine("/");
    GatewayOptions options = impatient();
    options.question_timeout = std::chrono::milliseconds(1);
    Harness h(engine.handler(), options);
    Client client = h.connect();
    EXPECT_TRUE(client.send(std::string(method) + " " + target + " HTTP/1.1\r\nHost: d\r\n\r\n"));
    engine.awaitArrival();
    // Another question has run out of time meanwhile.
    EXPECT_EQ(h.connect().request("POST", "/volumes/prune")->status, 503);
    EXPECT_EQ(client.readNow(), "") << target;
    engine.answer();
    const auto reply = client.read();
    ASSERT_TRUE(reply) << target;
    EXPECT_THAT(reply->body, testing::Not(HasSubstr("does not answer"))) << target;
  }
}

// A question that ran out of time says nothing about what there is.
TEST(SilentEngine, whatIsNotKnownIsNotGone) {
  Harness h;
  h.ownership.away = true;
  h.ownership.away_as = ErrorCode::Timeout;
  h.engine_client.away = true;
  h.engine_client.away_as = ErrorCode::Timeout;
  for (const auto& [method, target, json] : {std::tuple{"GET", "/containers/mine/json", ""},
                                             {"POST", "/containers/mine/start", ""},
                                             {"DELETE", "/containers/mine", ""},
                                             {"POST", "/containers/mine/exec", R"({"Cmd":["true"]})"},
                                             {"POST", "/containers/create", R"({"Image":"busybox"})"},
                                             {"GET", "/networks/lab", ""},
                                             {"GET", "/volumes/data", ""},
                                             {"DELETE", "/volumes/data", ""}}) {
    const auto reply = h.connect().request(method, target, json);
    ASSERT_TRUE(reply) << target;
    EXPECT_EQ(reply->status, 503) << target;
    EXPECT_THAT(reply->body, HasSubstr("the Docker Engine does not answer")) << target;
  }
  EXPECT_TRUE(h.engine().requests().empty());
  EXPECT_TRUE(h.grants.entries().empty());
  EXPECT_TRUE(h.ownership.removals.empty());
}

}  // namespace
}  // namespace ds01::gateway::test
