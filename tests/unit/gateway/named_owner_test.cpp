#include "gateway/named_owner.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace ds01::gateway::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kInspect =
    R"({"Id":"b","Name":"/old","Created":"2026-01-01T00:00:00Z","Path":"s3cret","Args":["s3cret"],"Image":"sha256:1",)"
    R"("LogPath":"/s3cret","Mounts":[{"Source":"/s3cret"}],"State":{"Status":"running","Running":true,"Error":"s3cret",)"
    R"("Health":{"Log":[{"Output":"s3cret"}]}},"HostConfig":{"Binds":["/s3cret:/x"],"Privileged":true},)"
    R"("NetworkSettings":{"IPAddress":"s3cret"},"GraphDriver":{"Data":"s3cret"},"ExecIDs":["s3cret"],)"
    R"("Config":{"Image":"img","Env":["T=s3cret"],"Cmd":["s3cret"],"Labels":{"l":"s3cret"},"Entrypoint":["s3cret"]}})";

// What each route of the table gives to whom a container's maker has named: all of them, so that a new one is thought
// about.
TEST(NamedOwner, OnlyFiveRoutesAreOpen) {
  std::vector<std::string> open;
  for (const Route& route : routes()) {
    if (!refuseNamedOwner(route, Target{}))
      open.push_back(std::string(route.method) + " " + std::string(route.pattern));
  }
  EXPECT_THAT(open, testing::UnorderedElementsAre("GET /containers/{}/json", "GET /containers/{}/stats",
                                                  "POST /containers/{}/stop", "POST /containers/{}/wait",
                                                  "DELETE /containers/{}"));
}

TEST(NamedOwner, ReducedViewsKeepNoSecrets) {
  json::value inspected = json::parse(kInspect);
  reduceInspect(inspected);
  const std::string text = json::serialize(inspected);
  EXPECT_THAT(text, Not(HasSubstr("s3cret")));
  EXPECT_THAT(text, Not(HasSubstr("Privileged")));
  EXPECT_THAT(text, HasSubstr(R"("Status":"running")"));
  EXPECT_THAT(text, HasSubstr(R"("Name":"/old")"));
  json::value item = json::parse(R"({"Id":"b","Names":["/old"],"Command":"run s3cret","Labels":{"l":"s3cret"},)"
                                 R"("Mounts":[{"Source":"/s3cret"}],"State":"running","New":"s3cret"})");
  reduceItem(item);
  EXPECT_THAT(json::serialize(item), Not(HasSubstr("s3cret")));
  EXPECT_THAT(json::serialize(item), HasSubstr(R"("State":"running")"));
  for (json::value odd : {json::value(nullptr), json::value(7), json::value(json::array{"x"})}) {
    const json::value before = odd;
    reduceInspect(odd);
    reduceItem(odd);
    EXPECT_EQ(odd, before);
  }
}

TEST(NamedOwner, ListsAreMergedByAge) {
  const json::array own = json::parse(R"([{"Id":"a","Created":30},{"Id":"b","Created":10}])").as_array();
  const json::array named = json::parse(R"([{"Id":"c","Created":20},{"Id":"d"}])").as_array();
  EXPECT_EQ(json::serialize(mergeByAge(own, named, 0)),
            R"([{"Id":"a","Created":30},{"Id":"c","Created":20},{"Id":"b","Created":10},{"Id":"d"}])");
  EXPECT_EQ(mergeByAge(own, named, 2).size(), 2u);
}

TEST(NamedOwner, WhoAsksByLabelIsNotShownThem) {
  const std::vector<ContainerId> named{ContainerId(fullId('a')), ContainerId(fullId('b'))};
  for (const char* hidden : {"label", "volume", "network", "ancestor", "publish", "expose", "health", "made-up"}) {
    EXPECT_FALSE(filtersForNamed({{hidden, {"x"}}}, named)) << hidden;
  }
  EXPECT_FALSE(filtersForNamed({{"id", {"c"}}}, named));
  EXPECT_FALSE(filtersForNamed({}, {}));
  EXPECT_EQ(filtersForNamed({{"id", {"b"}}, {"status", {"exited"}}}, named),
            (Filters{{"id", {fullId('b')}}, {"status", {"exited"}}}));
  EXPECT_EQ(filtersForNamed({}, named), (Filters{{"id", {fullId('a'), fullId('b')}}}));
  const std::vector<ContainerId> many(5000, ContainerId(fullId('a')));
  EXPECT_LE(filtersForNamed({}, many)->at("id").size(), 200u);
}

class NamedOwnerTest : public testing::Test {
 protected:
  NamedOwnerTest() {
    h.ownership.addNamed("old", kOld, "alice");
    h.ownership.addNamed("bobs", kBobs, "bob");
  }
  std::optional<Reply> ask(const std::string& method, const std::string& target) {
    return h.connect().request(method, "/v1.41" + target, method == "POST" ? "{}" : "");
  }
  const std::string kOld = fullId('b');
  const std::string kBobs = fullId('c');
  Harness h;
};

