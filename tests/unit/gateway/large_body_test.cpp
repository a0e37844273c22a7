// Large bodies are worked on by other threads: with the same answers, and with nobody else waiting.
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/body_work.h"
#include "harness.h"
#include "support/asio_runner.h"

namespace ds01::gateway::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kNew = fullId('d');

std::string created() {
  return R"({"Id":")" + kNew + R"(","Warnings":[]})";
}

// The same JSON, but so long that a thread of the pool reads it.
std::string enlarged(const std::string& json) {
  return json + std::string(2 * kLargeBody, ' ');
}

struct Outcome {
  int status = 0;
  std::string reply;
  std::vector<std::string> grants;
  std::vector<std::string> sent;    // to the Engine
  std::vector<std::string> events;  // type and details
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome outcomeOf(const std::string& target, const std::string& body) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  h.engine().answer("POST", "/containers/" + fullId('a') + "/exec", 201, R"({"Id":"e1"})");
  h.engine().answer("POST", "/containers/" + fullId('a') + "/update", 200, R"({"Warnings":[]})");
  h.engine().answer("POST", "/networks/" + fullId('b') + "/connect", 200, "");
  h.engine_client.networks["lab"] = {fullId('b'), "lab", {{"ds01.user", "alice"}}};
  h.ownership.add("mine", fullId('a'), "alice");
  Client client = h.connect();
  const auto reply = client.request("POST", target, body);
  Outcome outcome;
  if (reply) {
    outcome.status = reply->status;
    outcome.reply = reply->body;
  }
  outcome.grants = h.grants.entries();
  for (const auto& request : h.engine().requests()) outcome.sent.push_back(request.body);
  for (const char* const type : {"container.create", "container.create_failed", "auth.denied", "container.exec"}) {
    for (const events::Event& event : h.events.of(type)) {
      outcome.events.push_back(event.type + boost::json::serialize(event.details));
    }
  }
  return outcome;
}

TEST(LargeBody, HasTheSameOutcomeAsASmallOne) {
  const std::string kGpu = R"("DeviceRequests":[{"Count":1,"Capabilities":[["gpu"]]}])";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"/containers/create?name=train", R"({"Image":"busybox","Env":["A=1"],"Labels":{"a":"b"}})"},
      {"/containers/create?name=train", R"({"Image":"busybox","HostConfig":{)" + kGpu + "}}"},
      {"/containers/create", R"({"Image":"busybox","HostConfig":{"Privileged":true}})"},
      {"/containers/create", R"({"Image":"busybox","Image":"busybox"})"},
      {"/containers/create", R"({"Image":"busybox","hostconfig":{}})"},
      {"/containers/create", R"({"Image":"missing"})"},
      {"/containers/create", R"({"Image":"busybox","HostConfig":{"NetworkMode":"container:nobody"}})"},
      {"/containers/create", "[]"},
      {"/containers/create", "{"},
      {"/containers/mine/exec", R"({"Cmd":["true"],"Env":["A=1"]})"},
      {"/containers/mine/exec", R"({"Cmd":["true"],"Privileged":true})"},
      {"/containers/mine/exec", R"({"Cmd":["true"],"Cmd":[]})"},
      {"/containers/mine/update", R"({"Memory":1073741824})"},
      {"/containers/mine/update", R"({"Memory":"x"})"},
      {"/containers/mine/update", R"({"Devices":[{}]})"},
      {"/networks/lab/connect", R"({"Container":"mine"})"},
      {"/networks/lab/connect", R"({"Container":"nobody"})"},
      {"/volumes/create", R"({"Name":"v","Driver":"local","DriverOpts":{"device":"/etc"}})"},
  };
  for (const auto& [target, body] : cases) {
    const Outcome small = outcomeOf(target, body);
    EXPECT_NE(small.status, 0) << target << body;
    const Outcome large = outcomeOf(target, enlarged(body));
    if (body == "{") {  // tells where the end is
      EXPECT_EQ(large.status, small.status);
      EXPECT_THAT(large.reply, HasSubstr("not valid JSON"));
      continue;
    }
    EXPECT_EQ(large.status, small.status) << target << body;
    EXPECT_EQ(large.reply, small.reply) << target << body;
    EXPECT_EQ(large.grants, small.grants) << target << body;
    EXPECT_EQ(large.sent, small.sent) << target << body;
    EXPECT_EQ(large.events, small.events) << target << body;
  }
}

// Keeps one thread of a pool busy for a user, until it is let go.
class Held {
 public:
  Held(net::FairPool& pool, std::uint32_t uid) {
    std::function<void()> work = [this] {
      began_.set_value();
      gate_.get_future().wait();
    };
    boost::asio::co_spawn(loop_.context(), pool.run(uid, std::move(work)),
                          [this](std::exception_ptr, Status) { ended_ = true; });
    loop_.context().poll();
    began_.get_future().wait();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    gate_.set_value();
    loop_.turn([this] { return ended_; });
  }

 private:
  ds01::test::AsioRunner loop_;
  std::promise<void> began_;
  std::promise<void> gate_;
  bool ended_ = false;
};

void actAs(Harness& h, const std::string& login, std::uint32_t uid) {
  const std::lock_guard lock(h.identities.mutex);
  h.identities.caller = callerNamed(login, uid);
}

TEST(LargeBody, OfOneUserDelaysNobodyElse) {
  Harness h;
  h.engine().answer("GET", "/_ping", 200, "OK");
  h.engine().answer("POST", "/containers/create", 201, created());
  const std::string body = enlarged(R"({"Image":"busybox"})");
  std::vector<Client> alices;
  std::vector<std::future<std::optional<Reply>>> waiting;
  {
    const Held held(h.computing, 1001);
    for (int i = 0; i < 8; ++i) alices.push_back(h.connect());
    for (Client& client : alices) {
      waiting.push_back(std::async(std::launch::async,
                                   [&client, &body] { return client.request("POST", "/containers/create", body); }));
    }
    while (h.computing.waiting() < 8) std::this_thread::yield();

    // She herself, with what is small.
    EXPECT_EQ(h.connect().get("/_ping")->status, 200);
    EXPECT_EQ(h.connect().request("POST", "/containers/create", R"({"Image":"busybox"})")->status, 201);
    // Another, also with what is large.
    actAs(h, "bob", 1002);
    for (int i = 0; i < 5; ++i) {
      Client bob = h.connect();
      EXPECT_EQ(bob.get("/_ping")->status, 200);
      EXPECT_EQ(bob.request("POST", "/containers/create", body)->status, 201);
    }
    EXPECT_EQ(h.computing.waiting(), 8U) << "all of hers are still to be looked at";
  }
  for (auto& reply : waiting) {
    const std::optional<Reply> answer = reply.get();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 201) << answer->body;
  }
}

TEST(LargeBody, ABodyIsLargeFromAThresholdOn) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  const Held held(h.computing, 1001);
  const std::string json = R"({"Image":"busybox"})";
  const std::string at_most = json + std::string(kLargeBody - json.size(), ' ');
  EXPECT_EQ(h.connect().request("POST", "/containers/create", at_most)->status, 201) << "is not waiting for the pool";
}

}  // namespace
}  // namespace ds01::gateway::test
