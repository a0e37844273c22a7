// The real process, as ds01d starts it. What it mounts, it mounts in the mount namespace of the tests.
#include "mounts/pins/helper.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts/pins/pin_directory.h"
#include "support/asio_runner.h"
#include "support/temp_dir.h"

namespace ds01::mounts::pins {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::uint32_t kAlice = 54321;
constexpr std::uint32_t kBob = 54322;

#define SKIP_UNLESS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount"

class PinHelper : public testing::Test {
 protected:
  PinHelper() {
    ::chmod(dir_.path().c_str(), 0755);
    job_.user.uid = ::geteuid() == 0 ? kAlice : ::geteuid();
    job_.user.gid = ::geteuid() == 0 ? kAlice : ::getegid();
    job_.user.gids = {job_.user.gid};
    job_.user.login = "alice";
    job_.user.home = dir_.makeDir("alice");
    job_.listen = dir_.file("docker.sock");
    job_.engine = dir_.file("engine.sock");
    job_.directory = dir_.file("pins");
    dir_.makeDir("alice/data");
    for (const char* name : {"alice", "alice/data"}) own(name, kAlice);
  }
  ~PinHelper() override {
    for (const std::string& token : tokensIn(job_.directory)) removeToken(job_.directory, token);
    if (fs::exists(job_.directory)) unmountAll(job_.directory);
  }
  PinHelper(const PinHelper&) = delete;
  PinHelper& operator=(const PinHelper&) = delete;

  void own(const std::string& name, uid_t uid) {
    if (::geteuid() == 0) {
      EXPECT_EQ(::chown(dir_.file(name).c_str(), uid, uid), 0);
    }
  }
  Result<Report> run(const Job& job) { return runner_.run(helper_.run(job)); }
  Job pinning(const std::string& name, const std::string& pin) {
    Job job = job_;
    job.what = Job::What::Pin;
    job.steps = {{.source = dir_.file(name), .pin = job_.directory + pin}};
    return job;
  }
  // The error of the first step, or of the job.
  ErrorCode failure(const Job& job) {
    const auto report = run(job);
    if (!report) return report.error().code();
    return report->found.empty() || !report->found.back().error ? ErrorCode::Internal
                                                                : report->found.back().error->code();
  }

  test::TempDir dir_;
  Job job_;
  net::FairPool pool_{2, 8};
  Helper helper_{pool_, {.program = DS01_PIN_CHILD, .arguments = {"pin_child"}, .limit = 60s}};
  test::AsioRunner runner_;
};

TEST_F(PinHelper, LooksAtEachSource) {
  Job job = job_;
  job.steps = {{.source = dir_.file("alice/data"), .pin = {}},
               {.source = dir_.file("alice/none"), .pin = {}},
               {.source = "/etc", .pin = {}}};
  const auto report = run(job);
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->found.size(), 3U);
  EXPECT_EQ(report->found[0].path, dir_.file("alice/data"));
  EXPECT_EQ(report->found[1].path, dir_.file("alice/none"));
  EXPECT_FALSE(fs::exists(dir_.file("alice/none")));
  ASSERT_TRUE(report->found[2].error);
  EXPECT_EQ(report->found[2].error->code(), ErrorCode::PermissionDenied);
}

TEST_F(PinHelper, AHungFileSystemIsATimeoutAndAFailedProcessIsTold) {
  Helper hung(pool_, {.program = "/bin/sleep", .arguments = {"sleep", "600"}, .limit = 20ms});
  EXPECT_EQ(runner_.run(hung.run(job_)).error().code(), ErrorCode::Timeout);
  Helper silent(pool_, {.program = "/bin/true", .arguments = {"true"}, .limit = 60s});
  EXPECT_EQ(runner_.run(silent.run(job_)).error().code(), ErrorCode::Unavailable);
  Helper missing(pool_, {.program = "/nonexistent", .arguments = {"x"}, .limit = 60s});
  EXPECT_EQ(runner_.run(missing.run(job_)).error().code(), ErrorCode::Unavailable);
}

