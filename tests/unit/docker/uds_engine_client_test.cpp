#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "docker/uds/engine_client.h"
#include "support/asio_runner.h"
#include "support/fake_dockerd.h"
#include "support/temp_dir.h"

namespace ds01::docker::uds {
namespace {

using namespace std::chrono_literals;
using test::AsioRunner;
using test::FakeDockerd;

const std::string kId(64, 'a');

class UdsEngineClientTest : public testing::Test {
 protected:
  FakeDockerd engine_;
  AsioRunner runner_{std::chrono::minutes{1}};  // a list of 70 MiB takes its time under ThreadSanitizer
  UdsEngineClient client_{runner_.executor(), engine_.socketPath()};
};

template <typename T>
Error errorOf(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Error(ErrorCode::Internal, "no error") : result.error();
}

TEST_F(UdsEngineClientTest, AsksForFacts) {
  engine_.answer("GET", "/version", 200, R"({"ApiVersion":"1.41"})");
  engine_.answer("GET", "/info", 200, R"({"NCPU":4,"CgroupDriver":"systemd"})");
  const auto facts = runner_.run(client_.facts());
  ASSERT_TRUE(facts) << facts.error().message();
  EXPECT_EQ(facts->cpus, 4);
  EXPECT_EQ(facts->api.minor, 41);
}

TEST_F(UdsEngineClientTest, InspectsByEncodedReference) {
  engine_.answer("GET", "/containers/my%20web/json", 200,
                 R"({"Id":")" + kId + R"(","Name":"/my web","State":{"Status":"exited"}})");
  engine_.answer("GET", "/images/reg:5000/a/b:1/json", 200, R"({"Id":"sha256:1","Config":{"Env":["A=b"]}})");
  engine_.answer("GET", "/exec/e1/json", 200, R"({"ID":"e1","ContainerID":")" + kId + "\"}");
  EXPECT_EQ(runner_.run(client_.inspectContainer("my web"))->name, "my web");
  EXPECT_EQ(runner_.run(client_.inspectImage("reg:5000/a/b:1"))->env, std::vector<std::string>{"A=b"});
  EXPECT_EQ(runner_.run(client_.inspectExec("e1"))->container.str(), kId);
}

TEST_F(UdsEngineClientTest, ListsByLabel) {
  engine_.answer("GET", "/containers/json", 200, R"([{"Id":")" + kId + R"(","Labels":{"ds01.user":"alice"}}])");
  const auto list = runner_.run(client_.listContainers("ds01.user=alice"));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->at(0).labels.at("ds01.user"), "alice");
  EXPECT_EQ(engine_.requests().at(0).target,
            "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22ds01.user%3Dalice%22%5D%7D");
}

TEST_F(UdsEngineClientTest, ListsWhatRuns) {
  engine_.answer("GET", "/containers/json", 200, R"([{"Id":")" + kId + R"("}])");
  const auto list = runner_.run(client_.listRunning());
  ASSERT_TRUE(list);
  EXPECT_EQ(list->at(0).id.str(), kId);
  EXPECT_EQ(engine_.requests().at(0).target, "/containers/json");
}

TEST_F(UdsEngineClientTest, SetsARestartPolicyAndNothingElse) {
  engine_.answer("POST", "/containers/" + kId + "/update", 200, R"({"Warnings":null})");
  EXPECT_TRUE(runner_.run(client_.setRestartPolicy(ContainerId(kId), RestartPolicy{"on-failure", 3})));
  EXPECT_EQ(engine_.requests().at(0).body, R"({"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}})");
  EXPECT_TRUE(runner_.run(client_.setRestartPolicy(ContainerId(kId), RestartPolicy{})));
  EXPECT_EQ(engine_.requests().at(1).body, R"({"RestartPolicy":{"Name":"no","MaximumRetryCount":0}})");
  engine_.answer("POST", "/containers/" + kId + "/update", 404, R"({"message":"No such container: x"})");
  EXPECT_EQ(runner_.run(client_.setRestartPolicy(ContainerId(kId), RestartPolicy{})).error().code(),
            ErrorCode::NotFound);
}

