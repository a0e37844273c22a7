// Volumes and networks: whose they are, what others are told of them, and what two requests at once do to a name.
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/object_names.h"
#include "harness.h"

namespace ds01::gateway {
namespace {

using test::Client;
using test::fullId;
using test::Harness;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::map<std::string, std::string> kAlices{{"ds01.user", "alice"}};
const std::map<std::string, std::string> kBobs{{"ds01.user", "bob"}};
const std::string kNet = fullId('c');
const std::string kBobsNet = fullId('d');

TEST(NameClaims, AreOfOneLoginAtATime) {
  NameClaims claims;
  std::optional<NameClaims::Claim> first = claims.take("v", "alice");
  std::optional<NameClaims::Claim> second = claims.take("v", "alice");
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(claims.take("v", "bob"));
  EXPECT_TRUE(claims.take("w", "bob"));
  first.reset();
  EXPECT_FALSE(claims.take("v", "bob"));
  NameClaims::Claim moved = std::move(*second);
  second.reset();
  EXPECT_FALSE(claims.take("v", "bob"));
  moved.end();
  moved.end();
  EXPECT_TRUE(claims.take("v", "bob"));
  EXPECT_EQ(claims.size(), 0U);
}

TEST(NameClaims, ARefusalLeavesNothing) {
  NameClaims claims;
  {
    const auto held = claims.take("v", "alice");
    EXPECT_FALSE(claims.take("v", "bob"));
  }
  EXPECT_EQ(claims.size(), 0U);
}

TEST(ObjectMemory, KeepsTheLastOwnerAndIsBounded) {
  ObjectMemory memory;
  memory.remember(ObjectMemory::volume("v"), "alice");
  memory.remember(ObjectMemory::volume("v"), "bob");
  EXPECT_EQ(memory.ownerOf(ObjectMemory::volume("v")), "bob");
  EXPECT_EQ(memory.ownerOf(ObjectMemory::network("v")), std::nullopt);
  for (std::size_t i = 0; i < ObjectMemory::kMost; ++i) memory.remember("n/" + std::to_string(i), std::nullopt);
  EXPECT_EQ(memory.ownerOf(ObjectMemory::volume("v")), std::nullopt);
}

class ObjectsTest : public testing::Test {
 protected:
  ObjectsTest() {
    h.ownership.add("mine", fullId('a'), "alice");
    h.engine_client.volumes["mine"] = {"mine", kAlices};
    h.engine_client.volumes["bobs"] = {"bobs", kBobs};
    h.engine_client.volumes["root"] = {"root", {}};
    h.engine_client.networks["lab"] = h.engine_client.networks[kNet] = {kNet, "lab", kAlices};
    h.engine_client.networks["bobs"] = h.engine_client.networks[kBobsNet] = {kBobsNet, "bobs", kBobs};
    h.engine_client.networks["bridge"] = {fullId('e'), "bridge"};
    h.engine_client.networks["host"] = {fullId('f'), "host"};
  }
  std::vector<std::string> sent() {
    std::vector<std::string> out;
    for (const auto& request : h.engine().requests()) out.push_back(request.method + " " + request.target);
    return out;
  }
  boost::json::value lastBody() { return boost::json::parse(h.engine().requests().back().body); }

