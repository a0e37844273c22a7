#include "daemon/failures.h"

#include <algorithm>
#include <memory>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "support/fake_clock.h"

namespace ds01::daemon {
namespace {

using testing::HasSubstr;

class FailuresTest : public testing::Test {
 protected:
  FailuresTest() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log_);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", std::move(sink)));
  }
  ~FailuresTest() override { spdlog::set_default_logger(before_); }
  FailuresTest(const FailuresTest&) = delete;
  FailuresTest& operator=(const FailuresTest&) = delete;

  std::size_t lines() const {
    const std::string text = log_.str();
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> before_;
  ds01::test::FakeClock clock_;
  Failures failures_{clock_};
};

TEST_F(FailuresTest, CountsEachOfThemAlsoAtZero) {
  EXPECT_EQ(failures_.counters(), (std::map<std::string, std::int64_t>{{"unanswered_engine", 0},
                                                                       {"unanswered_gpu_driver", 0},
                                                                       {"unanswered_policy", 0},
                                                                       {"unanswered_user_database", 0},
                                                                       {"unanswered_file_system", 0},
                                                                       {"unwritten_state", 0},
                                                                       {"unwritten_events", 0},
                                                                       {"unwritten_owners", 0}}));
  failures_.note(Dependency::Engine, "x");
  failures_.note(Dependency::Engine, "x");
  failures_.note(Dependency::EventLog, "x", 7);
  EXPECT_EQ(failures_.counters().at("unanswered_engine"), 2);
  EXPECT_EQ(failures_.counters().at("unwritten_events"), 7);
  EXPECT_EQ(failures_.counters().at("unwritten_state"), 0);
}

TEST_F(FailuresTest, SaysTheFirstAtOnceAndThenOneAMinute) {
  failures_.note(Dependency::StateFile, "no space");
  EXPECT_THAT(log_.str(), HasSubstr("gpu-state.json could not be written: no space\n"));
  for (int i = 0; i < 500; ++i) failures_.note(Dependency::StateFile, "no space");
  EXPECT_EQ(lines(), 1U);
  failures_.note(Dependency::UserDatabase, "hung");
  EXPECT_EQ(lines(), 2U) << "each has its own minute";
  clock_.advance(std::chrono::seconds(61));
  failures_.note(Dependency::StateFile, "still");
  EXPECT_THAT(log_.str(), HasSubstr("still (501 times since the last such line)\n"));
  EXPECT_EQ(lines(), 3U);
}

TEST_F(FailuresTest, AClockThatGoesBackDoesNotSilenceIt) {
  failures_.note(Dependency::Engine, "a");
  clock_.advance(std::chrono::hours(-5));
  failures_.note(Dependency::Engine, "b");
  EXPECT_EQ(lines(), 2U);
}

}  // namespace
}  // namespace ds01::daemon