TEST_F(UdsEngineClientTest, KillsAtOnce) {
  engine_.answer("POST", "/containers/" + kId + "/kill", 204, "");
  EXPECT_TRUE(runner_.run(client_.killContainer(ContainerId(kId))));
  EXPECT_EQ(engine_.requests().at(0).target, "/containers/" + kId + "/kill?signal=KILL");
  engine_.answer("POST", "/containers/" + kId + "/kill", 409, R"({"message":"is not running"})");
  EXPECT_EQ(runner_.run(client_.killContainer(ContainerId(kId))).error().code(), ErrorCode::Conflict);
}

// Commands and labels are the users' to write: any number of them must not keep the others' containers from being seen.
TEST_F(UdsEngineClientTest, AListHasNoLargestLength) {
  std::string text = "[";
  for (int i = 0; i < 70; ++i) {
    text += fmt::format(R"({}{{"Id":"{:064x}","Command":"{}","Labels":{{"ds01.user":"alice"}}}})", i == 0 ? "" : ",", i,
                        std::string(1024UL * 1024, 'x'));
  }
  engine_.answer("GET", "/containers/json", 200, text + "]");
  const auto list = runner_.run(client_.listContainers("ds01.user"));
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->size(), 70U);
}

TEST_F(UdsEngineClientTest, ABrokenListIsNone) {
  engine_.answerRaw("GET", "/containers/json", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[");
  EXPECT_EQ(errorOf(runner_.run(client_.listContainers("ds01.user"))).code(), ErrorCode::Unavailable);
  engine_.answer("GET", "/containers/json", 500, R"({"message":"no"})");
  EXPECT_EQ(errorOf(runner_.run(client_.listContainers("ds01.user"))).code(), ErrorCode::Unavailable);
}

TEST_F(UdsEngineClientTest, NotFoundIsTheEnginesOwnSentence) {
  engine_.answer("GET", "/images/x:latest/json", 404, R"({"message":"no such image: x: No such image: x:latest"})");
  const Error error = errorOf(runner_.run(client_.inspectImage("x:latest")));
  EXPECT_EQ(error.code(), ErrorCode::NotFound);
  EXPECT_EQ(error.message(), "No such image: x:latest");
}

TEST_F(UdsEngineClientTest, A404ThatIsNotTheEnginesDoesNotMeanThatAContainerIsGone) {
  engine_.answer("GET", "/containers/x/json", 404, "404 page not found");
  EXPECT_EQ(errorOf(runner_.run(client_.inspectContainer("x"))).code(), ErrorCode::Malformed);
}

TEST_F(UdsEngineClientTest, OtherStatusesHaveTheirCodes) {
  const std::pair<int, ErrorCode> cases[] = {
      {301, ErrorCode::Malformed}, {400, ErrorCode::InvalidArgument}, {403, ErrorCode::PermissionDenied},
      {409, ErrorCode::Conflict},  {500, ErrorCode::Unavailable},     {503, ErrorCode::Unavailable},
      {204, ErrorCode::Malformed},
  };
  for (const auto& [status, code] : cases) {
    engine_.answer("GET", "/containers/x/json", status, status == 204 ? "" : R"({"message":"because"})");
    const Error error = errorOf(runner_.run(client_.inspectContainer("x")));
    EXPECT_EQ(error.code(), code) << status;
    EXPECT_NE(error.message().find(std::to_string(status)), std::string::npos);
    EXPECT_EQ(error.message().find("because") != std::string::npos, status != 204);
  }
}

TEST_F(UdsEngineClientTest, AsksNothingForABadReference) {
  for (const char* ref : {"", "..", "a/../b", "a?b", "a#b", "a\nb"}) {
    EXPECT_EQ(errorOf(runner_.run(client_.inspectContainer(ref))).code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(runner_.run(client_.inspectImage(ref))).code(), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(runner_.run(client_.inspectExec(ref))).code(), ErrorCode::InvalidArgument);
  }
  EXPECT_EQ(engine_.connections(), 0U);
}

TEST_F(UdsEngineClientTest, AnAnswerThatCannotBeReadIsMalformed) {
  engine_.answer("GET", "/containers/x/json", 200, "{\"Id\":");
  EXPECT_EQ(errorOf(runner_.run(client_.inspectContainer("x"))).code(), ErrorCode::Malformed);
}

TEST(UdsEngineClient, SaysWhenTheEngineIsAway) {
  const test::TempDir dir;
  AsioRunner runner;
  UdsEngineClient client(runner.executor(), dir.file("none.sock"));
  EXPECT_EQ(errorOf(runner.run(client.facts())).code(), ErrorCode::Unavailable);
  const auto nothing = [] {};
  const auto ignore = [](const EngineEvent&) {};
  const Status ended = runner.run(client.followEvents(nothing, ignore));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), ErrorCode::Unavailable);
}

