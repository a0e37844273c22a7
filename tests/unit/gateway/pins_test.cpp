// Folders of the host by way of pins: what the Engine is told, what clients are, and that no pin is lost.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/pin_views.h"
#include "harness.h"
#include "support/asio_runner.h"

namespace ds01::gateway::test {
namespace {

namespace json = boost::json;
using ds01::test::FakeDockerd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Connection = FakeDockerd::Connection;

const std::string kNew = fullId('d');
const std::string kMine = fullId('a');
const std::string kBind = R"({"Image":"busybox","HostConfig":{"Binds":["/home/alice/x:/x:ro","named:/n"],
    "Mounts":[{"Type":"bind","Source":"/home/alice/y","Target":"/y"}]}})";

std::string created() {
  return R"({"Id":")" + kNew + R"(","Warnings":[]})";
}

TEST(PinnedBinds, TheEngineIsToldOfPinsOnly) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 201, created());
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", kBind);
  ASSERT_EQ(reply->status, 201) << reply->body;
  const json::value sent = json::parse(h.engine().requests().back().body);
  const json::object& host = sent.at("HostConfig").as_object();
  EXPECT_EQ(json::serialize(host.at("Binds")), R"(["named:/n"])");
  ASSERT_EQ(host.at("Mounts").as_array().size(), 2U);
  EXPECT_EQ(host.at("Mounts").at(0).at("Source"), "/run/ds01/pins/1/0");
  EXPECT_EQ(host.at("Mounts").at(0).at("Target"), "/y");
  EXPECT_EQ(host.at("Mounts").at(1).at("Source"), "/run/ds01/pins/1/1");
  EXPECT_EQ(host.at("Mounts").at(1).at("ReadOnly"), true);
  EXPECT_THAT(h.engine().requests().back().body, Not(HasSubstr("/home/alice")));
  EXPECT_THAT(h.pins.told(), ElementsAre("hold 1", "bind 1 " + kNew));
}

TEST(PinnedBinds, AreGivenBackWhenTheEngineRefuses) {
  Harness h;
  h.engine().answer("POST", "/containers/create", 409, R"({"message":"in use: /run/ds01/pins/1/0"})");
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", kBind);
  EXPECT_EQ(reply->status, 409);
  EXPECT_THAT(reply->body, HasSubstr("in use: /home/alice/y"));
  EXPECT_THAT(h.pins.told(), ElementsAre("hold 1", "release 1"));
}

TEST(PinnedBinds, StayWhenNobodyKnowsWhatTheEngineDid) {
  Harness h([](Connection& peer) { peer.read(); });
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/create", kBind)->status, 502);
  EXPECT_THAT(h.pins.told(), ElementsAre("hold 1", "uncertain 1"));
}

TEST(PinnedBinds, WithoutThemNothingIsSentAndTheGrantIsGivenBack) {
  Harness h;
  h.pins.denial = Denial{403, "bind", "not yours"};
  Client client = h.connect();
  const auto reply = client.request("POST", "/containers/create", kBind);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("not yours"));
  EXPECT_THAT(h.engine().requests(), IsEmpty());
  EXPECT_THAT(h.grants.entries().back(), HasSubstr("release"));
}

TEST(PinnedBinds, FoldersThatCannotBeLookedAtNowAreA503) {
  Harness h;
  h.paths.away = true;
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/create", kBind)->status, 503);
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST(PinnedBinds, AreMadeAgainBeforeAStart) {
  Harness h;
  h.ownership.add("mine", kMine, "alice");
  h.engine().answer("POST", "/containers/" + kMine + "/start", 204, "");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 204);
  EXPECT_THAT(h.pins.told(), ElementsAre("again " + kMine));
  h.pins.denial = Denial{403, "bind", "no longer yours"};
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 403);
  EXPECT_EQ(h.engine().requests().size(), 1U);
}

TEST(PinnedBinds, InspectShowsWhatWasAskedFor) {
  Harness h;
  h.ownership.add("mine", kMine, "alice");
  h.pins.with_pins.insert(ContainerId(kMine));
  h.pins.sources["/run/ds01/pins/7a/0"] = {"alice", {"/home/alice/a \"b\"", "/home/alice/a \"b\":/a:ro"}};
  h.pins.sources["/run/ds01/pins/7a/1"] = {"alice", {"/home/alice/c", ""}};
  h.engine().answer("GET", "/containers/" + kMine + "/json", 200,
                    R"({"HostConfig":{"Binds":null,"Mounts":[{"Type":"bind","Source":"/run/ds01/pins/7a/0"},
                        {"Type":"bind","Source":"/run/ds01/pins/7a/1"}]},"Mounts":[{"Source":"/run/ds01/pins/7a/0"}]})");
  Client client = h.connect();
  const auto reply = client.get("/containers/mine/json");
  ASSERT_EQ(reply->status, 200);
  const json::value shown = json::parse(reply->body);
  EXPECT_EQ(json::serialize(shown.at("HostConfig").at("Binds")), R"(["/home/alice/a \"b\":/a:ro"])");
  EXPECT_EQ(shown.at("HostConfig").at("Mounts").as_array().size(), 1U);
  EXPECT_EQ(shown.at("HostConfig").at("Mounts").at(0).at("Source"), "/home/alice/c");
  EXPECT_EQ(shown.at("Mounts").at(0).at("Source"), "/home/alice/a \"b\"");
}

