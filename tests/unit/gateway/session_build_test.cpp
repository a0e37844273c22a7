#include "gateway/session_build.h"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buildkit/control.h"
#include "gateway/build_lines.h"
#include "harness.h"
#include "support/fake_buildkit.h"

namespace ds01::gateway {
namespace {

using ds01::test::BuildKitScript;
using ds01::test::FakeDockerd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kBuild = "/v1.41/build?version=2&remote=client-session&session=s1&buildid=b1";

class SessionBuildTest : public ::testing::Test {
 protected:
  void start(GatewayOptions options = {}, std::chrono::milliseconds patience = std::chrono::milliseconds(1)) {
    options.session_patience = patience;
    h = std::make_unique<test::Harness>(
        [this](FakeDockerd::Connection& peer) { ds01::test::serveBuildKit(script, peer); }, std::move(options));
  }
  std::optional<test::Reply> build(const std::string& more = "") { return h->connect().request("POST", kBuild + more); }
  // A client whose build goes on, and has told something.
  test::Client building(const std::string& more = "") {
    test::Client client = h->connect();
    client.send("POST " + kBuild + more + " HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
    std::string seen;
    while (seen.find("moby.buildkit.trace") == std::string::npos) {
      const std::string some = client.readSome();
      if (some.empty()) break;
      seen += some;
    }
    EXPECT_THAT(seen, HasSubstr("200 OK"));
    return client;
  }
  static bool soon(std::future<void> what) {
    return what.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
  }
  std::optional<std::string> ownerOf(const std::string& tag) {
    const auto owner = h->images.ofTag("docker.io/library/" + tag);
    return owner ? std::optional(owner->login) : std::nullopt;
  }
  // There is an image of that name from now on.
  void appears(const std::string& tag, const std::string& id) {
    const std::lock_guard lock(h->engine_client.mutex);
    h->engine_client.image_views["docker.io/library/" + tag].id = id;
  }

  BuildKitScript script;
  std::unique_ptr<test::Harness> h;
};

TEST_F(SessionBuildTest, isAskedForAndTold) {
  start();
  script.on_solve = [&] { appears("new:1", BuildKitScript::image()); };
  test::Client client = h->connect();
  const auto reply = client.request("POST", kBuild + "&t=new:1&target=first");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->header("content-type"), "application/json");
  EXPECT_EQ(reply->body, R"({"id":"moby.buildkit.trace","aux":"b25l"})"
                         "\r\n"
                         R"({"id":"moby.buildkit.trace","aux":"dHdv"})"
                         "\r\n"
                         R"({"id":"moby.image.id","aux":{"ID":")" +
                             BuildKitScript::image() + "\"}}\r\n");
  EXPECT_THAT(script.asked(), ElementsAre("POST /grpc"));
  ASSERT_EQ(script.solves.size(), 1U);
  const buildkit::SolveRequest& solve = script.solves[0];
  EXPECT_THAT(script.followed, ElementsAre(solve.ref));
  EXPECT_EQ(solve.ref.size(), 32U);
  EXPECT_EQ(solve.options.at("cmdline"), "dockerfile.v0");
  EXPECT_EQ(solve.options.at("target"), "first");
  EXPECT_EQ(solve.exporter->attributes, (buildkit::Attributes{{"name", "docker.io/library/new:1"}}));
  EXPECT_EQ(ownerOf("new:1"), "alice");
  EXPECT_EQ(h->images.ofImage(BuildKitScript::image()), "alice");
  EXPECT_EQ(client.request("POST", kBuild)->status, 200) << "the connection can be used again";
}

TEST_F(SessionBuildTest, aQuietOneTellsTheImage) {
  start();
  EXPECT_EQ(build("&q=1")->body, "{\"stream\":\"" + BuildKitScript::image() + "\\n\"}\r\n");
}

TEST_F(SessionBuildTest, filesAreNoImage) {
  start();
  EXPECT_EQ(build("&outputs=%5B%7B%22Type%22:%22local%22,%22Attrs%22:%7B%7D%7D%5D")->body,
            traceLine("one") + "\r\n" + traceLine("two") + "\r\n");
}

TEST_F(SessionBuildTest, aFailureIsToldInTheEnginesWords) {
  script.code = "2";
  script.text = "exit code: 7 \xff 100%";
  start();
  const std::string last =
      "{\"errorDetail\":{\"message\":\"exit code: 7 \xef\xbf\xbd 100%\"},\"error\":\"exit code: 7 "
      "\xef\xbf\xbd 100%\"}\r\n";
  const std::string all = traceLine("one") + "\r\n" + traceLine("two") + "\r\n" + last;
  const auto reply = build("&t=new:1");
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, all);
  EXPECT_EQ(ownerOf("new:1"), std::nullopt);
  EXPECT_EQ(build("&q=1")->body, all);
}