TEST(UdsEngineClient, GivesUpOnASilentEngine) {
  const FakeDockerd silent([](FakeDockerd::Connection& peer) { peer.waitForClose(); });
  AsioRunner runner;
  UdsEngineClient client(runner.executor(), silent.socketPath(), 30ms);
  EXPECT_EQ(errorOf(runner.run(client.inspectContainer("x"))).code(), ErrorCode::Timeout);
}

std::string eventText(const std::string& action) {
  return R"({"Type":"container","Action":")" + action + R"(","Actor":{"ID":")" + kId + R"(","Attributes":{}}})";
}

// What followEvents tells, in order: "open", then the actions.
struct Followed {
  std::vector<std::string> told;
  Status ended;
};

Followed follow(const std::string& bytes) {
  FakeDockerd engine;
  engine.answerRaw("GET", "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D", bytes);
  AsioRunner runner;
  UdsEngineClient client(runner.executor(), engine.socketPath());
  Followed followed;
  followed.ended = runner.run(client.followEvents([&] { followed.told.emplace_back("open"); },
                                                  [&](const EngineEvent& event) {
                                                    EXPECT_EQ(event.actor, kId);
                                                    followed.told.push_back(event.action);
                                                  }));
  return followed;
}

TEST(FollowEvents, TellsInOrderUntilTheStreamEnds) {
  const Followed followed =
      follow("HTTP/1.1 200 OK\r\n\r\n" + eventText("create") + "\n" + eventText("start") + eventText("die") + "\n");
  EXPECT_EQ(followed.told, (std::vector<std::string>{"open", "create", "start", "die"}));
  ASSERT_FALSE(followed.ended) << "an end is always an error";
  EXPECT_EQ(followed.ended.error().code(), ErrorCode::Unavailable);
}

TEST(FollowEvents, ABrokenEventEndsItWithNothingFurtherTold) {
  for (const std::string& bad : {std::string("{\"Type\":}"), std::string("{}"), std::string("oops")}) {
    const Followed followed = follow("HTTP/1.1 200 OK\r\n\r\n" + eventText("create") + bad + "\n" + eventText("start"));
    EXPECT_EQ(followed.told, (std::vector<std::string>{"open", "create"}));
    ASSERT_FALSE(followed.ended);
    EXPECT_EQ(followed.ended.error().code(), ErrorCode::Malformed) << bad;
  }
}

TEST(FollowEvents, ARefusalIsAnErrorAndNothingIsOpen) {
  const std::string body = R"({"message":"busy"})";
  const Followed followed =
      follow("HTTP/1.1 503 X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_TRUE(followed.told.empty());
  ASSERT_FALSE(followed.ended);
  EXPECT_EQ(followed.ended.error().code(), ErrorCode::Unavailable);
  EXPECT_NE(followed.ended.error().message().find("busy"), std::string::npos);

  const Followed endless = follow("HTTP/1.1 500 X\r\n\r\n" + std::string(200'000, 'x'));
  ASSERT_FALSE(endless.ended);
  EXPECT_EQ(endless.ended.error().code(), ErrorCode::Unavailable);
}

}  // namespace
}  // namespace ds01::docker::uds
