#include "docker/container_list.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace ds01::docker {
namespace {

const std::string kId(64, 'a');
const std::string kOther(64, 'b');

Result<std::vector<ContainerSummary>> readInPieces(std::string_view text, std::size_t piece) {
  ContainerListReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (const Status fed = reader.feed(text.substr(at, piece)); !fed) return fail(fed.error());
  }
  return reader.finish();
}

TEST(ContainerList, KeepsIdsAndOurLabelsOnly) {
  const std::string text = R"([{"Id":")" + kId + R"(","Names":["/x"],"Labels":{"a":"b","ds01.user":"al\u00e9",)" +
                           R"("ds01.request.profile":"full"},"Mounts":[{"Id":"no","Labels":{"ds01.user":"no"}}]},)" +
                           R"({"NetworkSettings":{"Id":"no","Labels":{"ds01.user":"no"}},"Labels":null,"Id":")" +
                           kOther + "\"}]\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
    const auto list = readInPieces(text, piece);
    ASSERT_TRUE(list) << list.error().message();
    ASSERT_EQ(list->size(), 2U);
    EXPECT_EQ((*list)[0].id.str(), kId);
    EXPECT_EQ((*list)[0].labels, (std::map<std::string, std::string>{{"ds01.user", "al\u00e9"}}));
    EXPECT_EQ((*list)[1].id.str(), kOther);
    EXPECT_TRUE((*list)[1].labels.empty());
  }
}

TEST(ContainerList, CanBeEmpty) {
  EXPECT_TRUE(readInPieces("[]", 1)->empty());
  EXPECT_TRUE(readInPieces("null\n", 1)->empty());
}

// What is missing from a list counts as gone, and its GPU goes to somebody else.
TEST(ContainerList, HalfOfItIsNone) {
  const std::string item = R"({"Id":")" + kId + "\"}";
  for (const std::string& text :
       {std::string(), std::string("["), "[" + item, "[" + item + ",", std::string("{}"), std::string("[{}]"),
        std::string("[null]"), std::string("[7]"), std::string("[\"x\"]"), std::string("[[" + item + "]]"),
        std::string(R"([{"Id":"short"}])"), std::string(R"([{"X":{"Id":")" + kId + "\"}}]"), "[" + item + "]]",
        "[" + item + "] x", std::string("7"), std::string("\"x\""), std::string("true")}) {
    for (const std::size_t piece : {std::size_t{1}, text.size() + 1}) {
      const auto list = readInPieces(text, piece);
      ASSERT_FALSE(list) << text;
      EXPECT_EQ(list.error().code(), ErrorCode::Malformed);
    }
  }
}

TEST(ContainerList, DeepNestingIsRefused) {
  const std::string text =
      R"([{"Id":")" + kId + R"(","X":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}]";
  EXPECT_FALSE(readInPieces(text, 4096));
}

}  // namespace
}  // namespace ds01::docker