TEST_F(SessionBuildTest, aQuietOneThatFailsTellsTheEndOfALongStory) {
  script.code = "2";
  script.text = "no";
  script.status = {"first", std::string(700'000, 'a'), std::string(700'000, 'b'), "last"};
  start();
  EXPECT_EQ(build("&q=1")->body,
            traceLine(script.status[2]) + "\r\n" + traceLine("last") + "\r\n" + errorLine("no") + "\r\n");
}

TEST_F(SessionBuildTest, aFailureBeforeAnythingIsTold) {
  script.status = {};
  script.code = "3";
  script.text = "no such thing";
  start();
  const auto reply = build();
  EXPECT_EQ(reply->status, 400);
  EXPECT_EQ(reply->body, "{\"message\":\"no such thing\"}\n");
  script.code = "2";
  EXPECT_EQ(build()->status, 500);
}

TEST_F(SessionBuildTest, whatIsRefusedDoesNotReachTheEngine) {
  start();
  appears("bobs:1", BuildKitScript::image());
  h->images.owners.putTag("docker.io/library/bobs:1", ownership::TagOwner{"bob", true});
  EXPECT_EQ(build("&t=bobs:1")->status, 409);
  EXPECT_EQ(build("&outputs=%5B%7B%22Type%22:%22image%22,%22Attrs%22:%7B%22name%22:%22bobs:1%22%7D%7D%5D")->status,
            409);
  EXPECT_EQ(build("&unheard=1")->status, 400);
  EXPECT_EQ(build("&networkmode=host")->status, 403);
  EXPECT_EQ(build("&cgroupparent=/")->status, 403);
  EXPECT_EQ(h->connect().request("POST", kBuild, "{}")->status, 400) << "files in the body";
  EXPECT_EQ(h->connect().request("POST", "/build?version=3&remote=client-session&session=s")->status, 403);
  EXPECT_THAT(script.asked(), IsEmpty());
}

