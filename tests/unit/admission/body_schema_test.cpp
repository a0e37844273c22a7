#include "admission/body_schema.h"

#include <gtest/gtest.h>

namespace ds01::admission {
namespace {

const SchemaNode& createSchema() {
  return *bodySchema("POST", "/containers/create");
}

TEST(BodySchema, KnowsStructsMapsAndLists) {
  const SchemaNode* host = createSchema().field("HostConfig");
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->field("Memory")->type, FieldType::Integer);
  EXPECT_EQ(host->field("Mounts")->element->field("Type")->type, FieldType::String);
  EXPECT_EQ(host->field("PortBindings")->type, FieldType::Map);
  EXPECT_EQ(host->field("PortBindings")->any->element->field("HostPort")->type, FieldType::String);
  EXPECT_EQ(host->field("DeviceRequests")->element->field("Capabilities")->element->type, FieldType::Array);
  EXPECT_EQ(createSchema().field("Labels")->type, FieldType::Map);
  EXPECT_EQ(createSchema().field("Labels")->field("anything"), nullptr);
}

TEST(BodySchema, AppliesTheCorrections) {
  const SchemaNode* host = createSchema().field("HostConfig");
  EXPECT_EQ(host->field("NanoCPUs"), nullptr);
  EXPECT_EQ(host->folded.find("nanocpus")->second, "NanoCpus");
  EXPECT_EQ(createSchema().field("Volumes")->field("additionalProperties"), nullptr);
  EXPECT_EQ(createSchema().field("Cmd")->type, FieldType::StringOrArray);
  EXPECT_EQ(createSchema().field("Runtime")->rule, FieldRule::Zero);
  EXPECT_EQ(bodySchema("POST", "/containers/{}/exec")->field("Container")->rule, FieldRule::Drop);
}

TEST(BodySchema, KnowsWhenAFieldAppeared) {
  EXPECT_EQ(createSchema().field("HostConfig")->field("DeviceRequests")->since, (ApiVersion{1, 40}));
  EXPECT_EQ(createSchema().field("HostConfig")->field("Annotations")->since, (ApiVersion{1, 43}));
}

TEST(BodySchema, EveryLineOfTheDataIsUsable) {
  for (const BodyField& line : bodyFields()) {
    const SchemaNode* root = bodySchema(line.method, line.path);
    ASSERT_NE(root, nullptr) << line.path;
    EXPECT_TRUE(line.rule == "zero" || line.rule == "drop" || line.rule == "unknown" || line.rule.starts_with("1."))
        << line.path << " " << line.field << " " << line.rule;
  }
  EXPECT_GT(bodyFields().size(), 850U);
}

TEST(FoldKey, FoldsAsGoDoes) {
  EXPECT_EQ(foldKey("HostConfig"), "hostconfig");
  EXPECT_EQ(foldKey("Bind\xC5\xBF"), "binds");
  EXPECT_EQ(foldKey("\xE2\x84\xAA"), "k");
  EXPECT_EQ(foldKey("\xC5\xBE\xC3\x89"), "\xC5\xBE\xC3\x89");
  EXPECT_EQ(foldKey(""), "");
}

}  // namespace
}  // namespace ds01::admission
