#include "daemon/startup.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "allocator/codec.h"
#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

using ds01::test::TempDir;
using testing::HasSubstr;

mode_t modeOf(const std::filesystem::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

Options below(const TempDir& dir) {
  Options options;
  options.state_dir = dir.file("var/lib/state");
  options.log_dir = dir.file("log");
  options.run_dir = dir.file("run");
  return options;
}

TEST(PrepareDirectories, MakesWhatIsMissingAndKeepsTheStatePrivate) {
  const TempDir dir;
  const Options options = below(dir);
  const Result<Fd> lock = prepareDirectories(options);
  ASSERT_TRUE(lock) << lock.error().message();
  EXPECT_EQ(modeOf(options.state_dir), 0700u);
  EXPECT_TRUE(std::filesystem::is_directory(options.log_dir));
  EXPECT_TRUE(std::filesystem::is_directory(options.run_dir));
}

TEST(PrepareDirectories, RefusesASecondDaemonUntilTheFirstHasGone) {
  const TempDir dir;
  const Options options = below(dir);
  {
    const Result<Fd> first = prepareDirectories(options);
    ASSERT_TRUE(first);
    const Result<Fd> second = prepareDirectories(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::Conflict);
    EXPECT_THAT(second.error().message(), HasSubstr("another ds01d is using it"));
  }
  EXPECT_TRUE(prepareDirectories(options));
}

TEST(PrepareDirectories, NamesTheOptionThatCannotBe) {
  const TempDir dir;
  Options options = below(dir);
  options.log_dir = dir.write("log", "a file");
  const Result<Fd> lock = prepareDirectories(options);
  ASSERT_FALSE(lock);
  EXPECT_THAT(lock.error().message(), HasSubstr("--log-dir " + options.log_dir.native()));
}

TEST(PrepareDirectories, DoesNotFollowALinkInPlaceOfTheLock) {
  const TempDir dir;
  const Options options = below(dir);
  std::filesystem::create_directories(options.state_dir);
  std::filesystem::create_symlink(dir.file("elsewhere"), options.state_dir / "lock");
  EXPECT_FALSE(prepareDirectories(options));
  EXPECT_FALSE(std::filesystem::exists(dir.file("elsewhere")));
}

TEST(ReadSavedLeases, NoFileIsNoLease) {
  const TempDir dir;
  const Result<SavedLeases> saved = readSavedLeases(dir.file("gpu-state.json"));
  ASSERT_TRUE(saved);
  EXPECT_TRUE(saved->leases.empty());
  EXPECT_TRUE(saved->warning.empty());
}

TEST(ReadSavedLeases, ReadsWhatWasWritten) {
  const TempDir dir;
  Lease lease;
  lease.id = LeaseId("L0000000000000001");
  lease.login = "alice";
  lease.uuids = {"GPU-0"};
  lease.weight = GpuEq::whole(1);
  const std::string file = dir.write("gpu-state.json", allocator::encodeState({lease}));
  const Result<SavedLeases> saved = readSavedLeases(file);
  ASSERT_TRUE(saved);
  ASSERT_EQ(saved->leases.size(), 1u);
  EXPECT_EQ(saved->leases[0].login, "alice");
  EXPECT_TRUE(saved->warning.empty());
}

TEST(ReadSavedLeases, WhatIsNotUnderstoodIsKeptAside) {
  const TempDir dir;
  const std::string file = dir.write("gpu-state.json", R"({"version":1,"leases":[{)");
  const Result<SavedLeases> saved = readSavedLeases(file);
  ASSERT_TRUE(saved);
  EXPECT_TRUE(saved->leases.empty());
  EXPECT_THAT(saved->warning, HasSubstr(file + ".unreadable"));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(ds01::test::readFile(file + ".unreadable"), R"({"version":1,"leases":[{)");
}

TEST(ReadSavedLeases, WhatWasKeptAsideBeforeIsNeverReplaced) {
  const TempDir dir;
  const std::string file = dir.file("gpu-state.json");
  const std::string aside = file + ".unreadable";
  const auto readBroken = [&](const std::string& text) {
    dir.write("gpu-state.json", text);
    const Result<SavedLeases> saved = readSavedLeases(file);
    EXPECT_TRUE(saved) << saved.error().message();
    return saved ? saved->warning : std::string();
  };
  EXPECT_THAT(readBroken("first"), HasSubstr("set aside as " + aside + " "));
  std::filesystem::create_symlink("nowhere", aside + ".1");
  EXPECT_THAT(readBroken("second"), HasSubstr("set aside as " + aside + ".2 "));
  for (int i = 3; i < 10; ++i) readBroken(std::to_string(i));
  EXPECT_THAT(readBroken("one too many"), HasSubstr("not set aside, because " + aside + " and 9 more"));
  EXPECT_EQ(ds01::test::readFile(aside), "first");
  EXPECT_EQ(ds01::test::readFile(aside + ".2"), "second");
  EXPECT_EQ(ds01::test::readFile(aside + ".9"), "9");
  EXPECT_FALSE(std::filesystem::exists(aside + ".10"));
  EXPECT_EQ(ds01::test::readFile(file), "one too many");
}

TEST(ReadSavedLeases, WhatCannotBeReadIsAnErrorAndNotAnEmptyLedger) {
  const TempDir dir;
  EXPECT_FALSE(readSavedLeases(dir.makeDir("gpu-state.json")));
}

Options optionsFor(const TempDir& dir) {
  Options options = below(dir);
  options.config_dir = dir.path();
  return options;
}

TEST(LoadConfig, AGoodDirectoryHasNoErrors) {
  const TempDir dir;
  dir.write("resource-limits.yaml", "default_group: student\ngroups:\n  student:\n    max_mig_instances: 1\n");
  const LoadedConfig loaded = loadConfig(optionsFor(dir));
  EXPECT_EQ(loaded.errors, 0u) << loaded.report;
  ASSERT_NE(loaded.config, nullptr);
  EXPECT_EQ(loaded.config->default_group, "student");
}

TEST(LoadConfig, EveryErrorIsALineOfTheReport) {
  const TempDir dir;
  dir.write("resource-limits.yaml", "defaults:\n  max_cpus: many\n  memory: lots\n");
  const LoadedConfig loaded = loadConfig(optionsFor(dir));
  EXPECT_EQ(loaded.config, nullptr);
  EXPECT_GE(loaded.errors, 2u);
  EXPECT_THAT(loaded.report, HasSubstr("max_cpus"));
  EXPECT_THAT(loaded.report, HasSubstr("memory"));
}

TEST(LoadConfig, MountRootsMustNotHoldOurOwnDirectories) {
  const TempDir data;
  const TempDir dir;
  const Options options = optionsFor(dir);
  dir.write("resource-limits.yaml", "defaults: {}\n");
  std::filesystem::create_directories(options.state_dir);
  std::filesystem::create_directory_symlink(data.path(), dir.file("link"));
  const auto report = [&](const std::string& root) {
    dir.write("ds01d.yaml", "mounts: {roots: [home, \"" + root + "\"]}\n");
    return loadConfig(options);
  };
  EXPECT_NE(report(data.path()).config, nullptr);
  for (const std::string& root :
       {options.state_dir.native(), dir.file("var"), dir.path(), dir.file("var/lib/state/x")}) {
    std::filesystem::create_directories(root);
    const LoadedConfig loaded = report(root);
    EXPECT_EQ(loaded.config, nullptr) << root;
    EXPECT_THAT(loaded.report, HasSubstr("which ds01d itself uses")) << root;
  }
  const LoadedConfig link = report(dir.file("link"));
  EXPECT_EQ(link.config, nullptr);
  EXPECT_THAT(link.report, HasSubstr("is reached through a link; write " + data.path()));
}

TEST(LoadConfig, AMountRootThatIsNotThereIsAWarning) {
  const TempDir dir;
  const Options options = optionsFor(dir);
  dir.write("resource-limits.yaml", "defaults: {}\n");
  dir.write("ds01d.yaml", "mounts: {roots: [/nowhere/at/all]}\n");
  const LoadedConfig loaded = loadConfig(options);
  EXPECT_NE(loaded.config, nullptr);
  EXPECT_THAT(loaded.problems, HasSubstr("ds01d.yaml: warning: mounts.roots: /nowhere/at/all is not a directory"));
}

TEST(LoadInventory, NoneIsEmptyAndAMissingFileIsAnError) {
  EXPECT_TRUE(loadInventory({.kind = config::GpuSource::Kind::None, .file = {}})->slots.empty());
  const TempDir dir;
  EXPECT_FALSE(loadInventory({.kind = config::GpuSource::Kind::Sim, .file = dir.file("none.yaml")}));
}

}  // namespace
}  // namespace ds01::daemon