// A client that is answered before could not end its session.
TEST_F(SessionBuildTest, isAnsweredWhenTheSessionHasBegun) {
  start({}, std::chrono::minutes(10));
  test::Client waiting = h->connect();
  ASSERT_TRUE(waiting.send("POST " + kBuild + "&unheard=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"));
  const auto session = [&](const std::string& id) {
    test::Client client = h->connect();
    client.send(
        "POST /session HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        "X-Docker-Expose-Session-Uuid: " +
        id + "\r\n\r\n");
    EXPECT_EQ(client.read()->status, 101);
    client.send(std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS
    return client;
  };
  const test::Client other = session("s2");
  h->identities.become({1002, true}, test::callerNamed("bob", 1002));
  const test::Client of_bob = session("s1");
  EXPECT_EQ(h->connect().request("POST", "/build/cancel?id=x")->status, 200);  // by now it would be answered
  EXPECT_EQ(waiting.readNow(), "");
  h->identities.become({1001, true}, test::callerNamed("alice", 1001));
  const test::Client mine = session("s1");
  EXPECT_EQ(waiting.read()->status, 400);
  EXPECT_EQ(build("&unheard=1")->status, 400);
}

TEST_F(SessionBuildTest, aStopDoesNotWaitForASession) {
  start({}, std::chrono::minutes(10));
  test::Client waiting = h->connect();
  ASSERT_TRUE(waiting.send("POST " + kBuild + " HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(h->connect().request("POST", "/build/cancel?id=x")->status, 200);
  h->stop();
  EXPECT_TRUE(waiting.atEnd());
}

TEST_F(SessionBuildTest, whereBuildKitIsClosedItIs) {
  start();
  h->site.buildkit = false;
  const auto reply = build();
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("DOCKER_BUILDKIT=0"));
  EXPECT_THAT(script.asked(), IsEmpty());
}

TEST_F(SessionBuildTest, whereContainersRunAsTheirOwnerItIsClosed) {
  start();
  h->site.run_as_owner = true;
  EXPECT_THAT(build()->body, HasSubstr("run as their owner"));
  EXPECT_THAT(script.asked(), IsEmpty());
}

TEST_F(SessionBuildTest, itsMemoryIsCounted) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 1024;
  start(std::move(options));
  EXPECT_EQ(build()->status, 503);
  EXPECT_THAT(script.asked(), IsEmpty());
}

TEST_F(SessionBuildTest, thePolicyIsAskedAboutWhatTheClientAskedFor) {
  start();
  h->policies.on = true;
  EXPECT_EQ(build("&t=new")->status, 200);
  const auto asked = h->policies.asked();
  ASSERT_EQ(asked.size(), 1U);
  const auto& request = asked[0].at("request").as_object();
  EXPECT_EQ(request.at("path").as_string(), "/build");
  EXPECT_THAT(boost::json::serialize(request), HasSubstr("docker.io/library/new:latest"));
  h->policies.refuse("POST /build", "not today");
  EXPECT_THAT(build()->body, HasSubstr("not today"));
  EXPECT_EQ(script.solves.size(), 1U);
}

TEST_F(SessionBuildTest, anEngineThatIsAwayOrHasNoBuildKit) {
  script.upgrade = 404;
  start();
  const auto reply = build();
  EXPECT_EQ(reply->status, 502);
  EXPECT_THAT(reply->body, HasSubstr("404 to POST /grpc"));
  EXPECT_EQ(ownerOf("new:1"), std::nullopt);
  h->stopEngine();
  EXPECT_EQ(build()->status, 503);
}

TEST_F(SessionBuildTest, isCancelledByItsUserAlone) {
  script.endless = true;
  start();
  test::Client client = building("&t=new:1");
  std::future<void> cancelled = script.cancelled.get_future();
  const auto cancel = [&](const std::string& id) { return h->connect().request("POST", "/build/cancel?id=" + id); };
  EXPECT_EQ(cancel("b2")->status, 200);
  EXPECT_EQ(h->connect().request("POST", "/build/cancel")->status, 400);
  h->identities.become({1002, true}, test::callerNamed("bob", 1002));
  EXPECT_EQ(cancel("b1")->status, 200);
  EXPECT_EQ(cancelled.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  h->identities.become({1001, true}, test::callerNamed("alice", 1001));
  EXPECT_EQ(cancel("b1")->status, 200);
  ASSERT_TRUE(soon(std::move(cancelled)));
  EXPECT_EQ(ownerOf("new:1"), "alice") << "as long as it goes on";
  script.stopped.set_value();
  std::string rest;
  while (!rest.ends_with("0\r\n\r\n")) {
    const std::string some = client.readSome();
    if (some.empty()) break;
    rest += some;
  }
  EXPECT_THAT(rest, HasSubstr(R"("error":"context canceled"})"));
  EXPECT_EQ(ownerOf("new:1"), std::nullopt);
  EXPECT_THAT(script.asked(), ElementsAre("POST /grpc")) << "the Engine knows nothing of such a name";
}

TEST_F(SessionBuildTest, aClientThatGoesGivesItUp) {
  for (const bool half : {false, true}) {
    script.endless = true;
    script.cancelled = {};
    script.stopped = {};
    start();
    test::Client client = building("&t=new:1");
    std::future<void> cancelled = script.cancelled.get_future();
    if (half) {
      client.shutdownWrite();
    } else {
      client.close();
    }
    ASSERT_TRUE(soon(std::move(cancelled)));
    EXPECT_EQ(ownerOf("new:1"), "alice") << "as long as it goes on";
    h->identities.become({1002, true}, test::callerNamed("bob", 1002));
    appears("bobs:1", BuildKitScript::image());
    EXPECT_THAT(h->connect().request("POST", "/images/bobs:1/tag?repo=new&tag=1")->body,
                HasSubstr("the image name new:1"));
    script.stopped.set_value();
    for (int turns = 0; turns < 1'000'000 && h->connections() > 0; ++turns) std::this_thread::yield();
    EXPECT_EQ(h->connections(), 0U);
    EXPECT_EQ(ownerOf("new:1"), std::nullopt);
    h.reset();
  }
}

TEST_F(SessionBuildTest, aStopOfTheDaemonEndsIt) {
  script.endless = true;
  start();
  test::Client client = building("&t=new:1");
  h->stop();  // returns when the sessions have ended
  std::string rest;
  for (std::string some = client.readSome(); !some.empty(); some = client.readSome()) rest += some;
  EXPECT_THAT(rest, Not(HasSubstr("\r\n0\r\n"))) << "half an answer must not look whole";
  script.stopped.set_value();
}

TEST_F(SessionBuildTest, administratorsBuildsAreTheEngines) {
  start();
  h->identities.become({0, true}, test::callerNamed("root", 0, true));
  EXPECT_EQ(build()->status, 200);
  EXPECT_EQ(h->connect().request("POST", "/build/cancel?id=b1")->status, 200);
  EXPECT_THAT(script.asked(), ElementsAre("POST " + kBuild, "POST /build/cancel?id=b1"));
}

TEST_F(SessionBuildTest, whereRulesAreOnlyWatchedItGoesToTheEngine) {
  start();
  h->site.buildkit = false;
  h->site.modes.set(RuleClass::Host, Enforcement::Monitoring);
  EXPECT_EQ(build()->status, 200);
  EXPECT_EQ(h->connect().request("POST", "/build/cancel?id=b1")->status, 200);
  EXPECT_THAT(script.asked(), ElementsAre(HasSubstr("POST /v1.41/build?version=2"), "POST /build/cancel?id=b1"));
}

TEST(BuildLines, base64) {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfb", "//77"}}) {
    EXPECT_EQ(traceLine(bytes), R"({"id":"moby.buildkit.trace","aux":")" + text + "\"}");
  }
}

}  // namespace
}  // namespace ds01::gateway
