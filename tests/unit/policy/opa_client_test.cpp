#include "policy/opa/opa_client.h"

#include <chrono>

#include <gtest/gtest.h>

#include "support/asio_runner.h"
#include "support/fake_dockerd.h"

namespace ds01::policy::opa {
namespace {

using std::chrono::milliseconds;
using test::FakeDockerd;

struct Scene {
  FakeDockerd server;  // any HTTP peer on a Unix socket
  test::AsioRunner runner;
  OpaClient client{
      runner.executor(),
      {.socket_path = server.socketPath(), .decision = "docker/authz/verdict", .limit = milliseconds(5'000)}};

  Result<Answer> ask(std::string input) { return runner.run(client.ask(std::move(input))); }
};

TEST(OpaClient, AsksForTheRule) {
  Scene scene;
  scene.server.answer("POST", "/v1/data/docker/authz/verdict", 200, R"({"result":{"verdict":"none"}})");
  const Result<Answer> answer = scene.ask(R"({"input":{}})");
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->verdict, Verdict::None);
  EXPECT_EQ(scene.server.requests().at(0).body, R"({"input":{}})");
}

TEST(OpaClient, AnErrorOfThePolicyIsNoAnswer) {
  Scene scene;
  scene.server.answer("POST", "/v1/data/docker/authz/verdict", 500,
                      R"({"code":"internal_error","message":"rules must not produce multiple outputs"})");
  const Result<Answer> answer = scene.ask("{}");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("multiple outputs"), std::string::npos) << answer.error().message();
}

TEST(OpaClient, NeitherIsAPolicyThatIsNotThere) {
  Scene scene;
  scene.server.answer("POST", "/v1/data/docker/authz/verdict", 200, R"({"decision_id":"1"})");
  EXPECT_EQ(scene.ask("{}").error().code(), ErrorCode::Malformed);
}

TEST(OpaClient, AServerThatHangsIsNotWaitedForLong) {
  FakeDockerd hung([](FakeDockerd::Connection& peer) { peer.waitForClose(); });
  test::AsioRunner runner;
  OpaClient client(runner.executor(), {.socket_path = hung.socketPath(), .decision = "x/y", .limit = milliseconds(20)});
  EXPECT_EQ(runner.run(client.ask("{}")).error().code(), ErrorCode::Timeout);
}

TEST(OpaClient, AServerThatIsNotThere) {
  test::AsioRunner runner;
  OpaClient client(runner.executor(),
                   {.socket_path = "/nonexistent/s", .decision = "x/y", .limit = milliseconds(5'000)});
  EXPECT_EQ(runner.run(client.ask("{}")).error().code(), ErrorCode::Unavailable);
}

TEST(OpaClient, OwnersArePutAndAskedFor) {
  Scene scene;
  scene.server.answer("PUT", "/v1/data/ds01/owners", 204, "");
  scene.server.answer("GET", "/v1/data/ds01/owners/updated_at", 200, R"({"result":"t1"})");
  EXPECT_TRUE(scene.runner.run(scene.client.putOwners(R"({"updated_at":"t1"})")));
  EXPECT_EQ(scene.server.requests().at(0).body, R"({"updated_at":"t1"})");
  EXPECT_EQ(*scene.runner.run(scene.client.ownersAsOf()), "t1");
  scene.server.answer("GET", "/v1/data/ds01/owners/updated_at", 200, "{}");
  EXPECT_EQ(*scene.runner.run(scene.client.ownersAsOf()), "") << "a server that has just been started";
}

}  // namespace
}  // namespace ds01::policy::opa
