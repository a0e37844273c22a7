#include "daemon/denial_limit.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace ds01::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Log final : events::EventSink {
  void emit(events::Event event) override {
    lines.push_back(fmt::format("{} {} {}", event.type, event.user, boost::json::serialize(event.details)));
  }
  std::vector<std::string> lines;
};

struct DenialLimitTest : testing::Test {
  void deny(const std::string& user, int times = 1) {
    for (int i = 0; i < times; ++i) limit->emit({.type = "auth.denied", .user = user});
  }
  std::vector<std::string> taken() { return std::exchange(log.lines, {}); }

  Log log;
  ds01::test::FakeClock clock;
  std::optional<DenialLimit> limit{std::in_place, log, clock, 2};
};

TEST_F(DenialLimitTest, whatIsBeyondIsToldAsANumberLater) {
  deny("alice", 5);
  EXPECT_THAT(taken(), ElementsAre("auth.denied alice {}", "auth.denied alice {}"));
  clock.advance(std::chrono::seconds(59));
  deny("alice");
  EXPECT_THAT(taken(), IsEmpty());
  clock.advance(std::chrono::seconds(1));
  deny("alice");
  EXPECT_THAT(taken(), ElementsAre(R"(auth.suppressed alice {"count":4})", "auth.denied alice {}"));
}

TEST_F(DenialLimitTest, nobodysRefusalsAreLeftOutForAnothersAndNothingElseIs) {
  deny("alice", 9);
  taken();
  deny("bob");
  deny("");
  limit->emit({.type = "container.create", .user = "alice"});
  EXPECT_THAT(taken(), ElementsAre("auth.denied bob {}", "auth.denied  {}", "container.create alice {}"));
}

TEST_F(DenialLimitTest, theEndTellsToo) {
  deny("alice", 3);
  taken();
  limit.reset();
  EXPECT_THAT(taken(), ElementsAre(R"(auth.suppressed alice {"count":1})"));
}

TEST_F(DenialLimitTest, aClockThatGoesBackSilencesNobody) {
  deny("alice", 3);
  taken();
  clock.advance(-std::chrono::hours(1));
  deny("alice");
  EXPECT_THAT(taken(), ElementsAre(R"(auth.suppressed alice {"count":1})", "auth.denied alice {}"));
}

}  // namespace
}  // namespace ds01::daemon
