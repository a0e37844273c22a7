// From an event to its explanation, through the log on disk and the events in memory.
#include "daemon/explain.h"

#include <fstream>

#include <boost/asio/local/stream_protocol.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"
#include "daemon/event_log.h"
#include "events/details.h"
#include "scene.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

using ds01::test::AsioRunner;
using ds01::test::FakeClock;
using ds01::test::TempDir;
using test::Recorder;
using Outcome = control::Explanation::Outcome;

constexpr const char* kId = "D0123456789ab";

events::Event denied(std::string user, std::string id = kId) {
  Denial denial{.http_status = 409,
                .reason = "gpu_quota",
                .text = "You hold too much.",
                .part = "quota",
                .facts = {{"limit", "2 GPUs"}},
                .remedy = "Remove train."};
  return {.type = "auth.denied", .user = std::move(user), .details = events::denialDetails(denial, DecisionId(id))};
}

TEST(ExplainTest, DecisionIdsHaveOneForm) {
  EXPECT_TRUE(isDecisionId(kId));
  for (const char* text :
       {"", "D", "D0123456789a", "D0123456789abc", "d0123456789ab", "D0123456789aB", "D0123456789a\""}) {
    EXPECT_FALSE(isDecisionId(text)) << text;
  }
}

class EventLogTest : public testing::Test {
 protected:
  Result<FoundEvents> find(EventSearch search) {
    EventLog log(dir_.file("events.jsonl"), pool_, recent_);
    return runner_.run(log.find(std::move(search), 1001));
  }
  std::optional<control::Explanation> explain(const std::string& login, bool admin = false,
                                              const std::string& id = kId) {
    const auto found = find({.filter = {}, .login = login, .admin = admin, .decision = id});
    EXPECT_TRUE(found);
    return found ? explainDecision(id, found->records) : std::nullopt;
  }
  // As if the daemon had written it before it was started again.
  void onDisk(events::Event event) {
    if (event.at == TimePoint{}) event.at = clock_.now();
    std::ofstream(dir_.file("events.jsonl"), std::ios::app) << events::encode(event) << "\n";
  }

  TempDir dir_;
  FakeClock clock_;
  Recorder sink_;
  RecentEvents recent_{sink_, clock_, 4};
  net::BlockingPool pool_{1, 4};
  AsioRunner runner_;
};

TEST_F(EventLogTest, ADecisionIsFoundInMemoryAndOnDiskByItsUserAndByAdmins) {
  recent_.emit(denied("alice"));
  onDisk(denied("bob", "Dbbbbbbbbbbbb"));
  for (const auto& [login, id] : {std::pair{"alice", kId}, std::pair{"bob", "Dbbbbbbbbbbbb"}}) {
    for (const auto& explanation : {explain(login, false, id), explain("root", true, id)}) {
      ASSERT_TRUE(explanation) << id;
      EXPECT_EQ(explanation->outcome, Outcome::Refused);
      EXPECT_EQ(explanation->reason, "gpu_quota");
      EXPECT_EQ(explanation->part, "quota");
      EXPECT_EQ(explanation->user, login);
      EXPECT_EQ(explanation->facts, (Facts{{"limit", "2 GPUs"}}));
      EXPECT_EQ(explanation->remedy, "Remove train.");
    }
  }
  EXPECT_FALSE(explain("bob"));
  EXPECT_FALSE(explain("")) << "an empty login owns nothing";
  EXPECT_FALSE(explain("alice", false, "D000000000000"));
}

TEST_F(EventLogTest, AnEventIsShownOnceThoughMemoryAndDiskHaveIt) {
  recent_.emit(denied("alice"));
  onDisk(sink_.events.front());
  const auto found = find({.filter = {}, .login = "alice"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->records.size(), 1U);
  EXPECT_EQ(found->next, 1U);
}

TEST_F(EventLogTest, AUserFindsOnlyTheirOwn) {
  for (int i = 0; i < 3; ++i) onDisk(denied("bob", "Dbbbbbbbbbb0" + std::to_string(i)));
  // Names bob in its text, but is alice's.
  events::Event mentions = denied("alice", "Daaaaaaaaaaaa");
  mentions.details["text"] = "slot 0 is held by bob";
  onDisk(mentions);
  const auto found = find({.filter = {}, .login = "bob", .limit = 2});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->records.size(), 2U);
  EXPECT_EQ(found->records.back().text("decision"), "Dbbbbbbbbbb02") << "the newest, oldest first";
}