TEST(PinnedBinds, NobodyExecutesAsAnotherInAContainerThatRunsAsItsOwner) {
  Harness h;
  h.ownership.add("mine", kMine, "alice");
  h.engine().answer("POST", "/containers/" + kMine + "/exec", 201, R"({"Id":"e1"})");
  ContainerView view;
  view.id = ContainerId(kMine);
  view.labels[std::string(admission::kRunsAs)] = admission::kAsOwner;
  h.engine_client.container_views[kMine] = view;
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/exec", R"({"Cmd":["id"],"User":"0"})")->status, 403);
  EXPECT_EQ(client.request("POST", "/containers/mine/exec", R"({"Cmd":["id"],"User":"root"})")->status, 403);
  EXPECT_THAT(h.engine().requests(), IsEmpty());
  EXPECT_EQ(client.request("POST", "/containers/mine/exec", R"({"Cmd":["id"],"User":""})")->status, 201);
  EXPECT_EQ(client.request("POST", "/containers/mine/exec", R"({"Cmd":["id"],"User":"1001"})")->status, 201);
  EXPECT_THAT(h.engine().requests().back().body, HasSubstr("\"User\":\"1001:1001\"")) << "never the image's group";
}

TEST(PinnedBinds, ALauncherExecutesAsTheOwnerAndNotAsItself) {
  Harness h;
  h.ownership.addMadeBy("hers", kMine, "bob", "alice");
  h.identities.users["bob"] = callerNamed("bob", 1002).user;
  h.identities.caller.service = true;
  h.site.launcher = "alice";
  h.engine().answer("POST", "/containers/" + kMine + "/exec", 201, R"({"Id":"e1"})");
  ContainerView view;
  view.id = ContainerId(kMine);
  view.labels[std::string(admission::kRunsAs)] = admission::kAsOwner;
  h.engine_client.container_views[kMine] = view;
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/hers/exec", R"({"Cmd":["id"],"User":"1001"})")->status, 403);
  EXPECT_EQ(client.request("POST", "/containers/hers/exec", R"({"Cmd":["id"],"User":"0"})")->status, 403);
  EXPECT_THAT(h.engine().requests(), IsEmpty());
  EXPECT_EQ(client.request("POST", "/containers/hers/exec", R"({"Cmd":["id"],"User":"1002"})")->status, 201);
  EXPECT_THAT(h.engine().requests().back().body, HasSubstr("\"User\":\"1002:1002\""));
}

TEST(PinnedBinds, WhereIdsAreNotMappedTheEngineCopiesNothing) {
  Harness h;
  h.ownership.add("mine", kMine, "alice");
  h.pins.with_unmapped.insert(ContainerId(kMine));
  Client client = h.connect();
  for (const char* method : {"GET", "PUT"}) {
    EXPECT_EQ(client.request(method, "/containers/mine/archive?path=/x")->status, 403) << method;
  }
  EXPECT_THAT(h.engine().requests(), IsEmpty());
}

TEST(PinnedBinds, TheEngineCopiesNothingIntoFoldersOfTheHost) {
  Harness h;
  h.ownership.add("mine", kMine, "alice");
  h.pins.with_pins.insert(ContainerId(kMine));
  h.engine().answer("GET", "/containers/" + kMine + "/archive", 200, "x");
  Client client = h.connect();
  EXPECT_EQ(client.request("PUT", "/containers/mine/archive?path=/x")->status, 403);
  EXPECT_THAT(h.engine().requests(), IsEmpty());
  EXPECT_EQ(client.get("/containers/mine/archive?path=/x")->status, 200);
}

class PinViews : public testing::Test {
 protected:
  PinViews() {
    pins_.sources["/run/ds01/pins/7a/0"] = {"alice", {"/home/alice/\"", ""}};
    pins_.sources["/run/ds01/pins/8b/10"] = {"bob", {"/home/bob", ""}};
  }
  std::string shown(std::string text, std::string_view login) {
    showSources(text, pins_, login);
    return text;
  }
  FakePins pins_;
};

TEST_F(PinViews, ShowOnesOwnFolders) {
  const std::string text = "a /run/ds01/pins/7a/0 b /run/ds01/pins/8b/10, /run/ds01/pins/8b/1 /run/ds01/pins";
  EXPECT_EQ(shown(text, "alice"), "a /home/alice/\\\" b /run/ds01/pins/8b/10, /run/ds01/pins/8b/1 /run/ds01/pins");
  EXPECT_EQ(shown(text, ""), "a /home/alice/\\\" b /home/bob, /run/ds01/pins/8b/1 /run/ds01/pins");
  EXPECT_EQ(shown("/run/ds01/pins/7a", "alice"), "/run/ds01/pins/7a");
  EXPECT_EQ(shown("/run/ds01/pins/7a/", "alice"), "/run/ds01/pins/7a/");
  EXPECT_EQ(shown("/run/ds01/pins/zz/0/run/ds01/pins/7a/0", "alice"), "/run/ds01/pins/zz/0/home/alice/\\\"");
}

TEST_F(PinViews, InAStreamAreFoundWhereverItIsCut) {
  const std::string text =
      R"([{"Source":"/run/ds01/pins/8b/10","x":"/run/ds01/pin"},{"Source":"/run/ds01/pins/7a/0"}])";
  const std::string whole = shown(text, "");
  ds01::test::AsioRunner runner;
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); second += 7) {
      SourceFilter filter(pins_, "");
      std::string out = runner.run(filter.pass(text.substr(0, first)));
      out += runner.run(filter.pass(text.substr(first, second - first)));
      out += runner.run(filter.pass(text.substr(second)));
      ASSERT_EQ(out, whole) << first << " " << second;
    }
  }
}

}  // namespace
}  // namespace ds01::gateway::test
