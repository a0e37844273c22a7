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
      const auto path = lexicalBind(home, source);
      ASSERT_TRUE(path) << source << ": " << path.error().message();
      EXPECT_EQ(*path, expected);
    }
  }
}

TEST(LexicalBind, RefusesWhatIsElsewhere) {
  for (const char* source :
       {"/", "/home", "/home/alic", "/home/alice2", "/home/alice2/x", "/home/Alice", "/etc/passwd",
        "/home/bob/home/alice", "/home/alice/../bob", "/home/alice/..", "/..", "/home/alice/x/.."}) {
    const auto path = lexicalBind("/home/alice", source);
    ASSERT_FALSE(path) << source;
    EXPECT_EQ(path.error().code(), ErrorCode::PermissionDenied) << source;
  }
}

TEST(LexicalBind, RefusesWhatIsNoAbsolutePath) {
  for (const std::string& source :
       {std::string(), std::string("x"), std::string("./x"), std::string("~/x"), std::string("/home/alice/\0/x", 15)}) {
    const auto path = lexicalBind("/home/alice", source);
    ASSERT_FALSE(path);
    EXPECT_EQ(path.error().code(), ErrorCode::InvalidArgument);
  }
}

TEST(LexicalBind, WithoutAHomeThereIsNothing) {
  for (const char* home : {"", "/", "//", "/.", "home/alice", "/home/../alice"}) {
    for (const char* source : {"/", "/home/alice", "/x"}) {
      const auto path = lexicalBind(home, source);
      ASSERT_FALSE(path) << home;
      EXPECT_EQ(path.error().code(), ErrorCode::PermissionDenied);
    }
  }
}

}  // namespace
}  // namespace ds01::mounts