  Harness h;
};

TEST_F(ObjectsTest, AVolumeIsMadeForWhoAsks) {
  h.engine().answer("POST", "/volumes/create", 201, "{}");
  Client client = h.connect();
  const std::string body = R"({"Name":"new","Labels":{"a":"b","ds01.user":"bob"}})";
  EXPECT_EQ(client.request("POST", "/volumes/create", body)->status, 201);
  const boost::json::value labels = lastBody().at("Labels");
  EXPECT_EQ(labels.at("ds01.user"), "alice");
  EXPECT_EQ(labels.at("ds01.uid"), "1001");
  EXPECT_EQ(labels.at("a"), "b");
  EXPECT_EQ(client.request("POST", "/volumes/create", R"({"Name":"mine"})")->status, 201);
  EXPECT_EQ(client.request("POST", "/volumes/create", "{}")->status, 201);
}

TEST_F(ObjectsTest, AForeignVolumeIsTakenAndAbsent) {
  Client client = h.connect();
  for (const char* const name : {"bobs", "root"}) {
    const std::string path = std::string("/volumes/") + name;
    const auto made = client.request("POST", "/volumes/create", R"({"Name":")" + std::string(name) + "\"}");
    EXPECT_EQ(made->status, 409);
    EXPECT_THAT(made->body, HasSubstr("is taken by somebody else"));
    EXPECT_EQ(client.get(path)->status, 404);
    EXPECT_THAT(client.get(path)->body, HasSubstr("get " + std::string(name) + ": no such volume"));
    EXPECT_EQ(client.request("DELETE", path)->status, 404);
    EXPECT_EQ(client.request("DELETE", path + "?force=1")->status, 204);
  }
  EXPECT_TRUE(sent().empty());
}

TEST_F(ObjectsTest, OwnVolumesAreSeenAndRemoved) {
  h.engine().answer("GET", "/volumes/mine", 200, R"({"Name":"mine"})");
  h.engine().answer("DELETE", "/volumes/mine", 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.get("/volumes/mine")->status, 200);
  EXPECT_EQ(client.request("DELETE", "/volumes/mine")->status, 204);
  EXPECT_EQ(client.get("/volumes/absent")->status, 404);
  EXPECT_EQ(sent(), (std::vector<std::string>{"GET /volumes/mine", "DELETE /volumes/mine"}));
}

TEST_F(ObjectsTest, ListsAndPrunesAreLimited) {
  h.engine().answer("GET", "/volumes", 200, R"({"Volumes":[{"Name":"mine","Labels":{"ds01.user":"alice"}},
      {"Name":"bobs","Labels":{"ds01.user":"bob"}},{"Name":"root","Labels":null},{"Name":"odd"}],"Warnings":null})");
  h.engine().answer("POST", "/networks/prune", 200, "{}");
  Client client = h.connect();
  EXPECT_THAT(client.get("/volumes")->body,
              AllOf(HasSubstr("mine"), Not(HasSubstr("bobs")), Not(HasSubstr("root")), Not(HasSubstr("odd"))));
  EXPECT_EQ(client.request("POST", "/networks/prune")->status, 200);
  EXPECT_EQ(client.request("POST", "/volumes/prune?filters=x")->status, 400);
  const std::string own = "%22ds01.user%3Dalice%22:true";
  const std::vector<std::string> asked = sent();
  ASSERT_EQ(asked.size(), 2U);
  for (const std::string& target : asked) EXPECT_THAT(target, HasSubstr(own));
}

// The Engine's own prune looks each name up again when its turn comes, whoever has it by then.
TEST_F(ObjectsTest, APruneRemovesWhatIsStillTheCallers) {
  h.engine().answer("GET", "/v1.41/volumes", 200, R"({"Volumes":[{"Name":"mine","Labels":{"ds01.user":"alice"}},
      {"Name":"kept","Labels":{"ds01.user":"alice","keep":"1"}},{"Name":"bobs","Labels":{"ds01.user":"alice"}},
      {"Name":"root","Labels":null}]})");
  h.engine().answer("DELETE", "/v1.41/volumes/mine", 204, "");
  Client client = h.connect();
  const auto reply = client.request("POST", "/v1.41/volumes/prune?filters=%7B%22label!%22%3A%5B%22keep=1%22%5D%7D");
  EXPECT_EQ(reply->body, R"({"VolumesDeleted":["mine"],"SpaceReclaimed":0})");
  const std::vector<std::string> asked = sent();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_THAT(asked[0], AllOf(HasSubstr("%22dangling%22:%7B%22true%22:true"), HasSubstr("ds01.user%3Dalice")));
  EXPECT_EQ(asked[1], "DELETE /v1.41/volumes/mine");
  EXPECT_EQ(client.request("POST", "/v1.41/volumes/prune?filters=%7B%22x%22%3A%5B%22y%22%5D%7D")->status, 400);
}

TEST_F(ObjectsTest, NewerClientsPruneWhatHasNoName) {
  h.engine_client.volumes["anon"] = {"anon", kAlices};
  h.engine().answer("GET", "/v1.43/volumes", 200, R"({"Volumes":[{"Name":"mine","Labels":{"ds01.user":"alice"}},
      {"Name":"anon","Labels":{"ds01.user":"alice","com.docker.volume.anonymous":""}}]})");
  h.engine().answer("DELETE", "/v1.43/volumes/mine", 204, "");
  h.engine().answer("DELETE", "/v1.43/volumes/anon", 204, "");
  Client client = h.connect();
  EXPECT_THAT(client.request("POST", "/v1.43/volumes/prune")->body, HasSubstr(R"(["anon"])"));
  EXPECT_THAT(client.request("POST", "/v1.43/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D")->body,
              HasSubstr(R"(["mine","anon"])"));
}

