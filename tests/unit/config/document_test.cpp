#include "config/yaml/document.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_dir.h"

namespace ds01::config::yaml {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view text) {
  const auto node = parse(text, "f.yaml");
  return node ? "accepted" : toString(node.error());
}

TEST(Parse, KeepsTextPlaceAndQuotes) {
  const auto node = parse("a: 1\nb:\n  - \"2\"\n  - ~\n", "f.yaml");
  ASSERT_TRUE(node);
  ASSERT_EQ(node->kind, Node::Kind::Map);
  ASSERT_EQ(node->items.size(), 4U);
  EXPECT_EQ(node->items[0].text, "a");
  EXPECT_EQ(node->items[1].text, "1");
  EXPECT_FALSE(node->items[1].quoted);
  EXPECT_EQ(node->items[1].at.line, 1);
  EXPECT_EQ(node->items[1].at.column, 4);
  const Node& list = node->items[3];
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_TRUE(list.items[0].quoted);
  EXPECT_EQ(list.items[0].at.line, 3);
  EXPECT_EQ(list.items[1].kind, Node::Kind::Null);
}

TEST(Parse, KeepsBothOfEqualKeys) {
  EXPECT_EQ(parse("a: 1\na: 2\n", "f.yaml")->items.size(), 4U);
}

TEST(Parse, TakesAnEmptyFileForNull) {
  for (const std::string_view text : {"", "\n", "# only a comment\n", "---\n", "null\n"}) {
    const auto node = parse(text, "f.yaml");
    ASSERT_TRUE(node) << text;
    EXPECT_EQ(node->kind, Node::Kind::Null) << text;
  }
}

TEST(Parse, TellsAQuotedNullFromNull) {
  EXPECT_EQ(parse("a: \"null\"", "f.yaml")->items[1].kind, Node::Kind::Scalar);
  EXPECT_EQ(parse("a: null", "f.yaml")->items[1].kind, Node::Kind::Null);
  EXPECT_EQ(parse("a:", "f.yaml")->items[1].kind, Node::Kind::Null);
}

TEST(Parse, SaysWhereTheSyntaxBreaks) {
  EXPECT_THAT(refusal("a: 1\n b: 2\n"), HasSubstr("f.yaml:2:"));
  EXPECT_THAT(refusal("a: [1, 2\n"), HasSubstr("is not valid YAML here"));
  EXPECT_THAT(refusal("a: \"x"), HasSubstr("is not valid YAML here"));
  EXPECT_THAT(refusal("a: 1\n\tb: 2\n"), HasSubstr("is not valid YAML here"));
  EXPECT_THAT(refusal("a: 1\n]\n"), HasSubstr("error"));
}

TEST(Parse, RefusesAQuoteThatIsNeverClosed) {
  EXPECT_EQ(refusal("b: 1\na: \"x\n"), "f.yaml:2:4: error: has a quote that is never closed");
  EXPECT_THAT(refusal("ä: 'ö'\na: 'it''s\n\n"), HasSubstr("f.yaml:2:4: error: has a quote that is never closed"));
  EXPECT_THAT(refusal("\xEF\xBB\xBF"
                      "a: \"x \\\"\n"),
              HasSubstr("never closed"));
  EXPECT_EQ(refusal("a: \"x \\\" \\\\\"\n"), "accepted");
  EXPECT_EQ(refusal("\xEF\xBB\xBF"
                    "a: 'it''s'\r\nb: \"x\n  y\"\n"),
            "accepted");
  EXPECT_EQ(refusal("a: |\n  \"x\n"), "accepted");
}

TEST(Parse, RefusesAnchorsAliasesTagsAndSecondDocuments) {
  EXPECT_THAT(refusal("a: &x 1\nb: *x\n"), HasSubstr("f.yaml:1:4: error: is not valid YAML here: anchors"));
  EXPECT_THAT(refusal("a: &x {b: 1}\nc:\n  <<: *x\n"), HasSubstr("anchors"));
  EXPECT_THAT(refusal("a: *x\n"), HasSubstr("error"));
  EXPECT_THAT(refusal("a: !!str 5\n"), HasSubstr("tags are not supported"));
  EXPECT_THAT(refusal("a: !!python/object:os.system {}\n"), HasSubstr("tags are not supported"));
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("second document"));
}

TEST(Parse, RefusesBillionLaughs) {
  EXPECT_THAT(refusal("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"), HasSubstr("anchors"));
}

TEST(Parse, RefusesDeepNestingBeforeTheStackEnds) {
  std::string blocks;
  for (int i = 0; i < 2000; ++i) blocks += "- ";
  for (const std::string& text : {std::string(100'000, '['), std::string(100'000, '{'), blocks}) {
    EXPECT_THAT(refusal(text), HasSubstr("error"));
  }
  EXPECT_THAT(refusal(blocks + "1"), HasSubstr("nested over 32 deep"));
}

TEST(Parse, RefusesTooManyValues) {
  std::string text;
  for (int i = 0; i < 50'001; ++i) text += "- 1\n";
  EXPECT_THAT(refusal(text), HasSubstr("more than 50000 values"));
}

TEST(Parse, RefusesBytesThatWouldHideTheRest) {
  using namespace std::string_view_literals;
  EXPECT_THAT(refusal("a: 1\n\x04\nb: 2\n"sv), HasSubstr("f.yaml:2:1"));
  EXPECT_THAT(refusal("a: 1\0b: 2\n"sv), HasSubstr("f.yaml:1:5"));
  EXPECT_THAT(refusal("\xff\xfe"
                      "a\0:\0"sv),
              HasSubstr("f.yaml:1:1"));
}

TEST(ReadFile, TellsMissingFromUnreadable) {
  const test::TempDir dir;
  const auto missing = readFile(dir.file("none"));
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
  ASSERT_EQ(::symlink("nowhere", dir.file("link").c_str()), 0);
  EXPECT_FALSE(readFile(dir.file("link")));
  EXPECT_FALSE(readFile(dir.path()));
  ASSERT_EQ(::mkfifo(dir.file("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(readFile(dir.file("fifo")));
  EXPECT_FALSE(readFile(dir.write("f", "x") + "/below"));
}

TEST(ReadFile, ReadsUpToOneMebibyte) {
  const test::TempDir dir;
  const auto full = readFile(dir.write("full", std::string(kLargestFile, '#')));
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->size(), kLargestFile);
  const auto more = readFile(dir.write("more", std::string(kLargestFile + 1, '#')));
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message(), HasSubstr("larger than 1048576 bytes"));
}

}  // namespace
}  // namespace ds01::config::yaml
