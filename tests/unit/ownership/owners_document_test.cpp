// container-owners.json. tests/golden/owners/container-owners.json is what whole() comes to, read by people and by the
// policy that takes it as data; DS01_UPDATE_GOLDEN=1 writes what comes out now.
#include "ownership/owners_document.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "base/time_text.h"

namespace ds01::ownership {
namespace {

namespace json = boost::json;

const std::string kGolden = std::string(DS01_SOURCE_DIR) + "/tests/golden/owners/container-owners.json";

std::string fullId(char digit) {
  return std::string(64, digit);
}

DocumentEntry entry(char digit, std::string name) {
  return {.id = ContainerId(fullId(digit)),
          .name = std::move(name),
          .interface = "docker",
          .created = "2026-11-23T20:55:10.1Z",
          .noticed = *parseRfc3339("2026-11-24T08:00:00Z")};
}

OwnersDocument whole() {
  OwnersDocument document;
  DocumentEntry ours = entry('a', "train");
  ours.owner = {.owner = "alice@example.edu", .uid = 1001, .method = Method::Ds01Label};
  ours.proven = true;
  ours.has_gpu = true;
  DocumentEntry before = entry('b', "torch._.1002");
  before.owner = {.owner = "bob", .uid = 1002, .method = Method::ContainerName};
  before.interface = "atomic";
  before.has_gpu = true;
  DocumentEntry roots = entry('c', "exporter");
  roots.has_gpu = true;
  roots.created = "";
  DocumentEntry plain = entry('d', "plain \"quoted\"");
  plain.owner = {.owner = "bob", .uid = 1002, .method = Method::MountPath};
  document.containers = {plain, roots, before, ours};
  document.admins = {"carol"};
  document.service_users = {"ds01-dashboard"};
  document.updated = *parseRfc3339("2026-11-24T08:00:01.500Z");
  return document;
}

json::object containersOf(const OwnersDocument& document) {
  return json::parse(encode(document)).at("containers").as_object();
}

TEST(OwnersDocument, IsWhatTheGoldenFileSays) {
  const std::string text = encode(whole());
  const char* const update = std::getenv("DS01_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") std::ofstream(kGolden, std::ios::binary) << text;
  std::ifstream in(kGolden, std::ios::binary);
  const std::string expected{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(text, expected);
}

TEST(OwnersDocument, HasEachContainerUnderThreeKeys) {
  const json::object containers = containersOf(whole());
  EXPECT_EQ(containers.size(), 12u);
  for (const std::string& key : {fullId('a'), std::string(12, 'a'), std::string("train")}) {
    ASSERT_TRUE(containers.contains(key)) << key;
    EXPECT_EQ(containers.at(key).at("owner").as_string(), "alice@example.edu");
  }
}

// Users choose names: one that looks like another container's id must not stand for it.
TEST(OwnersDocument, ANameNeverTakesTheKeyOfAnId) {
  OwnersDocument document;
  DocumentEntry victim = entry('a', "victim");
  victim.owner.owner = "alice";
  for (const std::string& name : {fullId('a'), std::string(12, 'a')}) {
    DocumentEntry thief = entry('b', name);
    thief.owner.owner = "bob";
    for (const auto& order : {std::vector{victim, thief}, std::vector{thief, victim}}) {
      document.containers = order;
      const json::object containers = containersOf(document);
      EXPECT_EQ(containers.at(name).at("owner").as_string(), "alice");
      EXPECT_EQ(containers.at(fullId('b')).at("owner").as_string(), "bob");
    }
  }
}

TEST(OwnersDocument, ABeginningThatTwoIdsShareStandsForNone) {
  OwnersDocument document;
  DocumentEntry one = entry('a', "one");
  DocumentEntry two = entry('a', "two");
  two.id = ContainerId(std::string(63, 'a') + "b");
  DocumentEntry named = entry('c', std::string(12, 'a'));
  document.containers = {one, two, named};
  const json::object containers = containersOf(document);
  EXPECT_FALSE(containers.contains(std::string(12, 'a')));
  EXPECT_TRUE(containers.contains(one.id.str()));
  EXPECT_TRUE(containers.contains(two.id.str()));
}

TEST(OwnersDocument, FlagsGpusThatNobodyHasOrThatDidNotComeThroughUs) {
  const json::value document = json::parse(encode(whole()));
  const json::array& flagged = document.at("flagged_gpu_containers").as_array();
  ASSERT_EQ(flagged.size(), 2u);
  EXPECT_EQ(flagged[0].at("container_name").as_string(), "exporter");
  EXPECT_TRUE(flagged[0].at("owner").is_null());
  EXPECT_EQ(flagged[0].at("reason").as_string(), "no owner is known");
  EXPECT_EQ(flagged[1].at("owner").as_string(), "bob");
  EXPECT_EQ(flagged[1].at("reason").as_string(), "not made through DS01");
}

TEST(OwnersDocument, OfNothingIsStillWhole) {
  const json::value document = json::parse(encode({}));
  EXPECT_TRUE(document.at("containers").as_object().empty());
  EXPECT_TRUE(document.at("admins").as_array().empty());
  EXPECT_TRUE(document.at("service_users").as_array().empty());
  EXPECT_TRUE(document.at("flagged_gpu_containers").as_array().empty());
}

}  // namespace
}  // namespace ds01::ownership
