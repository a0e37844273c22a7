#include <array>
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

struct Made {
  const char* labels;
  const char* name;
  const char* agent;
  const char* type;
};

TEST(Labels, TheTypeComesFromTheFirstThatMatches) {
  const std::array made{
      Made{R"({"devcontainer.local_folder":"/home/a/x","com.docker.compose.project":"p"})", "", "x", "devcontainer"},
      Made{R"({"devcontainer.config_file":"/home/a/x/.devcontainer.json"})", "", "", "devcontainer"},
      // mlc's, and labels that say nothing
      Made{R"({"devcontainer.workspaceFolder":"/workspace"})", "", "Docker-Client/20.10", "docker"},
      Made{R"({"devcontainer.metadata":"[]"})", "", "Docker-Client/20.10", "docker"},
      Made{R"({"devcontainer.local_folder":"","com.docker.compose.project":""})", "", "", "unknown"},
      Made{R"({"devcontainer.local_folder":null})", "", "x", "api"},
      Made{R"({"com.docker.compose.project":"p","hub.jupyter.org/username":"a"})", "", "", "compose"},
      Made{R"({"com.docker.compose.project":"p"})", "", "Docker-Client/28", "compose"},
      Made{R"({"hub.jupyter.org/username":"a"})", "", "docker-sdk-python/7", "jupyter"},
      Made{"{}", "jupyter-ada", "Docker-Client/28", "jupyter"},
      Made{"{}", "/jupyter-ada", "", "jupyter"},
      Made{"{}", "my-jupyter-ada", "", "unknown"},
      Made{"{}", "jupyter", "Docker-Client/28.2 (linux)", "docker"},
      Made{"{}", "", "docker-client/28", "api"},
      Made{"{}", "", "python-requests/2", "api"},
      Made{"{}", "", "", "unknown"},
  };
  for (const Made& one : made) {
    Facts facts = test::student();
    facts.user_agent = one.agent;
    facts.container_name = one.name;
    // What the image says of itself decides nothing.
    facts.image_labels = {"devcontainer.local_folder", "com.docker.compose.project", "hub.jupyter.org/username"};
    auto examined = examine(json::object{{"Image", "x"}, {"Labels", test::parseObject(one.labels)}}, facts);
    ASSERT_TRUE(examined);
    EXPECT_EQ(examined->body.at("Labels").at("ds01.container_type").as_string(), one.type)
        << one.labels << one.name << one.agent;
  }
}

}  // namespace
}  // namespace ds01::admission