TEST_F(NamedOwnerTest, LooksStopsAndRemoves) {
  h.engine().answer("GET", "/v1.41/containers/" + kOld + "/json", 200, std::string(kInspect));
  h.engine().answer("GET", "/v1.41/containers/" + kOld + "/stats?stream=0", 200, R"({"cpu":1})");
  h.engine().answer("POST", "/v1.41/containers/" + kOld + "/stop?t=3", 204, "");
  h.engine().answer("POST", "/v1.41/containers/" + kOld + "/wait", 200, R"({"StatusCode":0})");
  h.engine().answer("DELETE", "/v1.41/containers/" + kOld + "?force=1", 204, "");
  const auto inspected = ask("GET", "/containers/old/json");
  EXPECT_EQ(inspected->status, 200);
  EXPECT_THAT(inspected->body, Not(HasSubstr("s3cret")));
  EXPECT_EQ(ask("GET", "/containers/old/stats?stream=0")->body, R"({"cpu":1})");
  EXPECT_EQ(ask("POST", "/containers/old/stop?t=3")->status, 204);
  EXPECT_EQ(ask("POST", "/containers/old/wait")->status, 200);
  EXPECT_EQ(ask("DELETE", "/containers/old?force=1")->status, 204);
  EXPECT_EQ(h.ownership.removals, std::vector<std::string>{kOld});
}

TEST_F(NamedOwnerTest, DoesNothingElseToIt) {
  for (const auto& [method, target] : std::vector<std::pair<std::string, std::string>>{
           {"POST", "/containers/old/start"},
           {"POST", "/containers/old/restart"},
           {"POST", "/containers/old/kill"},
           {"POST", "/containers/old/exec"},
           {"POST", "/containers/old/attach"},
           {"POST", "/containers/old/update"},
           {"POST", "/containers/old/resize?h=1&w=1"},
           {"POST", "/containers/old/pause"},
           {"POST", "/containers/old/unpause"},
           {"POST", "/containers/old/rename?name=x"},
           {"GET", "/containers/old/logs?stdout=1"},
           {"GET", "/containers/old/top"},
           {"GET", "/containers/old/changes"},
           {"GET", "/containers/old/export"},
           {"GET", "/containers/old/archive?path=/"},
           {"HEAD", "/containers/old/archive?path=/"},
           {"POST", "/commit?container=old"},
           {"GET", "/containers/json?filters=%7B%22before%22:%5B%22old%22%5D%7D"},
           {"DELETE", "/containers/old?v=1"},
           {"DELETE", "/containers/old?link=1"},
           {"POST", "/containers/old/stop?signal=HUP"}}) {
    const auto reply = ask(method, target);
    ASSERT_TRUE(reply) << target;
    EXPECT_EQ(reply->status, 403) << method << " " << target;
  }
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(NamedOwnerTest, SomebodyElsesDoesNotExist) {
  EXPECT_EQ(ask("GET", "/containers/bobs/json")->status, 404);
  EXPECT_EQ(ask("POST", "/containers/bobs/stop")->status, 404);
  EXPECT_EQ(ask("DELETE", "/containers/bobs")->status, 404);
  EXPECT_TRUE(h.engine().requests().empty());
}

TEST_F(NamedOwnerTest, IsShownTheirsReducedAndNobodyElses) {
  const std::string own = fullId('a');
  h.ownership.add("mine", own, "alice");
  h.engine().answer("GET",
                    R"(/v1.41/containers/json?all=1&filters=%7B%22label%22:%7B%22ds01.user%3Dalice%22:true%7D%7D)", 200,
                    R"([{"Id":")" + own + R"(","Created":10}])");
  const std::string named = R"([{"Id":")" + kOld + R"(","Created":20,"Command":"s3cret"},{"Id":")" + kBobs + R"("}])";
  h.engine().answer("GET", R"(/v1.41/containers/json?all=1&filters=%7B%22id%22:%7B%22)" + kOld + "%22:true%7D%7D", 200,
                    named);
  const auto reply = ask("GET", "/containers/json?all=1");
  std::string asked;
  for (const auto& request : h.engine().requests()) asked += request.target + "\n";
  ASSERT_EQ(reply->status, 200) << asked;
  const json::array list = json::parse(reply->body).as_array();
  ASSERT_EQ(list.size(), 2u) << asked;
  EXPECT_EQ(list[0].at("Id").as_string(), kOld);
  EXPECT_EQ(list[1].at("Id").as_string(), own);
  EXPECT_THAT(reply->body, Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace ds01::gateway::test