TEST_F(EventLogTest, OneSearchAUserAtATime) {
  EventLog log(dir_.file("events.jsonl"), pool_, recent_);
  std::vector<bool> ok;
  const auto search = [&]() -> boost::asio::awaitable<void> {
    EventSearch mine{.filter = {}, .login = "alice"};
    const auto found = co_await log.find(std::move(mine), 1001);
    ok.push_back(found.has_value());
  };
  boost::asio::co_spawn(runner_.context(), search(), boost::asio::detached);
  boost::asio::co_spawn(runner_.context(), search(), boost::asio::detached);
  runner_.turn([&] { return ok.size() == 2; });
  EXPECT_EQ(std::ranges::count(ok, true), 1);
}

TEST_F(EventLogTest, MemoryKeepsTheLatestAndCountsAll) {
  for (int i = 0; i < 6; ++i) recent_.emit({.type = "x" + std::to_string(i), .user = {}, .details = {}});
  EXPECT_EQ(recent_.next(), 6U);
  EXPECT_EQ(recent_.first(), 2U);
  EXPECT_EQ(recent_.linesFrom(0).size(), 4U);
  EXPECT_EQ(recent_.linesFrom(5).size(), 1U);
  EXPECT_TRUE(recent_.linesFrom(6).empty());
  EXPECT_EQ(sink_.events.size(), 6U) << "all go on to the log";
}

TEST(ExplainTest, AGrantTellsWhereAndWhy) {
  std::vector<events::Record> records(3);
  records[0].type = "gpu.allocate";
  records[0].details["facts"] = events::factsJson({{"slot", "1:0 (2g.20gb)"}, {"why this one", "a slice is enough"}});
  records[0].details["gpu_uuid"] = "MIG-1";
  records[1].type = "container.create";
  records[1].user = "alice";
  records[1].details = {{"container", "train"}, {"facts", events::factsJson({{"image", "busybox"}})}};
  records[2].type = "gpu.release";
  const auto explanation = explainDecision(kId, records);
  ASSERT_TRUE(explanation);
  EXPECT_EQ(explanation->outcome, Outcome::Granted);
  EXPECT_EQ(explanation->user, "alice");
  EXPECT_EQ(
      explanation->facts,
      (Facts{
          {"image", "busybox"}, {"slot", "1:0 (2g.20gb)"}, {"why this one", "a slice is enough"}, {"UUID", "MIG-1"}}));
  records.resize(1);
  records[0].type = "gpu.release";
  EXPECT_FALSE(explainDecision(kId, records)) << "settles nothing";
}

TEST(ExplainTest, AContainerShowsItsOwnersProofAndItsLimits) {
  ContainerFacts facts;
  facts.view.id = ContainerId(std::string(64, 'a'));
  facts.view.name = "train";
  facts.view.cgroup_parent = "/ds01.slice/ds01-student.slice/ds01-student-alice.slice";
  facts.view.memory = 1L << 30;
  facts.view.labels["ds01.container_type"] = "docker";
  facts.owner = "alice";
  Limits limits;
  limits.group = "student";
  limits.memory = Bytes{2L << 30};
  facts.limits.emplace(limits);
  const control::Explanation owned = explainContainer(facts);
  const auto value = [](const control::Explanation& from, std::string_view name) {
    for (const auto& [key, text] : from.facts) {
      if (key == name) return text;
    }
    return std::string("(none)");
  };
  EXPECT_THAT(value(owned, "owner"), testing::HasSubstr("alice, proven by"));
  EXPECT_EQ(value(owned, "type"), "docker");
  EXPECT_THAT(value(owned, "memory"), testing::HasSubstr("group student"));
  EXPECT_EQ(value(owned, "GPUs"), "none");
  facts.owner.reset();
  facts.limits.reset();
  const control::Explanation unowned = explainContainer(facts);
  EXPECT_THAT(value(unowned, "owner"), testing::HasSubstr("labels prove nothing"));
  EXPECT_EQ(value(unowned, "type"), "(none)") << "a label of nobody's";
}

}  // namespace
}  // namespace ds01::daemon
