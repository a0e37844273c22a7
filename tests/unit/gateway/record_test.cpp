// A site that wants everything on record, while nothing can be recorded.
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

class RecordTest : public testing::Test {
 protected:
  RecordTest() {
    h.ownership.add("mine", kMine, "alice");
    h.engine().answer("GET", "/_ping", 200, "OK");
    h.engine().answer("POST", "/v1.41/containers/" + kMine + "/stop", 204, "");
    h.engine().answer("GET", "/v1.41/containers/" + kMine + "/json", 200, "{}");
    h.site.recording = false;
  }
  const std::string kMine = fullId('a');
  Harness h;
};

TEST_F(RecordTest, NothingIsMadeStartedOrExecuted) {
  for (const char* target : {"/containers/create", "/containers/mine/start", "/containers/mine/restart",
                             "/containers/mine/unpause", "/containers/mine/exec", "/exec/x/start", "/build"}) {
    Client client = h.connect();
    const auto reply = client.request("POST", std::string("/v1.41") + target, "{}");
    ASSERT_TRUE(reply) << target;
    EXPECT_EQ(reply->status, 503) << target;
    EXPECT_NE(reply->body.find("ds01: cannot write it down"), std::string::npos) << reply->body;
  }
  EXPECT_TRUE(h.engine().requests().empty());
  EXPECT_EQ(h.events.of("auth.denied").size(), 7U) << "which is how it is found out that the disk is well again";
}

TEST_F(RecordTest, AdminsAreNoException) {
  {
    const std::lock_guard lock(h.identities.mutex);
    h.identities.caller = callerNamed("root", 0, true);
  }
  EXPECT_EQ(h.connect().request("POST", "/v1.41/containers/mine/start")->status, 503);
}

TEST_F(RecordTest, LookingAndStoppingGoOn) {
  Client client = h.connect();
  EXPECT_EQ(client.get("/v1.41/containers/mine/json")->status, 200);
  EXPECT_EQ(client.request("POST", "/v1.41/containers/mine/stop")->status, 204);
}

}  // namespace
}  // namespace ds01::gateway::test
