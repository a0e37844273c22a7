// Creates for the owner of a dev container's folder, and updates within the limits.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

namespace json = boost::json;

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kNew = fullId('d');

std::string devcontainer(const std::string& folder) {
  return R"({"Image":"busybox","Labels":{"devcontainer.local_folder":")" + folder +
         R"("},"HostConfig":{"Mounts":[{"Type":"bind","Source":"/home/bob/x","Target":"/w"}]}})";
}

void admitBob(Harness& h) {
  h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + kNew + R"(","Warnings":[]})");
  h.identities.users["bob"] = callerNamed("bob", 1002).user;
  h.site.launcher = "alice";  // if she is a service user
}

json::value labelsSent(Harness& h) {
  return json::parse(h.engine().requests().at(0).body).at("Labels");
}

TEST(NamedOwner, aServiceUserMakesContainersForOthers) {
  Harness h;
  admitBob(h);
  h.identities.caller.service = true;
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", devcontainer("/home/bob/x"));
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 201) << reply->body;
  EXPECT_EQ(labelsSent(h).at("ds01.user"), "bob");
  EXPECT_EQ(labelsSent(h).at("ds01.uid"), "1002");
  EXPECT_EQ(labelsSent(h).at("ds01.made_by"), "alice");
  EXPECT_EQ(json::parse(h.engine().requests().at(0).body).at("HostConfig").at("CgroupParent"),
            "/ds01.slice/ds01-student.slice/ds01-student-bob.slice");
  EXPECT_THAT(h.grants.entries(), ElementsAre("reserve ", "bind D1 - " + kNew + "  bob by alice"));
  const auto events = h.events.of("container.create");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].user, "alice");
  EXPECT_EQ(events[0].details.at("owner"), "bob");
}

TEST(NamedOwner, aServiceUserHasNoMoreRightsThanOthers) {
  Harness h;
  admitBob(h);
  h.identities.caller.service = true;
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create",
                                    R"({"Image":"busybox","Labels":{"devcontainer.local_folder":"/home/bob/x"},
                                        "HostConfig":{"Binds":["/home/alice/x:/x"]}})");
  EXPECT_EQ(reply->status, 403) << "not even the caller's own files go into somebody else's container";
}

TEST(NamedOwner, aServiceUserThatIsNoLauncherNamesNobody) {
  Harness h;
  admitBob(h);
  h.site.launcher.clear();
  h.identities.caller.service = true;
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create",
                                    R"({"Image":"busybox","Labels":{"devcontainer.local_folder":"/home/bob/x"}})");
  ASSERT_EQ(reply->status, 201);
  EXPECT_EQ(labelsSent(h).at("ds01.user"), "alice");
}

TEST(NamedOwner, aLauncherMakesNothingForWhoIsMoreThanAUser) {
  Harness h;
  admitBob(h);
  h.site.with_role = {"bob"};
  h.identities.caller.service = true;
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", devcontainer("/home/bob/x"));
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, testing::HasSubstr("a launcher makes none for them"));
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST(NamedOwner, anOrdinaryUsersLabelNamesNobody) {
  Harness h;
  admitBob(h);
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/create", devcontainer("/home/bob/x"))->status, 403);
  const auto reply = client.request("POST", "/containers/create",
                                    R"({"Image":"busybox","Labels":{"devcontainer.local_folder":"/home/bob/x"}})");
  ASSERT_EQ(reply->status, 201);
  EXPECT_EQ(labelsSent(h).at("ds01.user"), "alice");
  EXPECT_FALSE(h.events.of("container.create").at(0).details.contains("owner"));
}

TEST(NamedOwner, aFolderOfNobodyIsTheCallers) {
  Harness h;
  admitBob(h);
  h.identities.caller.admin = true;
  h.identities.users["bob"].home = "/srv/bob";
  Client client = h.connect();
  for (const char* folder : {"/home/bob/x", "/home/nobody/x", "/home/bob/../carol/x", "/srv/bob/x"}) {
    ASSERT_EQ(client.request("POST", "/containers/create", devcontainer(folder))->status, 201) << folder;
  }
  EXPECT_EQ(labelsSent(h).at("ds01.user"), "alice");
  EXPECT_FALSE(h.events.of("container.create").at(0).details.contains("owner"));
}

TEST(NamedOwner, aUserDatabaseThatIsAwayRefuses) {
  Harness h;
  admitBob(h);
  h.identities.caller.admin = true;
  h.identities.users_away = true;
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", devcontainer("/home/bob/x"));
  EXPECT_EQ(reply->status, 503);
  EXPECT_TRUE(h.grants.entries().empty());
}

TEST(Update, goesOnWithinTheLimitsAndSaysWhatWasCut) {
  Harness h;
  h.ownership.add("mine", fullId('a'), "alice");
  h.engine().answer("POST", "/containers/" + fullId('a') + "/update", 200, R"({"Warnings":["theirs"]})");
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/mine/update", R"({"Memory":1073741824,"MemorySwap":-1})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  // The fake Engine has no swap limit.
  EXPECT_THAT(reply->body, HasSubstr("theirs"));
  EXPECT_EQ(json::parse(h.engine().requests().at(0).body), (json::value{{"Memory", 1073741824}}));
}

TEST(Update, theRestIsRefused) {
  Harness h;
  h.ownership.add("mine", fullId('a'), "alice");
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/mine/update", R"({"CgroupParent":"/"})");
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("docker update cannot set CgroupParent here"));
  EXPECT_TRUE(h.engine().requests().empty());
}

}  // namespace
}  // namespace ds01::gateway::test
