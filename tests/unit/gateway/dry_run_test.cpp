// A dry run decides as a real create does, and leaves no trace.
#include "gateway/dry_run.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_policies.h"
#include "fakes.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"

namespace ds01::gateway {
namespace {

using test::callerNamed;
using testing::HasSubstr;

class DryRunTest : public testing::Test {
 protected:
  DryRunAnswer run(std::string body, std::string target = "/v1.41/containers/create?name=train") {
    ds01::test::AsioRunner runner;
    const Ports ports{identities, ownership, grants,    site,   paths, engine,
                      events,     clock,     computing, images, pins,  policies};
    DryRunRequest request{.caller = callerNamed("alice", 1001),
                          .target = std::move(target),
                          .user_agent = "Docker-Client/28.0 (linux)",
                          .body = std::move(body)};
    DryRunAnswer answer = runner.run(dryRun(ports, std::move(request)));
    EXPECT_TRUE(grants.entries().empty()) << "something was reserved";
    EXPECT_TRUE(events.events.empty()) << "something was written";
    EXPECT_EQ(site.decisions, 0) << "a decision was numbered";
    return answer;
  }

  static std::string fact(const DryRunAnswer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.facts) {
      if (key == name) return value;
    }
    return {};
  }

  test::FakeIdentities identities;
  test::FakeOwnership ownership;
  test::FakeGrants grants;
  test::FakeSite site;
  test::FakePaths paths;
  test::FakeEngineClient engine;
  test::FakeEvents events;
  ds01::test::FakeClock clock;
  net::FairPool computing{2, 256};
  test::FakeImages images;
  test::FakePins pins;
  test::FakePolicies policies;
};

const char* const kGpu =
    R"({"Image":"busybox","HostConfig":{"DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}]}})";

TEST_F(DryRunTest, AGrantShowsItsInputsPlaceAndChanges) {
  const DryRunAnswer answer = run(kGpu);
  EXPECT_TRUE(answer.granted) << answer.denial.text;
  EXPECT_EQ(fact(answer, "user"), "alice");
  EXPECT_EQ(fact(answer, "group"), "student");
  EXPECT_EQ(fact(answer, "image"), "busybox");
  EXPECT_EQ(fact(answer, "GPUs asked for"), "--gpus 1");
  EXPECT_EQ(fact(answer, "slot"), "0 (full)");
  const auto parent = std::ranges::find(answer.changes, "HostConfig.CgroupParent", &BodyChange::path);
  ASSERT_NE(parent, answer.changes.end());
  EXPECT_EQ(parent->before, "");
  EXPECT_THAT(parent->after, HasSubstr("ds01-student-alice.slice"));
}

TEST_F(DryRunTest, ARefusalIsThatOfARealCreate) {
  const DryRunAnswer answer = run(R"({"Image":"busybox","HostConfig":{"Privileged":true}})");
  EXPECT_FALSE(answer.granted);
  EXPECT_EQ(answer.denial.http_status, 403);
  EXPECT_FALSE(answer.denial.part.empty());
  EXPECT_EQ(fact(answer, "image"), "busybox");
  grants.denial = Denial{409, "gpu_quota", "you hold 2 GPUs of 2"};
  EXPECT_EQ(run(kGpu).denial.reason, "gpu_quota");
}

TEST_F(DryRunTest, OneThatWouldWaitIsToldItsPlace) {
  grants.preview_wait = {
      .denial = {409, "gpu_none_free", "You hold no GPU."}, .place = 3, .at_most = std::chrono::seconds{180}};
  const DryRunAnswer answer = run(kGpu);
  EXPECT_FALSE(answer.granted);
  EXPECT_EQ(answer.denial.reason, "gpu_none_free");
  EXPECT_EQ(answer.denial.text, "You hold no GPU. The request would wait as number 3 in the queue, for at most 180 s.");
  EXPECT_EQ(fact(answer, "would wait"), "as number 3 in the queue, for at most 180 s");
  EXPECT_EQ(fact(answer, "GPUs asked for"), "--gpus 1");
}

TEST_F(DryRunTest, AMissingImageIsSaidAndTheRestIsStillDecided) {
  const DryRunAnswer granted = run(R"({"Image":"nix"})");
  EXPECT_TRUE(granted.granted);
  EXPECT_THAT(granted.missing_image, HasSubstr("No such image: nix"));
  EXPECT_FALSE(run(R"({"Image":"nix","HostConfig":{"Privileged":true}})").granted);
}

TEST_F(DryRunTest, AnEngineThatIsAwayIsTryLater) {
  engine.away = true;
  const DryRunAnswer answer = run(kGpu);
  EXPECT_FALSE(answer.granted);
  EXPECT_EQ(answer.denial.http_status, 503);
}

TEST_F(DryRunTest, OnlyCreatesCanBeTried) {
  for (const char* target : {"/v1.41/containers/abc/start", "/containers/json", "/../containers/create", "x", "",
                             "/containers//create", "/containers/create%2f", "/build"}) {
    const DryRunAnswer answer = run(kGpu, target);
    EXPECT_FALSE(answer.granted) << target;
    EXPECT_EQ(answer.denial.http_status, 400) << target;
  }
}

TEST(ChangesTest, ListsWhatWasSetChangedAndTakenOut) {
  const auto before =
      boost::json::parse(R"({"A":1,"B":{"x":null,"y":"old"},"Env":["P=1","NV=all"],"Gone":true,"E":[]})");
  const auto after = boost::json::parse(R"({"A":1,"B":{"x":5,"y":"new"},"Env":["P=1","NV=void"],"F":{"g":"h"}})");
  std::vector<std::string> got;
  for (const BodyChange& change : changesBetween(before, after)) {
    got.push_back(change.path + ": " + change.before + " > " + change.after);
  }
  EXPECT_THAT(got, testing::ElementsAre("B.x:  > 5", "B.y: \"old\" > \"new\"", "Env[]: \"NV=all\" > ",
                                        "Env[]:  > \"NV=void\"", "F.g:  > \"h\"", "Gone: true > "));
  EXPECT_EQ(changesBetween(before, after, 2).size(), 2U);
  EXPECT_TRUE(changesBetween(after, after).empty());
}

}  // namespace
}  // namespace ds01::gateway
