#include "events/jsonl/log_reader.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_dir.h"

namespace ds01::events {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogReaderTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text, int age = 0) {
    const std::string path = dir_.file(name);
    std::ofstream(path) << text;
    const timespec at{.tv_sec = 1'700'000'000 - age, .tv_nsec = 0};
    const timespec times[2] = {at, at};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  std::vector<std::string> read(ReadBackOptions options = {}, std::size_t most = 100) {
    options.path = dir_.file("events.jsonl");
    std::vector<std::string> lines;
    const auto outcome = readBack(options, [&](std::string_view line) {
      lines.emplace_back(line);
      return lines.size() < most;
    });
    EXPECT_TRUE(outcome);
    if (outcome) outcome_ = *outcome;
    return lines;
  }

  ds01::test::TempDir dir_;
  ReadBackOutcome outcome_;
};

TEST_F(LogReaderTest, NoFileHasNoLines) {
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_FALSE(outcome_.gave_up);
}

TEST_F(LogReaderTest, TheNewestLineComesFirstWhateverTheBlocksAre) {
  write("events.jsonl", "one\ntwo\n\nthree four five\nsix");
  for (const std::size_t block : {1UL, 2UL, 3UL, 7UL, 4096UL}) {
    EXPECT_THAT(read({.path = {}, .block_bytes = block}), ElementsAre("six", "three four five", "two", "one")) << block;
  }
  EXPECT_THAT(read({}, 2), ElementsAre("six", "three four five"));
}

TEST_F(LogReaderTest, RotatedFilesFollowNewestFirst) {
  write("events.jsonl", "c\n", 0);
  write("events.jsonl-20261123", "a\n", 200);
  write("events.jsonl-20261124", "b1\nb2\n", 100);
  write("events.jsonl-20261101.gz", "packed", 300);
  write("events.json", "other\n");
  write("events.jsonlike", "other\n");
  std::filesystem::create_symlink(dir_.file("events.json"), dir_.file("events.jsonl.1"));
  EXPECT_THAT(read(), ElementsAre("c", "b2", "b1", "a"));
  EXPECT_EQ(outcome_.compressed, 1U);
}

TEST_F(LogReaderTest, StopsWhereItsBudgetEnds) {
  write("events.jsonl", "aaaa\nbbbb\ncccc\n");
  EXPECT_THAT(read({.path = {}, .max_bytes = 8, .block_bytes = 4}), ElementsAre("cccc"));
  EXPECT_TRUE(outcome_.gave_up);
}

TEST_F(LogReaderTest, ALineThatIsTooLongIsSkipped) {
  write("events.jsonl", "short\n" + std::string(50, 'x') + "\nlast\n");
  for (const std::size_t block : {3UL, 16UL, 4096UL}) {
    EXPECT_THAT(read({.path = {}, .block_bytes = block, .longest_line = 20}), ElementsAre("last", "short")) << block;
  }
}

TEST_F(LogReaderTest, ALinkIsNotFollowed) {
  write("other", "secret\n");
  std::filesystem::create_symlink(dir_.file("other"), dir_.file("events.jsonl"));
  const auto outcome = readBack({.path = dir_.file("events.jsonl")}, [](std::string_view) { return true; });
  EXPECT_FALSE(outcome);
}

}  // namespace
}  // namespace ds01::events
