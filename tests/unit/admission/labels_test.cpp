#include <string>

#include <gtest/gtest.h>

#include "admission/admission.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

std::string reasonFor(std::size_t label_bytes) {
  const json::object labels{{"k", std::string(label_bytes - 1, 'x')}};
  auto examined =
      examine(json::object{{"Image", "x"}, {"HostConfig", json::object()}, {"Labels", labels}}, test::student());
  return examined ? "" : examined.error().reason;
}

TEST(Labels, AreBoundedTogether) {
  EXPECT_EQ(reasonFor(256UL * 1024), "");
  EXPECT_EQ(reasonFor(256UL * 1024 + 1), "labels_too_large");
}

TEST(Labels, NoImageCanSayThatThereIsALease) {
  Facts facts = test::student();
  facts.image_labels.clear();  // what it had when it was looked at
  auto examined = examine(json::object{{"Image", "x"}, {"HostConfig", json::object()}}, facts);
  ASSERT_TRUE(examined);
  const json::object body = complete(std::move(*examined), {});
  EXPECT_EQ(body.at("Labels").at("ds01.lease").as_string(), "");
}

TEST(Labels, TheTypeComesFromTheFirstThatMatches) {
  const auto type = [](const char* labels, const char* agent, const char* name) {
    Facts facts = test::student();
    facts.user_agent = agent;
    facts.container_name = name;
    auto examined = examine(
        json::object{{"Image", "x"}, {"HostConfig", json::object()}, {"Labels", test::parseObject(labels)}}, facts);
    return std::string(examined->body.at("Labels").at("ds01.container_type").as_string());
  };
  EXPECT_EQ(type(R"({"devcontainer.local_folder":"/home/a/x","com.docker.compose.project":"p"})", "x", ""),
            "devcontainer");
  EXPECT_EQ(type(R"({"com.docker.compose.project":"p"})", "Docker-Client/28", ""), "compose");
  EXPECT_EQ(type("{}", "", "jupyter-ada"), "jupyter");
  EXPECT_EQ(type("{}", "Docker-Client/28.2 (linux)", ""), "docker");
  EXPECT_EQ(type("{}", "python-requests/2", ""), "api");
  EXPECT_EQ(type("{}", "", ""), "unknown");
}

}  // namespace
}  // namespace ds01::admission
