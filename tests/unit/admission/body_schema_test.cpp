#include "admission/body_schema.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

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

// The guard remembers by number which fields it has seen.
void expectNumbered(const SchemaNode& node, const std::string& path) {
  std::set<std::size_t> numbers;
  for (const auto& [name, field] : node.fields) {
    EXPECT_LT(field->number, SchemaNode::kMostFields) << path << name;
    EXPECT_TRUE(numbers.insert(field->number).second) << path << name;
    const auto folded = node.folded.find(foldKey(name));
    ASSERT_NE(folded, node.folded.end()) << path << name;
    EXPECT_EQ(folded->second, name) << path;
    expectNumbered(*field, path + name + ".");
  }
  EXPECT_EQ(node.folded.size(), node.fields.size()) << path;
  if (node.any) expectNumbered(*node.any, path + "*.");
  if (node.element) expectNumbered(*node.element, path + "[].");
}

TEST(BodySchema, NumbersTheFieldsOfAStruct) {
  std::set<const SchemaNode*> roots;
  for (const BodyField& line : bodyFields()) roots.insert(bodySchema(line.method, line.path));
  for (const SchemaNode* root : roots) expectNumbered(*root, "");
}

// None is lost to a number too high or to a twin of another case.
TEST(BodySchema, KnowsEveryFieldThatIsPublished) {
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, std::string_view> rules;
  for (const BodyField& line : bodyFields()) rules[{line.method, line.path, line.field}] = line.rule;
  for (const auto& [key, rule] : rules) {
    const auto& [method, path, field] = key;
    if (rule == "unknown" || field.find('.') != std::string_view::npos || field.ends_with("[]")) continue;
    EXPECT_NE(bodySchema(method, path)->field(field), nullptr) << path << " " << field;
  }
  const SchemaNode* host = createSchema().field("HostConfig");
  for (const auto& [key, rule] : rules) {
    const auto& [method, path, field] = key;
    constexpr std::string_view kHost = "HostConfig.";
    if (path != "/containers/create" || rule == "unknown" || !field.starts_with(kHost)) continue;
    const std::string_view name = field.substr(kHost.size());
    if (name.find_first_of(".[") != std::string_view::npos) continue;
    EXPECT_NE(host->field(name), nullptr) << name;
  }
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
