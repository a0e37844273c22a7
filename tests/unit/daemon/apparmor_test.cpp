#include "daemon/apparmor.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

TEST(AppArmor, OnlyDockersProfileInForceCounts) {
  EXPECT_TRUE(enforcesDockersProfile("docker-default (enforce)"));
  EXPECT_TRUE(enforcesDockersProfile("/usr/bin/man (enforce)\ndocker-default (enforce)\nlsb_release (complain)\n"));
  for (const char* others :
       {"", "\n\n", "docker-default (complain)\n", "docker-default (unconfined)\n", "docker-default\n",
        "docker-default (enforce) x\n", "my-docker-default (enforce)\n", "docker-default//x (enforce)\n",
        ":lxd:docker-default (enforce)\n", "runc (enforce)\ndocker-default (kill)"}) {
    EXPECT_FALSE(enforcesDockersProfile(others)) << others;
  }
}

TEST(AppArmor, ConfinesWhereAllOfItIsThere) {
  const test::TempDir dir;
  const AppArmorFiles files{
      .profiles = dir.file("profiles"), .mediates = dir.file("features/ptrace"), .parser = dir.file("apparmor_parser")};
  EXPECT_FALSE(confinesContainers(files));
  dir.write("profiles", "docker-default (enforce)\n");
  EXPECT_FALSE(confinesContainers(files)) << "a profile from before the package was removed";
  dir.write("apparmor_parser", "");
  EXPECT_FALSE(confinesContainers(files)) << "a kernel that asks no profile about ptrace";
  dir.makeDir("features/ptrace");
  EXPECT_TRUE(confinesContainers(files));
  dir.write("profiles", "");
  EXPECT_FALSE(confinesContainers(files));
}

}  // namespace
}  // namespace ds01::daemon
