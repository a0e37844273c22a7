#include "allocator/file/state_file.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"

namespace ds01::allocator {
namespace {

mode_t modeOf(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

TEST(StateFile, NoFileIsNoText) {
  const ds01::test::TempDir dir;
  const auto text = StateFile(dir.file("state.json")).read();
  ASSERT_TRUE(text);
  EXPECT_FALSE(text->has_value());
}

TEST(StateFile, KeepsTheLastText) {
  const ds01::test::TempDir dir;
  const StateFile file(dir.file("state.json"));
  ASSERT_TRUE(file.write("one"));
  ASSERT_TRUE(file.write(std::string(300'000, 'x')));
  EXPECT_EQ((*file.read())->size(), 300'000U);
  ASSERT_TRUE(file.write(""));
  ASSERT_TRUE(file.read()->has_value());
  EXPECT_EQ(**file.read(), "");
  EXPECT_FALSE(std::filesystem::exists(dir.file("state.json.tmp")));
}

TEST(StateFile, IsForItsOwnerOnly) {
  const ds01::test::TempDir dir;
  dir.write("state.json", "old");
  ASSERT_EQ(::chmod(dir.file("state.json").c_str(), 0666), 0);
  ASSERT_TRUE(StateFile(dir.file("state.json")).write("new"));
  EXPECT_EQ(modeOf(dir.file("state.json")), 0600U);
}

TEST(StateFile, WhatACrashLeftIsReplaced) {
  const ds01::test::TempDir dir;
  dir.write("state.json.tmp", "half a te");
  const StateFile file(dir.file("state.json"));
  ASSERT_TRUE(file.write("whole"));
  EXPECT_EQ(**file.read(), "whole");
  EXPECT_FALSE(std::filesystem::exists(dir.file("state.json.tmp")));
}

TEST(StateFile, ALinkInPlaceOfTheTemporaryFileIsNotFollowed) {
  const ds01::test::TempDir dir;
  dir.write("victim", "untouched");
  std::filesystem::create_symlink(dir.file("victim"), dir.file("state.json.tmp"));
  ASSERT_TRUE(StateFile(dir.file("state.json")).write("new"));
  EXPECT_EQ(ds01::test::readFile(dir.file("victim")), "untouched");
  EXPECT_EQ(ds01::test::readFile(dir.file("state.json")), "new");
}

TEST(StateFile, FailuresNameThePathAndKeepTheOldText) {
  const ds01::test::TempDir dir;
  const StateFile file(dir.file("state.json"));
  ASSERT_TRUE(file.write("old"));
  dir.makeDir("state.json.tmp/in-the-way");
  const Status blocked = file.write("new");
  ASSERT_FALSE(blocked);
  EXPECT_NE(blocked.error().message().find("state.json.tmp"), std::string::npos);
  EXPECT_EQ(**file.read(), "old");

  const Status nowhere = StateFile(dir.file("missing/state.json")).write("x");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::NotFound);

  dir.makeDir("directory.json");
  EXPECT_FALSE(StateFile(dir.file("directory.json")).read());
  EXPECT_FALSE(StateFile(dir.file("directory.json")).write("x"));
  EXPECT_FALSE(std::filesystem::exists(dir.file("directory.json.tmp")));
}

}  // namespace
}  // namespace ds01::allocator
