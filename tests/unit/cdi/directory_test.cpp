#include "cdi/file/directory.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cdi/spec.h"
#include "support/temp_dir.h"

namespace ds01::cdi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const LeaseId kLease("L0123456789abcdef");

std::string entryOf(const std::string& uuid) {
  Lease lease;
  lease.id = kLease;
  lease.uuids = {uuid};
  return entryFor(lease, {}, {}).text;
}

std::vector<std::string> namesIn(const fs::path& path) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

TEST(CdiDirectory, WritesReplacesReadsAndRemoves) {
  const ds01::test::TempDir temp;
  const fs::path path = fs::path(temp.path()) / "run/cdi";
  const Directory directory(path);
  EXPECT_TRUE(directory.read()->empty());
  ASSERT_TRUE(directory.write(kLease, entryOf("GPU-1")));
  ASSERT_TRUE(directory.write(kLease, entryOf("GPU-2")));
  EXPECT_THAT(namesIn(path), ElementsAre("ds01.io-lease_L0123456789abcdef.json"));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755U);
  ASSERT_EQ(::stat((path / fileName(kLease)).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);
  const auto entries = directory.read();
  ASSERT_TRUE(entries);
  EXPECT_THAT(entries->at(kLease), ElementsAre("GPU-2"));
  EXPECT_TRUE(directory.remove(kLease));
  EXPECT_TRUE(directory.remove(kLease));
  EXPECT_TRUE(namesIn(path).empty());
}

TEST(CdiDirectory, IsNotWrittenWhereOthersMayWrite) {
  const ds01::test::TempDir temp;
  const fs::path path = fs::path(temp.path()) / "cdi";
  fs::create_directory(path);
  ASSERT_EQ(::chmod(path.c_str(), 0775), 0);
  const Directory directory(path);
  EXPECT_EQ(directory.prepare().error().code(), ErrorCode::PermissionDenied);
  const Status written = directory.write(kLease, entryOf("GPU-1"));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message(), HasSubstr("nobody else may write"));
  EXPECT_TRUE(namesIn(path).empty());
}

TEST(CdiDirectory, LeavesForeignFilesAndClearsWhatACrashLeft) {
  const ds01::test::TempDir temp;
  const fs::path path(temp.path());
  const Directory directory(path);
  std::ofstream(path / "nvidia.yaml") << "kind: nvidia.com/gpu\n";
  std::ofstream(path / "ds01.io-lease_L1.json.new") << "{";
  std::ofstream(path / "ds01.io-lease_L2.json") << "{";
  const auto entries = directory.read();
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_TRUE(entries->at(LeaseId("L2")).empty());
  EXPECT_THAT(namesIn(path), ElementsAre("ds01.io-lease_L2.json", "nvidia.yaml"));
}

// Somebody who could once write there may have left a link: what it points to stays as it is.
TEST(CdiDirectory, FollowsNoLinkInPlaceOfTheTempFile) {
  const ds01::test::TempDir temp;
  const fs::path path = fs::path(temp.path()) / "cdi";
  const Directory directory(path);
  ASSERT_TRUE(directory.prepare());
  const fs::path victim = fs::path(temp.path()) / "victim";
  std::ofstream(victim) << "kept";
  fs::create_symlink(victim, path / (fileName(kLease) + ".new"));
  EXPECT_TRUE(directory.write(kLease, entryOf("GPU-1")));
  std::string text;
  std::getline(std::ifstream(victim), text);
  EXPECT_EQ(text, "kept");
  EXPECT_THAT(namesIn(path), ElementsAre(fileName(kLease)));
}

}  // namespace
}  // namespace ds01::cdi
