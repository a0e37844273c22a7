#include "daemon/policy_service.h"

#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/asio_runner.h"
#include "support/fake_clock.h"
#include "support/fake_dockerd.h"

namespace ds01::daemon {
namespace {

using policy::RequestClass;
using testing::HasSubstr;

constexpr const char* kRule = "/v1/data/docker/authz/verdict";

class PolicyServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: only root's sockets are trusted below /tmp";
  }

  void configure() {
    settings_.opa = server_.socketPath();
    settings_.limit = std::chrono::seconds(5);
    service_.configure(settings_);
  }

  std::optional<Denial> judge(RequestClass what, bool admin = false) {
    return runner_.run(service_.judge(what, admin, R"({"input":{}})"));
  }

  std::int64_t failed() { return failures_.counters().at("unanswered_policy"); }

  ds01::test::FakeDockerd server_;
  ds01::test::AsioRunner runner_;
  ds01::test::FakeClock clock_;
  Failures failures_{clock_};
  net::BlockingPool pool_{1, 8};
  config::PolicySettings settings_;
  PolicyService service_{runner_.executor(), pool_, failures_};
};

TEST_F(PolicyServiceTest, WithoutAServerThereIsNoPolicy) {
  service_.configure(settings_);
  EXPECT_FALSE(service_.any());
  EXPECT_FALSE(service_.asks(RequestClass::Make));
  EXPECT_FALSE(judge(RequestClass::Make));
}

TEST_F(PolicyServiceTest, WhatItDeniesIsRefusedWithItsReason) {
  server_.answer("POST", kRule, 200, R"({"decision_id":"d-7","result":{"verdict":"deny","reason":"it is Monday"}})");
  configure();
  const std::optional<Denial> denial = judge(RequestClass::Look);
  ASSERT_TRUE(denial);
  EXPECT_EQ(denial->http_status, 403);
  EXPECT_THAT(denial->text, HasSubstr("it is Monday"));
  EXPECT_THAT(denial->facts, testing::ElementsAre(testing::Pair("policy decision", "d-7")));
  EXPECT_TRUE(judge(RequestClass::Make, true)) << "for administrators too";
  EXPECT_EQ(failed(), 0);
}

TEST_F(PolicyServiceTest, WhatItAllowsOrHasNoOpinionOfGoesOn) {
  configure();
  server_.answer("POST", kRule, 200, R"({"result":{"verdict":"allow"}})");
  EXPECT_FALSE(judge(RequestClass::Make));
  server_.answer("POST", kRule, 200, R"({"result":{"verdict":"none"}})");
  EXPECT_FALSE(judge(RequestClass::Make));
}

TEST_F(PolicyServiceTest, WithoutAnAnswerTheFailDirectionCounts) {
  server_.answer("POST", kRule, 200, "{}");  // no such policy
  configure();
  EXPECT_FALSE(judge(RequestClass::Look));
  const std::optional<Denial> change = judge(RequestClass::Change);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->http_status, 503);
  EXPECT_TRUE(judge(RequestClass::Make));
  EXPECT_FALSE(judge(RequestClass::Make, true)) << "administrators must be able to mend it";
  EXPECT_EQ(failed(), 4);
  settings_.fail_look = config::FailDirection::Closed;
  settings_.fail_change = config::FailDirection::Open;
  settings_.fail_make = config::FailDirection::Open;
  configure();
  EXPECT_TRUE(judge(RequestClass::Look));
  EXPECT_FALSE(judge(RequestClass::Change));
  EXPECT_FALSE(judge(RequestClass::Make));
}

TEST_F(PolicyServiceTest, AServerOfSomebodyElseIsNotAsked) {
  server_.answer("POST", kRule, 200, R"({"result":{"verdict":"allow"}})");
  const std::string directory = server_.socketPath().substr(0, server_.socketPath().rfind('/'));
  ASSERT_EQ(::chmod(directory.c_str(), 0777), 0);  // where everybody may put another socket
  configure();
  EXPECT_TRUE(judge(RequestClass::Make));
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_EQ(failed(), 1);
}

TEST_F(PolicyServiceTest, LookingNeedNotBeAskedAbout) {
  settings_.ask_look = false;
  configure();
  EXPECT_FALSE(service_.asks(RequestClass::Look));
  EXPECT_TRUE(service_.asks(RequestClass::Change));
}

TEST_F(PolicyServiceTest, OwnersAreSentOnceAndToAServerThatLostThem) {
  std::mutex mutex;  // the server has a thread of its own
  std::string there;
  std::vector<std::string> put;
  server_.answer("GET", "/v1/data/ds01/owners/updated_at", [&](const auto&) {
    const std::lock_guard lock(mutex);
    return std::pair(200, there.empty() ? std::string("{}") : R"({"result":")" + there + "\"}");
  });
  server_.answer("PUT", "/v1/data/ds01/owners", [&](const auto& request) {
    const std::lock_guard lock(mutex);
    put.push_back(request.body);
    there = "t1";
    return std::pair(204, std::string());
  });
  configure();
  service_.setOwners(std::make_shared<const std::string>(R"({"updated_at":"t1"})"));
  EXPECT_TRUE(runner_.run(service_.sendOwners()));
  EXPECT_TRUE(runner_.run(service_.sendOwners()));
  {
    const std::lock_guard lock(mutex);
    EXPECT_THAT(put, testing::ElementsAre(R"({"updated_at":"t1"})"));
    there.clear();  // started anew
  }
  EXPECT_TRUE(runner_.run(service_.sendOwners()));
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(put.size(), 2U);
  }
  service_.setOwners(std::make_shared<const std::string>(R"({"a":1,"updated_at":"t1"})"));
  EXPECT_TRUE(runner_.run(service_.sendOwners()));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(put.size(), 3U) << "another one of the same second";
}

}  // namespace
}  // namespace ds01::daemon