TEST_F(ObjectsTest, NetworksOfOthersAreNotThere) {
  h.engine().answer("GET", "/networks", 200,
                    R"([{"Name":"bridge","Id":"e","Containers":{}},{"Name":"lab","Labels":{"ds01.user":"alice"}},
                        {"Name":"bobs","Labels":{"ds01.user":"bob"}},{"Name":"roots","Labels":{}}])");
  h.engine().answer("GET", "/networks/" + kNet, 200, R"({"Name":"lab","Containers":{}})");
  h.engine().answer("DELETE", "/networks/" + kNet, 204, "");
  Client client = h.connect();
  EXPECT_THAT(client.get("/networks")->body,
              AllOf(HasSubstr("bridge"), HasSubstr("lab"), Not(HasSubstr("bobs")), Not(HasSubstr("roots"))));
  EXPECT_EQ(client.get("/networks/lab")->status, 200);
  EXPECT_EQ(client.request("DELETE", "/networks/lab")->status, 204);
  for (const std::string& name : {std::string("bobs"), kBobsNet, std::string("absent")}) {
    EXPECT_THAT(client.get("/networks/" + name)->body, HasSubstr("network " + name + " not found"));
    EXPECT_EQ(client.request("DELETE", "/networks/" + name)->status, 404);
    EXPECT_EQ(client.request("POST", "/networks/" + name + "/connect", R"({"Container":"mine"})")->status, 404);
  }
  EXPECT_EQ(h.connect().request("POST", "/build?networkmode=bobs")->status, 404);
  EXPECT_EQ(sent().size(), 3U);
}

TEST_F(ObjectsTest, AConnectionIsToThisNetworkAndNoOtherOfItsName) {
  h.engine().answer("POST", "/networks/" + kNet + "/connect", 200, "");
  h.engine().answer("POST", "/networks/" + kNet + "/disconnect", 200, "");
  h.engine().answer("POST", "/networks/" + fullId('e') + "/connect", 200, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/networks/lab/connect", R"({"Container":"mine"})")->status, 200);
  EXPECT_EQ(lastBody().at("EndpointConfig").at("NetworkID").as_string(), kNet);
  EXPECT_EQ(lastBody().at("Container").as_string(), fullId('a'));
  EXPECT_EQ(client.request("POST", "/networks/lab/disconnect", R"({"Container":"mine"})")->status, 200);
  EXPECT_FALSE(lastBody().as_object().contains("EndpointConfig"));
  EXPECT_EQ(client.request("POST", "/networks/bridge/connect", R"({"Container":"mine"})")->status, 200);
  EXPECT_FALSE(lastBody().as_object().contains("EndpointConfig"));
  EXPECT_EQ(client.request("POST", "/networks/host/connect", R"({"Container":"mine"})")->status, 403);
}

TEST_F(ObjectsTest, ANetworkIsMadeForWhoAsks) {
  h.engine().answer("POST", "/networks/create", 201, R"({"Id":"x"})");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/networks/create", R"({"Name":"new","CheckDuplicate":false})")->status, 201);
  EXPECT_EQ(lastBody().at("Labels").at("ds01.user"), "alice");
  EXPECT_EQ(lastBody().at("CheckDuplicate"), true);
  EXPECT_EQ(client.request("POST", "/networks/create", R"({"Name":"0123456789ab"})")->status, 400);
  h.engine().answer("POST", "/networks/create", 409, R"({"message":"network with name x already exists"})");
  EXPECT_THAT(client.request("POST", "/networks/create", R"({"Name":"bobs"})")->body,
              AllOf(HasSubstr("network name bobs is taken"), Not(HasSubstr("bob "))));
  EXPECT_THAT(client.request("POST", "/networks/create", R"({"Name":"lab"})")->body, HasSubstr("already exists"));
}

TEST_F(ObjectsTest, ACreateMakesItsVolumesFirst) {
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + fullId('b') + R"(","Warnings":[]})");
  h.engine_client.image_volumes = {"/vol"};
  Client client = h.connect();
  EXPECT_EQ(
      client
          .request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Binds":["new:/a","mine:/b"]}})")
          ->status,
      201);
  EXPECT_EQ(h.engine_client.made_volumes, std::vector<std::string>{"new"});
  EXPECT_EQ(h.engine_client.volumes.at("new").labels.at("ds01.user"), "alice");
  EXPECT_EQ(lastBody().at("HostConfig").at("Mounts").at(0).at("Target"), "/vol");
  const auto refused =
      client.request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":{"Binds":["bobs:/a"]}})");
  EXPECT_EQ(refused->status, 409);
  EXPECT_EQ(sent().size(), 1U);
}

// While its request waited for a GPU, somebody else has taken the name.
TEST_F(ObjectsTest, AVolumeIsLookedAtAgainAfterTheWait) {
  h.grants.waiting = test::FakeGrants::Waiting::Turn;
  Client client = h.connect();
  client.send(
      "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 53\r\n\r\n"
      R"({"Image":"busybox","HostConfig":{"Binds":["new:/a"]}})");
  ASSERT_TRUE(h.grants.comesTo("waits"));
  {
    const std::lock_guard lock(h.engine_client.mutex);
    h.engine_client.volumes["new"] = {"new", kBobs};
  }
  h.grants.letGo();
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 409);
  EXPECT_TRUE(sent().empty());
  EXPECT_THAT(h.grants.entries(), testing::Contains(HasSubstr("release ")));
}

}  // namespace
}  // namespace ds01::gateway
