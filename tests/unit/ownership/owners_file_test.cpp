#include "ownership/file/owners_file.h"

#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "support/temp_dir.h"

namespace ds01::ownership {
namespace {

std::string textOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

mode_t modeOf(const std::string& path) {
  struct stat there{};
  EXPECT_EQ(::stat(path.c_str(), &there), 0) << path;
  return there.st_mode & 07777;
}

TEST(OwnersFile, IsReadableByAllWhateverTheUmask) {
  const ds01::test::TempDir dir;
  const mode_t before = ::umask(077);
  const OwnersFile file(dir.file("opa"));
  EXPECT_TRUE(file.write("one\n"));
  EXPECT_TRUE(file.write("two\n"));
  ::umask(before);
  EXPECT_EQ(textOf(file.path()), "two\n");
  EXPECT_EQ(modeOf(file.path()), 0644u);
  EXPECT_EQ(modeOf(dir.file("opa")), 0755u);
}

TEST(OwnersFile, WaitsForTheLockAndNotForEver) {
  const ds01::test::TempDir dir;
  const OwnersFile file(dir.file("opa"), std::chrono::milliseconds(100));
  ASSERT_TRUE(file.write("one\n"));
  {
    const Fd lock(::open(dir.file("opa/container-owners.lock").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
    const Status written = file.write("two\n");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code(), ErrorCode::Timeout);
    EXPECT_EQ(textOf(file.path()), "one\n");
  }
  EXPECT_TRUE(file.write("two\n"));
}

TEST(OwnersFile, WhatIsInTheWayIsAnErrorWithThePath) {
  const ds01::test::TempDir dir;
  std::ofstream(dir.file("opa")) << "x";
  const Status written = OwnersFile(dir.file("opa")).write("one\n");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message().find(dir.file("opa")), std::string::npos);
}

TEST(OwnersFile, WhatACrashHasLeftIsReplaced) {
  const ds01::test::TempDir dir;
  const OwnersFile file(dir.file("opa"));
  ASSERT_TRUE(file.write("one\n"));
  std::ofstream(file.path() + ".tmp") << "half";
  EXPECT_TRUE(file.write("two\n"));
  EXPECT_EQ(textOf(file.path()), "two\n");
}

}  // namespace
}  // namespace ds01::ownership
