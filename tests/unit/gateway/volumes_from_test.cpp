// --volumes-from: the Engine is told of the mounts and never of the other container.
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
using testing::IsEmpty;
using testing::Not;

MountView volumeOf(const std::string& name, const std::string& target) {
  MountView view;
  view.type = "volume";
  view.name = name;
  view.source = "/var/lib/docker/volumes/" + name + "/_data";
  view.target = target;
  return view;
}

MountView folderOf(const std::string& source, const std::string& propagation = "rprivate") {
  MountView view;
  view.type = "bind";
  view.source = source;
  view.target = "/w";
  view.propagation = propagation;
  return view;
}

class VolumesFrom : public testing::Test {
 protected:
  VolumesFrom() {
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("theirs", kTheirs, "bob");
    h.ownership.add("roots", kRoots, std::nullopt);
    h.ownership.addNamed("tracked", kTracked, "alice");
    h.engine().answer("POST", "/containers/create", 201, R"({"Id":")" + fullId('e') + R"(","Warnings":[]})");
    for (const std::string& id : {kMine, kTheirs, kRoots, kTracked}) mount(id, {volumeOf("data", "/d")});
    h.engine_client.volumes["data"] = {"data", {{"ds01.user", "alice"}}};
    h.engine_client.volumes["roots"] = {"roots", {}};
  }

  void mount(const std::string& id, std::vector<MountView> mounts) {
    ContainerView view;
    view.id = ContainerId(id);
    view.mounts = std::move(mounts);
    h.engine_client.container_views[id] = std::move(view);
  }
  int create(const std::string& host) {
    const auto reply =
        h.connect().request("POST", "/containers/create", R"({"Image":"busybox","HostConfig":)" + host + "}");
    last = reply ? reply->body : "";
    return reply ? reply->status : 0;
  }
  json::object sent() { return json::parse(h.engine().requests().back().body).at("HostConfig").as_object(); }

  const std::string kMine = fullId('a');
  const std::string kTheirs = fullId('b');
  const std::string kRoots = fullId('c');
  const std::string kTracked = fullId('d');
  Harness h;
  std::string last;
};

TEST_F(VolumesFrom, OfOnesOwnBecomesMounts) {
  h.pins.sources["/run/ds01/pins/7a/0"] = {"alice", {"/home/alice/w", "/home/alice/w:/w"}};
  mount(kMine, {volumeOf("data", "/d"), folderOf("/run/ds01/pins/7a/0")});
  ASSERT_EQ(create(R"({"VolumesFrom":["mine:ro"]})"), 201) << last;
  const json::object host = sent();
  EXPECT_FALSE(host.contains("VolumesFrom"));
  ASSERT_EQ(host.at("Mounts").as_array().size(), 2U) << json::serialize(host);
  const json::value& volume = host.at("Mounts").at(0);
  EXPECT_EQ(volume.at("Source"), "data");
  EXPECT_EQ(volume.at("ReadOnly"), true);
  const json::value& folder = host.at("Mounts").at(1);
  EXPECT_EQ(folder.at("Source"), "/run/ds01/pins/1/0") << "a pin of its own";
  EXPECT_EQ(folder.at("Target"), "/w");
  EXPECT_EQ(folder.at("ReadOnly"), true);
  EXPECT_THAT(h.pins.told(), ElementsAre("hold 1", "bind 1 " + fullId('e')));
}

TEST_F(VolumesFrom, WhatIsNotOnesOwnIsNotThere) {
  for (const std::string ref : {"theirs", "roots", "tracked", "nobody"}) {
    EXPECT_EQ(create(R"({"VolumesFrom":[")" + ref + R"("]})"), 400) << ref;
    EXPECT_THAT(last, HasSubstr("No such container: " + ref));
  }
  EXPECT_EQ(create(R"({"VolumesFrom":["mine","theirs:ro"]})"), 400) << "one is enough";
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

// Between the look at whose it is and the one at its mounts.
TEST_F(VolumesFrom, WhatHasGoneOrIsAnotherIsNotThere) {
  h.engine_client.container_views.erase(kMine);
  EXPECT_EQ(create(R"({"VolumesFrom":["mine"]})"), 400);
  EXPECT_THAT(last, HasSubstr("No such container: mine"));
  h.engine_client.container_views[kMine] = h.engine_client.container_views[kTheirs];
  EXPECT_EQ(create(R"({"VolumesFrom":["mine"]})"), 400);
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST_F(VolumesFrom, NeverAPinOrAFolderThatIsNotTheirs) {
  h.pins.sources["/run/ds01/pins/7b/0"] = {"bob", {"/home/bob/w", ""}};
  for (const std::string source :
       {"/run/ds01/pins/7b/0", "/run/ds01/pins/99/0", "/run/ds01/pins", "/etc", "/home/bob/w"}) {
    mount(kMine, {folderOf(source)});
    EXPECT_EQ(create(R"({"VolumesFrom":["mine"]})"), 403) << source;
    if (source.starts_with("/run")) {
      EXPECT_THAT(last, Not(HasSubstr("/home/bob")));
    }
  }
  mount(kMine, {folderOf("/home/alice/w", "rshared")});
  EXPECT_EQ(create(R"({"VolumesFrom":["mine"]})"), 403) << "as with -v";
  mount(kMine, {volumeOf("roots", "/w")});
  EXPECT_EQ(create(R"({"VolumesFrom":["mine"]})"), 403);
  EXPECT_THAT(last, HasSubstr("the volume is not yours"));
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST_F(VolumesFrom, OurSocketStaysOurSocket) {
  mount(kMine, {folderOf("/var/run/docker.sock")});
  ASSERT_EQ(create(R"({"VolumesFrom":["mine"]})"), 201) << last;
  EXPECT_EQ(sent().at("Mounts").at(0).at("Source"), "/run/ds01/docker.sock");
  EXPECT_EQ(sent().at("Mounts").at(0).at("ReadOnly"), true);
}

TEST_F(VolumesFrom, OfMoreThanCanBeLookedUpIsRefused) {
  std::vector<MountView> many;
  for (int i = 0; i < 300; ++i) many.push_back(volumeOf("data", "/t" + std::to_string(i)));
  mount(kMine, many);
  EXPECT_EQ(create(R"({"VolumesFrom":["mine"]})"), 400);
  EXPECT_THAT(last, HasSubstr("more than 256"));
}

TEST_F(VolumesFrom, SharedMemoryOfTheHostIsFoundBehindOthers) {
  const auto share = [this](const std::string& id, const std::string& mode) {
    h.engine_client.container_views[id].ipc_mode = mode;
  };
  share(kMine, "shareable");
  EXPECT_EQ(create(R"({"IpcMode":"container:mine"})"), 201) << last;
  share(kMine, "host");
  EXPECT_EQ(create(R"({"IpcMode":"container:mine"})"), 403);
  share(kMine, "container:" + kTheirs);
  EXPECT_EQ(create(R"({"IpcMode":"container:mine"})"), 201) << last;
  share(kTheirs, "host");
  EXPECT_EQ(create(R"({"IpcMode":"container:mine"})"), 403);
  share(kMine, "container:" + kMine);
  EXPECT_EQ(create(R"({"IpcMode":"container:mine"})"), 403) << "and a ring has no end";
}

}  // namespace
}  // namespace ds01::gateway::test