TEST_F(PinHelper, Root_APinShowsTheOwnersFilesAsTheViewsAndOthersAsNobodys) {
  SKIP_UNLESS_ROOT();
  dir_.write("alice/data/hers", "x");
  dir_.write("alice/data/his", "x");
  own("alice/data/hers", kAlice);
  own("alice/data/his", kBob);
  Job job = pinning("alice/data", "/a1/0");
  job.view = {7, 8};
  const auto report = run(job);
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_FALSE(report->found.at(0).error) << report->found[0].error->message();
  if (!report->found[0].mapped) GTEST_SKIP() << "the temporary directory is on a file system that cannot map ids";
  struct stat hers{};
  struct stat his{};
  ASSERT_EQ(::stat((job_.directory + "/a1/0/hers").c_str(), &hers), 0);
  ASSERT_EQ(::stat((job_.directory + "/a1/0/his").c_str(), &his), 0);
  EXPECT_EQ(hers.st_uid, 7U);
  EXPECT_EQ(hers.st_gid, 8U);
  EXPECT_EQ(his.st_uid, 65534U);

  Job check = job_;
  check.what = Job::What::Check;
  check.tokens = {"a1", "b2"};
  EXPECT_EQ(run(check)->missing, std::vector<std::string>{"b2"});
  Job release = job_;
  release.what = Job::What::Release;
  release.tokens = {"a1"};
  ASSERT_TRUE(run(release));
  EXPECT_FALSE(fs::exists(job_.directory + ".d/a1"));
  EXPECT_TRUE(fs::exists(dir_.file("alice/data/hers")));
}

TEST_F(PinHelper, Root_PinningAgainFollowsTheFolderThatIsThereNow) {
  SKIP_UNLESS_ROOT();
  Job job = pinning("alice/data", "/a1/0");
  ASSERT_TRUE(run(job));
  fs::rename(dir_.file("alice/data"), dir_.file("alice/before"));
  dir_.makeDir("alice/data");
  own("alice/data", kAlice);
  dir_.write("alice/data/now", "x");
  job.keep_same = true;
  ASSERT_TRUE(run(job));
  EXPECT_TRUE(fs::exists(job_.directory + "/a1/0/now"));
  struct stat first{};
  struct stat second{};
  ASSERT_EQ(::stat((job_.directory + "/a1/0").c_str(), &first), 0);
  ASSERT_TRUE(run(job));
  ASSERT_EQ(::stat((job_.directory + "/a1/0").c_str(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
}

TEST_F(PinHelper, Root_WhatIsMissingIsMadeAsTheUserOrAnError) {
  SKIP_UNLESS_ROOT();
  Job job = pinning("alice/data/a/b", "/a1/0");
  EXPECT_EQ(failure(job), ErrorCode::NotFound);
  EXPECT_FALSE(fs::exists(job_.directory + "/a1"));
  job.steps.front().create = true;
  ASSERT_TRUE(run(job));
  struct stat made{};
  ASSERT_EQ(::stat(dir_.file("alice/data/a/b").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, kAlice);
  EXPECT_EQ(made.st_mode & 07777, 0755U);

  dir_.makeDir("alice/roots");
  Job not_hers = pinning("alice/roots/x", "/a2/0");
  not_hers.steps.front().create = true;
  EXPECT_EQ(failure(not_hers), ErrorCode::PermissionDenied);
  EXPECT_FALSE(fs::exists(dir_.file("alice/roots/x")));
}

TEST_F(PinHelper, Root_AFileIsPinnedAsAFileAndReadOnlyMeansIt) {
  SKIP_UNLESS_ROOT();
  dir_.write("alice/data/file", "x");
  own("alice/data/file", kAlice);
  Job job = pinning("alice/data/file", "/a1/0");
  job.steps.front().read_only = true;
  ASSERT_TRUE(run(job));
  EXPECT_TRUE(fs::is_regular_file(job_.directory + "/a1/0"));
  EXPECT_FALSE(std::ofstream(job_.directory + "/a1/0").is_open());
}

TEST_F(PinHelper, Root_APlaceOutsideOfTheTokensDirectoryIsRefused) {
  SKIP_UNLESS_ROOT();
  for (const char* pin : {"/0", "/../x/0", "/a1/0/1", "/A1/0", "/a1/../../x", "//0"}) {
    EXPECT_EQ(failure(pinning("alice/data", pin)), ErrorCode::InvalidArgument) << pin;
  }
  EXPECT_FALSE(fs::exists(job_.directory));
}

TEST_F(PinHelper, Root_ASweepRemovesWhatIsOfNobody) {
  SKIP_UNLESS_ROOT();
  ASSERT_TRUE(run(pinning("alice/data", "/a1/0")));
  ASSERT_TRUE(run(pinning("alice/data", "/a2/0")));
  Job sweep = job_;
  sweep.what = Job::What::Sweep;
  sweep.tokens = {"a2"};
  EXPECT_TRUE(run(sweep)->missing.empty());
  EXPECT_EQ(tokensIn(job_.directory), std::vector<std::string>{"a2"});
}

}  // namespace
}  // namespace ds01::mounts::pins
