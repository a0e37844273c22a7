#include "mounts/lexical.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace ds01::mounts {
namespace {

TEST(LexicalBind, AcceptsTheHomeAndWhatIsBelow) {
  const std::pair<const char*, const char*> cases[] = {
      {"/home/alice", "/home/alice"},
      {"/home/alice/", "/home/alice"},
      {"//home///alice//x", "/home/alice/x"},
      {"/home/./alice/./x/.", "/home/alice/x"},
      {"/home/alice/.hidden", "/home/alice/.hidden"},
      {"/home/alice/..x/...", "/home/alice/..x/..."},
      {"/home/alice/a b\n\xff", "/home/alice/a b\n\xff"},
  };
  for (const auto& [source, expected] : cases) {
    for (const char* home : {"/home/alice", "/home/alice/", "//home/./alice"}) {
      const auto path = lexicalBind({}, home, source);
      ASSERT_TRUE(path) << source << ": " << path.error().message();
      EXPECT_EQ(*path, expected);
    }
  }
}

TEST(LexicalBind, RefusesWhatIsElsewhere) {
  for (const char* source :
       {"/", "/home", "/home/alic", "/home/alice2", "/home/alice2/x", "/home/Alice", "/etc/passwd",
        "/home/bob/home/alice", "/home/alice/../bob", "/home/alice/..", "/..", "/home/alice/x/.."}) {
    const auto path = lexicalBind({}, "/home/alice", source);
    ASSERT_FALSE(path) << source;
    EXPECT_EQ(path.error().code(), ErrorCode::PermissionDenied) << source;
  }
}

TEST(LexicalBind, RefusesWhatIsNoAbsolutePath) {
  for (const std::string& source :
       {std::string(), std::string("x"), std::string("./x"), std::string("~/x"), std::string("/home/alice/\0/x", 15)}) {
    const auto path = lexicalBind({}, "/home/alice", source);
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().code(), ErrorCode::InvalidArgument);
  }
}

TEST(LexicalBind, WithoutAHomeThereIsNothing) {
  for (const char* home : {"", "/", "//", "/.", "home/alice", "/home/../alice"}) {
    for (const char* source : {"/", "/home/alice", "/x"}) {
      const auto path = lexicalBind({}, home, source);
      ASSERT_FALSE(path) << home;
      EXPECT_EQ(path.error().code(), ErrorCode::PermissionDenied);
    }
  }
}

TEST(LexicalBind, TakesEachRoot) {
  const Roots roots{.home = true, .directories = {"/scratch", "/data/sets"}};
  for (const char* source : {"/scratch", "/scratch//x/", "/data/sets/imagenet", "/home/alice/x"}) {
    EXPECT_TRUE(lexicalBind(roots, "/home/alice", source)) << source;
  }
  for (const char* source : {"/scratch2", "/data", "/data/set", "/scratch/../etc", "/home/bob", "/"}) {
    const auto path = lexicalBind(roots, "/home/alice", source);
    ASSERT_FALSE(path) << source;
    EXPECT_EQ(path.error().code(), ErrorCode::PermissionDenied);
  }
  EXPECT_EQ(lexicalBind(roots, "/home/alice", "/etc").error().message(),
            "/etc cannot be mounted: only what is below your home directory /home/alice, /scratch or /data/sets can, "
            "also after following links");
}

TEST(LexicalBind, WithoutHomeOnlyTheOthersCount) {
  const Roots roots{.home = false, .directories = {"/scratch"}};
  EXPECT_TRUE(lexicalBind(roots, "/home/alice", "/scratch/a"));
  EXPECT_TRUE(lexicalBind(roots, "", "/scratch/a"));
  EXPECT_EQ(lexicalBind(roots, "/home/alice", "/home/alice/x").error().message(),
            "/home/alice/x cannot be mounted: only what is below /scratch can, also after following links");
  EXPECT_FALSE(lexicalBind({.home = false, .directories = {}}, "/home/alice", "/home/alice/x"));
  const Roots both{.home = true, .directories = {"/scratch"}};
  EXPECT_TRUE(lexicalBind(both, "", "/scratch/a")) << "a login without a home may still use the others";
  EXPECT_FALSE(lexicalBind(both, "/", "/etc"));
}

}  // namespace
}  // namespace ds01::mounts
