#include "gateway/prune.h"

#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"
#include "harness.h"

namespace ds01::gateway {
namespace {

using test::Client;
using test::fullId;
using test::Harness;
using testing::ElementsAre;
using testing::HasSubstr;

const TimePoint kNow = parseRfc3339("2026-11-25T12:00:00Z").value();

TEST(PruneUntil, ReadsWhatDockerReads) {
  const auto ago = [](std::chrono::microseconds time) { return std::optional(kNow - time); };
  using namespace std::chrono_literals;
  EXPECT_EQ(readUntil("10m", kNow), ago(10min));
  EXPECT_EQ(readUntil("1h30m", kNow), ago(90min));
  EXPECT_EQ(readUntil("1.5h", kNow), ago(90min));
  EXPECT_EQ(readUntil("250ms", kNow), ago(250ms));
  EXPECT_EQ(readUntil("-1m", kNow), ago(-1min));
  EXPECT_EQ(readUntil("1µs", kNow), ago(1us));
  EXPECT_EQ(readUntil("2026-11-25T11:00:00Z", kNow), ago(1h));
  EXPECT_EQ(readUntil("1136073600", kNow), TimePoint(1'136'073'600s));
  EXPECT_EQ(readUntil("1136073600.5", kNow), TimePoint(1'136'073'600'500ms));
  for (const char* text : {"", "-", "x", "h", "1d", "1h2", "1 h", ".", "1e3s", "1..5h", "99999999999999999999h",
                           "999999999999999999999", "nan", "inf", "2026-11-25", "0x10"}) {
    EXPECT_FALSE(readUntil(text, kNow)) << text;
  }
}

TEST(PruneOrder, KnowsTheEnginesFilters) {
  const auto order = readPruneOrder({{"label", {"a=b"}}, {"label!", {"keep"}}, {"until", {"1h"}}}, kNow);
  ASSERT_TRUE(order);
  EXPECT_THAT(order->list.at("label"), ElementsAre("a=b"));
  EXPECT_THAT(order->list.at("status"), ElementsAre("created", "dead", "exited"));
  EXPECT_THAT(order->spared_labels, ElementsAre("keep"));
  EXPECT_EQ(order->until, kNow - std::chrono::hours(1));
  EXPECT_FALSE(readPruneOrder({{"name", {"x"}}}, kNow));
  EXPECT_FALSE(readPruneOrder({{"until", {"1h", "2h"}}}, kNow));
  EXPECT_FALSE(readPruneOrder({{"until", {}}}, kNow));
}

std::vector<std::string> idsOf(const std::string& list, const PruneOrder& order) {
  std::vector<std::string> ids;
  for (const PruneCandidate& found : prunable(boost::json::parse(list), order)) ids.push_back(found.id);
  return ids;
}

TEST(PruneOrder, SparesWhatHasAllOfTheLabels) {
  const std::string list = R"([{"Id":"1","Labels":{"a":"b"}},{"Id":"2","Labels":{"a":"b","c":""}},
                               {"Id":"3","Labels":null},{"Id":"4"},{"NoId":5},6])";
  PruneOrder order;
  EXPECT_THAT(idsOf(list, order), ElementsAre("1", "2", "3", "4"));
  order.spared_labels = {"a"};
  EXPECT_THAT(idsOf(list, order), ElementsAre("3", "4"));
  order.spared_labels = {"a=x"};
  EXPECT_THAT(idsOf(list, order), ElementsAre("1", "2", "3", "4"));
  order.spared_labels = {"a=b", "c"};
  EXPECT_THAT(idsOf(list, order), ElementsAre("1", "3", "4"));
  EXPECT_TRUE(prunable(boost::json::parse("{}"), order).empty());
}

TEST(PruneOrder, TakesOnlyWhatIsSurelyOlder) {
  PruneOrder order;
  order.until = TimePoint(std::chrono::seconds(100));
  EXPECT_THAT(idsOf(R"([{"Id":"old","Created":99},{"Id":"young","Created":100},{"Id":"none"}])", order),
              ElementsAre("old"));
}

class PruneTest : public testing::Test {
 protected:
  PruneTest() {
    h.ownership.add("mine", kMine, "alice");
    h.ownership.add("running", kStarted, "alice");
    h.ownership.add("forged", kForged, std::nullopt);
    const std::string labels = R"("Labels":{"ds01.user":"alice"})";
    h.engine().answer("GET", "/v1.41/containers/json", 200,
                      fmt::format(R"([{{"Id":"{}","SizeRw":7,{}}},{{"Id":"{}",{}}},{{"Id":"{}","SizeRw":5,{}}}])",
                                  kMine, labels, kForged, labels, kStarted, labels));
    h.engine().answer("DELETE", "/v1.41/containers/" + kMine, 204, "");
    h.engine().answer("DELETE", "/v1.41/containers/" + kStarted, 409, R"({"message":"it runs"})");
  }
  std::vector<std::string> asked() {
    std::vector<std::string> out;
    for (const auto& request : h.engine().requests()) out.push_back(request.method + " " + request.target);
    return out;
  }

  const std::string kMine = fullId('a');
  const std::string kForged = fullId('b');
  const std::string kStarted = fullId('c');
  Harness h;
};

// An image can carry the label ds01.user; whoever runs it outside of our path would lose the container.
TEST_F(PruneTest, RemovesWhatIsProvablyTheCallersOneByOne) {
  Client client = h.connect();
  const auto reply = client.request("POST", "/v1.41/containers/prune?filters=%7B%22label%22%3A%5B%22x%22%5D%7D");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, R"({"ContainersDeleted":[")" + kMine + R"("],"SpaceReclaimed":7})");
  const std::vector<std::string> sent = asked();
  ASSERT_EQ(sent.size(), 3U);
  EXPECT_THAT(sent[0], HasSubstr("GET /v1.41/containers/json?all=1&size=1&filters="));
  EXPECT_THAT(sent[0], HasSubstr("%22ds01.user%3Dalice%22:true"));
  EXPECT_THAT(sent[0], HasSubstr("%22x%22:true"));
  EXPECT_EQ(sent[1], "DELETE /v1.41/containers/" + kMine);
  EXPECT_EQ(sent[2], "DELETE /v1.41/containers/" + kStarted);
  EXPECT_EQ(h.ownership.removals, std::vector<std::string>{kMine});
}

TEST_F(PruneTest, NothingToRemoveIsNull) {
  h.engine().answer("GET", "/containers/json", 200, "[]");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/prune")->body, R"({"ContainersDeleted":null,"SpaceReclaimed":0})");
}

TEST_F(PruneTest, RefusesWhatItDoesNotUnderstand) {
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/prune?filters=%7B%22until%22%3A%5B%22x%22%5D%7D")->status, 400);
  EXPECT_EQ(client.request("POST", "/containers/prune?filters=%7B%22id%22%3A%5B%22x%22%5D%7D")->status, 400);
  EXPECT_TRUE(asked().empty());
}

TEST_F(PruneTest, AnEngineThatIsAwayIsSaid) {
  h.engine().answer("GET", "/containers/json", 500, R"({"message":"no"})");
  Client client = h.connect();
  EXPECT_GE(client.request("POST", "/containers/prune")->status, 500);
}

}  // namespace
}  // namespace ds01::gateway
