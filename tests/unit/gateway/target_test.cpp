#include "gateway/target.h"

#include <gtest/gtest.h>

namespace ds01::gateway {
namespace {

class BadTarget : public testing::TestWithParam<std::string> {};

TEST_P(BadTarget, isRefused) {
  const auto target = parseTarget(GetParam());
  ASSERT_FALSE(target.has_value());
  EXPECT_EQ(target.error().http_status, 400);
}

INSTANTIATE_TEST_SUITE_P(Path, BadTarget,
                         testing::Values("", "x", "//containers/json", "/containers//json", "/containers/", "/./x",
                                         "/a/../b", "/a/%2e%2e/b", "/a/%2E/b", "/a%2fb", "/a%2Fb", "/a%00b", "/a%0ab",
                                         "/a%7f", "/a%", "/a%2", "/a%zz", "/v1/info", "/v1.2.3/info", "/v./info",
                                         "/v1./info", "/v99999.1/info", "/v1.41//info"));
INSTANTIATE_TEST_SUITE_P(Query, BadTarget,
                         testing::Values("/a?b=1;c=2", "/a?b=%", "/a?%zz=1", "/a?b=1&b=2", "/a?b=1&%62=2", "/a?b=%00",
                                         "/a?networkmode=none&networkmode=host", "/a?container=x&container=y"));

TEST(Target, isBoundedInParts) {
  std::string query = "/a?";
  for (int i = 0; i < 512; ++i) query += std::to_string(i) + "&";
  EXPECT_TRUE(parseTarget(query).has_value());
  EXPECT_FALSE(parseTarget(query + "x").has_value());
  std::string path;
  for (int i = 0; i < 64; ++i) path += "/a";
  EXPECT_TRUE(parseTarget(path).has_value());
  EXPECT_FALSE(parseTarget(path + "/a").has_value());
}

TEST(Target, splitsVersionPathAndQuery) {
  const auto target = parseTarget("/v1.41/containers/my%2Dbox/json?size=1&name=a+b%2Bc&flag&&x=");
  ASSERT_TRUE(target.has_value()) << target.error().text;
  EXPECT_EQ(target->version, (ApiVersion{1, 41}));
  EXPECT_EQ(target->segments, (std::vector<std::string>{"containers", "my-box", "json"}));
  EXPECT_EQ(*target->get("name"), "a b+c");
  EXPECT_EQ(*target->get("flag"), "");
  EXPECT_EQ(target->get("nothing"), nullptr);
  EXPECT_EQ(target->path(), "/containers/my-box/json");
  EXPECT_EQ(serialise(*target), "/v1.41/containers/my-box/json?size=1&name=a%20b%2Bc&flag=&x=");
}

TEST(Target, withoutVersion) {
  const auto target = parseTarget("/version");
  ASSERT_TRUE(target.has_value());
  EXPECT_FALSE(target->version);
  EXPECT_EQ(serialise(*target), "/version");
}

TEST(Target, listsMayRepeatAndKeepTheirOrder) {
  const auto target = parseTarget("/build?t=a:1&t=b&names=x&names=y");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(serialise(*target), "/build?t=a:1&t=b&names=x&names=y");
}

TEST(Target, imageNamesStayReadable) {
  const auto target = parseTarget("/images/reg.example:5000/team/img@sha256:abc/json");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(serialise(*target), "/images/reg.example:5000/team/img@sha256:abc/json");
}

TEST(Target, whatIsSerialisedReadsBackTheSame) {
  for (const char* raw :
       {"/a?x=%26%3D%3B%23%25%2F", "/a%3Fb/%25", "/a?%26=%3D", "/a?filters=%7B%22a%22%3A%5B%22b%22%5D%7D"}) {
    const auto once = parseTarget(raw);
    ASSERT_TRUE(once.has_value()) << raw;
    const auto twice = parseTarget(serialise(*once));
    ASSERT_TRUE(twice.has_value()) << raw;
    EXPECT_EQ(twice->segments, once->segments);
    ASSERT_EQ(twice->query.size(), once->query.size());
    for (std::size_t i = 0; i < once->query.size(); ++i) {
      EXPECT_EQ(twice->query[i].key, once->query[i].key);
      EXPECT_EQ(twice->query[i].value, once->query[i].value);
    }
  }
}

TEST(Target, setReplacesAndEraseRemoves) {
  auto target = parseTarget("/a?filters=x&b=1");
  ASSERT_TRUE(target.has_value());
  target->set("filters", "y z");
  EXPECT_EQ(serialise(*target), "/a?b=1&filters=y%20z");
  target->erase("b");
  EXPECT_EQ(serialise(*target), "/a?filters=y%20z");
}

TEST(Target, booleansAsTheEngineReadsThem) {
  for (const char* yes : {"1", "true", "T", "yes", "anything", "%201"}) {
    EXPECT_TRUE(parseTarget(std::string("/a?force=") + yes)->truthy("force")) << yes;
  }
  for (const char* no : {"", "0", "no", "false", "FALSE", "None", "%20false%20"}) {
    EXPECT_FALSE(parseTarget(std::string("/a?force=") + no)->truthy("force")) << no;
  }
  EXPECT_FALSE(parseTarget("/a")->truthy("force"));
}

}  // namespace
}  // namespace ds01::gateway
