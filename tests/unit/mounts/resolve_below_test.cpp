#include "mounts/posix/resolve_below.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace ds01::mounts::posix {
namespace {

namespace fs = std::filesystem;

class ResolveBelow : public testing::Test {
 protected:
  ResolveBelow() {
    dir_.makeDir("home/data");
    dir_.write("home/file", "x");
    dir_.makeDir("other/secret");
  }
  void link(const std::string& name, const std::string& target) { fs::create_symlink(target, dir_.file(name)); }
  static Result<std::string> pathOf(const Result<Source>& source) {
    return source ? Result<std::string>(source->path) : fail(source.error());
  }
  Result<std::string> resolve(const std::string& name) { return pathOf(resolveBelow({}, home_, dir_.file(name))); }
  void expectRefused(const std::string& name) {
    const auto path = resolve(name);
    ASSERT_FALSE(path) << name << " became " << *path;
    EXPECT_EQ(path.error().code(), ErrorCode::PermissionDenied) << path.error().message();
  }

  test::TempDir dir_;
  std::string home_ = dir_.file("home");
};

TEST_F(ResolveBelow, WhatIsThereIsItself) {
  EXPECT_EQ(resolve("home").value(), home_);
  EXPECT_EQ(resolve("home/").value(), home_);
  EXPECT_EQ(resolve("home//data/.").value(), home_ + "/data");
  EXPECT_EQ(resolve("home/file").value(), home_ + "/file");
}

TEST_F(ResolveBelow, AMissingTailIsAppended) {
  EXPECT_EQ(resolve("home/new").value(), home_ + "/new");
  EXPECT_EQ(resolve("home/data/a/b/c").value(), home_ + "/data/a/b/c");
  link("home/short", "data");
  EXPECT_EQ(resolve("home/short/a/b").value(), home_ + "/data/a/b");
}

TEST_F(ResolveBelow, LinksInsideAreFollowed) {
  link("home/relative", "data/../file");
  link("home/absolute", home_ + "/data");
  link("home/twice", "absolute");
  EXPECT_EQ(resolve("home/relative").value(), home_ + "/file");
  EXPECT_EQ(resolve("home/absolute").value(), home_ + "/data");
  EXPECT_EQ(resolve("home/twice").value(), home_ + "/data");
}

TEST_F(ResolveBelow, LinksThatLeadOutAreRefused) {
  link("home/out", dir_.file("other"));
  link("home/up", "..");
  link("home/root", "/");
  link("home/twice", "out");
  link("home/neighbour", home_ + "2");
  dir_.makeDir("home2");
  for (const char* name : {"home/out", "home/out/secret", "home/out/missing", "home/up", "home/up/other", "home/root",
                           "home/root/etc", "home/root/missing/x", "home/twice/secret", "home/neighbour"}) {
    expectRefused(name);
  }
}

TEST_F(ResolveBelow, AMissingTailHoldsNoLinks) {
  link("home/dangling", "nowhere");
  link("home/outside", dir_.file("nowhere"));
  link("home/loop", "loop");
  for (const char* name :
       {"home/dangling", "home/dangling/x", "home/outside", "home/outside/x/y", "home/loop", "home/loop/x"}) {
    expectRefused(name);
  }
}

TEST_F(ResolveBelow, NothingIsBelowAFile) {
  expectRefused("home/file/x");
}

TEST_F(ResolveBelow, TheRefusalDoesNotTellWhatExistsElsewhere) {
  link("home/there", dir_.file("other/secret"));
  link("home/gone", dir_.file("other/missing"));
  link("home/below_file", "/etc/passwd/x");
  std::string sentence = resolve("home/there").error().message();
  const auto sameFor = [&](const std::string& name) {
    std::string other = resolve("home/" + name).error().message();
    const std::size_t at = other.find(name);
    EXPECT_NE(at, std::string::npos);
    return other.replace(at, name.size(), "there");
  };
  EXPECT_EQ(sameFor("gone"), sentence);
  EXPECT_EQ(sameFor("below_file"), sentence);
  EXPECT_EQ(resolve("other/secret").error().message().find("exist"), std::string::npos);
  std::string there = resolve("other/secret").error().message();
  std::string missing = resolve("other/absent").error().message();
  EXPECT_EQ(there.replace(there.find("secret"), 6, "absent"), missing);
}

TEST_F(ResolveBelow, AHomeBehindALinkMayBeNamedBothWays) {
  link("login", home_);
  for (const char* source : {"login/data", "home/data"}) {
    EXPECT_EQ(resolveBelow({}, dir_.file("login"), dir_.file(source)).value().path, home_ + "/data");
  }
  EXPECT_FALSE(resolveBelow({}, dir_.file("login"), dir_.file("other")));
}

TEST_F(ResolveBelow, WithoutAUsableHomeThereIsNothing) {
  link("login", "/");
  for (const std::string& home :
       {std::string(), std::string("/"), dir_.file("login"), dir_.file("missing"), dir_.file("home/file/x")}) {
    EXPECT_FALSE(resolveBelow({}, home, dir_.file("home/data"))) << home;
    EXPECT_FALSE(resolveBelow({}, home, "/")) << home;
    EXPECT_FALSE(resolveBelow({}, home, home + "/etc")) << home;
  }
}

TEST_F(ResolveBelow, LongPathsAreRefusedOrRight) {
  std::string name = "home";
  for (int i = 0; i < 200; ++i) name += "/" + std::string(50, 'd');
  expectRefused(name);
  expectRefused("home/" + std::string(300, 'x'));
}

// Links between the roots lead nowhere that could not be named.
TEST_F(ResolveBelow, ALinkFromOneRootIntoAnotherIsFollowed) {
  const Roots roots{.home = true, .directories = {dir_.file("other")}};
  link("home/scratch", dir_.file("other/secret"));
  link("other/out", "/etc");
  EXPECT_EQ(resolveBelow(roots, home_, dir_.file("home/scratch")).value().path, dir_.file("other/secret"));
  EXPECT_EQ(resolveBelow(roots, home_, dir_.file("other/secret/new")).value().path, dir_.file("other/secret/new"));
  EXPECT_EQ(resolveBelow(roots, "", dir_.file("other/secret")).value().path, dir_.file("other/secret"));
  EXPECT_FALSE(resolveBelow(roots, home_, dir_.file("other/out")));
  EXPECT_FALSE(resolveBelow(roots, home_, dir_.file("other/out/ssh")));
  EXPECT_FALSE(resolveBelow({.home = false, .directories = roots.directories}, home_, dir_.file("home/data")));
}

TEST_F(ResolveBelow, ARootThatIsALinkIsNone) {
  link("root", dir_.file("other"));
  const Roots roots{.home = true, .directories = {dir_.file("root")}};
  EXPECT_FALSE(resolveBelow(roots, home_, dir_.file("root/secret")));
  EXPECT_FALSE(resolveBelow(roots, home_, dir_.file("other/secret")));
}

TEST_F(ResolveBelow, AMissingRootTakesNothingFromTheHome) {
  const Roots roots{.home = true, .directories = {dir_.file("unmounted")}};
  EXPECT_EQ(resolveBelow(roots, home_, dir_.file("home/data")).value().path, home_ + "/data");
  EXPECT_FALSE(resolveBelow(roots, home_, dir_.file("unmounted/x")));
}

}  // namespace
}  // namespace ds01::mounts::posix
