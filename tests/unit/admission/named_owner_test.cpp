#include "admission/named_owner.h"

#include <string>

#include <gtest/gtest.h>

#include "admission/admission.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

std::string named(std::string_view folder) {
  const auto got = namedOwner(json::object{{"Labels", json::object{{"devcontainer.local_folder", folder}}}});
  return got ? got->login + " " + got->folder : "nobody";
}

TEST(NamedOwner, IsTheFolderBelowHome) {
  EXPECT_EQ(named("/home/alice/project"), "alice /home/alice/project");
  EXPECT_EQ(named("/home/m.curie@example.edu/a b"), "m.curie@example.edu /home/m.curie@example.edu/a b");
  EXPECT_EQ(named("/home/alice"), "alice /home/alice");
  EXPECT_EQ(named("/home/alice/x/"), "alice /home/alice/x");
  for (const std::string_view folder :
       {"", "/", "/home", "/home/", "home/alice/x", "/homes/alice", "/srv/alice", "/home//alice", "/home/./alice",
        "/home/../root", "/home/alice/../bob/x", "/home/alice/x/..", "/home/alice//x", "c:\\Users\\alice"}) {
    EXPECT_EQ(named(folder), "nobody") << folder;
  }
}

TEST(NamedOwner, OnlyThatLabelNamesSomebody) {
  EXPECT_FALSE(namedOwner(json::object{}));
  EXPECT_FALSE(namedOwner(test::parseObject(R"({"Labels":null})")));
  EXPECT_FALSE(namedOwner(test::parseObject(R"({"Labels":{"devcontainer.local_folder":null}})")));
  EXPECT_FALSE(namedOwner(test::parseObject(R"({"Labels":{"devcontainer.config_file":"/home/alice/x/d.json"}})")));
  EXPECT_FALSE(namedOwner(test::parseObject(R"({"Labels":{"devcontainer.workspaceFolder":"/home/alice/x"}})")));
}

TEST(NamedOwner, MustHaveTheirHomeThere) {
  const NamedOwner folder{"alice", "/home/alice/x"};
  User alice;
  alice.uid = 1001;
  alice.login = "alice";
  for (const auto& [home, owns] :
       {std::pair{"/home/alice", true}, std::pair{"/home/alice/", true}, std::pair{"/home/alice/x", true},
        std::pair{"/home/alic", false}, std::pair{"/home/alice/x/y", false}, std::pair{"/srv/home/alice", false},
        std::pair{"/home", true}, std::pair{"/", false}, std::pair{"", false}}) {
    alice.home = home;
    EXPECT_EQ(ownsFolder(alice, folder), owns) << home;
  }
  alice.home = "/home/alice";
  alice.login = "Alice";
  EXPECT_FALSE(ownsFolder(alice, folder)) << "the database's spelling counts";
  alice.login = "alice";
  alice.uid = 0;
  EXPECT_FALSE(ownsFolder(alice, folder)) << "nobody makes containers for root";
}

TEST(NamedOwner, GetsLabelsAndCgroupWhileTheCallersRightsHold) {
  Facts facts = test::student();
  facts.caller.user.login = "dashboard";
  facts.caller.service = true;
  facts.owner.emplace();
  facts.owner->login = "bob";
  facts.owner->uid = 1002;
  facts.cgroup_parent = "ds01-student-bob.slice";
  const auto got = examine(test::parseObject(R"({"HostConfig":{}})"), facts);
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->body.at("Labels").at("ds01.user"), "bob");
  EXPECT_EQ(got->body.at("Labels").at("ds01.uid"), "1002");
  EXPECT_EQ(got->body.at("Labels").at("ds01.made_by"), "dashboard");
  EXPECT_EQ(got->body.at("HostConfig").at("CgroupParent"), "ds01-student-bob.slice");
  EXPECT_FALSE(examine(test::parseObject(R"({"HostConfig":{"Privileged":true}})"), facts));
  facts.caller.service = false;
  facts.caller.admin = true;
  EXPECT_TRUE(examine(test::parseObject(R"({"HostConfig":{"Privileged":true}})"), facts));
}

}  // namespace
}  // namespace ds01::admission
