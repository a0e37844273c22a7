#include "config/keys.h"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace ds01::config {
namespace {

std::string_view statusWord(const Key& key) {
  switch (key.status) {
    case KeyStatus::Honoured:
      return "honoured";
    case KeyStatus::NotYet:
      return "not yet honoured";
    case KeyStatus::Alias:
      return "older name";
    case KeyStatus::Unread:
      return "no effect";
  }
  return "";
}

// A key's line in docs/admin/config.md.
std::string documentationLine(const Key& key) {
  const std::string see = key.see.empty() ? "" : fmt::format(" See `{}`.", key.see);
  return fmt::format("| `{}` | {} | {}{} |", documentedName(key), statusWord(key), key.doc, see);
}

TEST(KeyTable, HasEachKeyOfABlockOnce) {
  std::set<std::pair<Block, std::string_view>> seen;
  for (const Key& key : keyTable()) {
    EXPECT_TRUE(seen.emplace(key.block, key.name).second) << key.name;
    EXPECT_NE(key.block, Block::None) << key.name;
    EXPECT_FALSE(key.doc.empty()) << key.name;
  }
}

TEST(KeyTable, IsCompleteInItself) {
  for (const Key& key : keyTable()) {
    const bool nests = key.type == ValueType::Mapping || key.type == ValueType::MappingList;
    EXPECT_EQ(nests, key.child != Block::None) << key.name;
    EXPECT_EQ(key.type == ValueType::Choice, !key.choices.empty()) << key.name;
    EXPECT_EQ(key.type == ValueType::Duration, key.unit != 0) << key.name;
    EXPECT_TRUE(key.status != KeyStatus::Alias || findKey(key.block, key.see)) << key.name;
  }
}

TEST(KeyTable, IsWhatTheDocumentationSays) {
  const std::string docs = test::readFile(DS01_SOURCE_DIR "/docs/admin/config.md");
  for (const Key& key : keyTable()) {
    if (key.name == "*") continue;
    EXPECT_NE(docs.find(documentationLine(key) + "\n"), std::string::npos) << documentationLine(key);
  }
}

TEST(FindKey, KnowsTheUnitsOfDurations) {
  EXPECT_EQ(findKey(Block::Limits, "max_runtime")->unit, 0);
  EXPECT_EQ(findKey(Block::Limits, "max_runtime_h")->unit, 'h');
  EXPECT_EQ(findKey(Block::Limits, "max_runtime_m")->unit, 'm');
  EXPECT_FALSE(findKey(Block::Limits, "max_runtime_y"));
  EXPECT_FALSE(findKey(Block::Limits, "max_runtime_"));
  EXPECT_FALSE(findKey(Block::Limits, "memory_h"));
  EXPECT_EQ(documentedName(*findKey(Block::Limits, "max_runtime")->key), "max_runtime_h");
}

TEST(FindKey, KeepsKeysInTheirPlace) {
  EXPECT_TRUE(findKey(Block::Limits, "memory"));
  EXPECT_TRUE(findKey(Block::Group, "memory"));
  EXPECT_TRUE(findKey(Block::Group, "members"));
  EXPECT_FALSE(findKey(Block::Limits, "members"));
  EXPECT_FALSE(findKey(Block::Site, "memory"));
  EXPECT_TRUE(findKey(Block::Policies, "sigterm_grace_s"));
  EXPECT_TRUE(findKey(Block::LimitsPolicies, "sigterm_grace_s"));
  EXPECT_FALSE(findKey(Block::LimitsPolicies, "grace_period_m"));
}

TEST(Suggestion, FindsWhatIsAtMostTwoSlipsAway) {
  EXPECT_EQ(suggestion(Block::Limits, "memmory"), "memory");
  EXPECT_EQ(suggestion(Block::Limits, "max_runtim_h"), "max_runtime_h");
  EXPECT_EQ(suggestion(Block::Limits, "max_gpu_equivalent"), "max_gpu_equivalents");
  EXPECT_EQ(suggestion(Block::Limits, "pids_limti"), "pids_limit");
  EXPECT_EQ(suggestion(Block::Site, "groupes"), "groups");
  EXPECT_EQ(suggestion(Block::Site, "maintenance"), "");
  EXPECT_EQ(suggestion(Block::Limits, "xy"), "");
  EXPECT_EQ(suggestion(Block::Limits, std::string(1 << 20, 'm')), "");
}

}  // namespace
}  // namespace ds01::config
