#include "docker/target.h"

#include <string>

#include <gtest/gtest.h>

namespace ds01::docker {
namespace {

TEST(Target, AReferenceIsOneSegmentExceptForImages) {
  EXPECT_EQ(containerTarget("web_1.x-y").value(), "/containers/web_1.x-y/json");
  EXPECT_EQ(containerTarget("a..b").value(), "/containers/a..b/json") << "a name that Docker takes";
  EXPECT_EQ(containerTarget("/web").value(), "/containers/web/json") << "as Docker's own listings write it";
  EXPECT_EQ(containerTarget("a b%2f").value(), "/containers/a%20b%252f/json");
  EXPECT_EQ(containerTarget("\xc3\xa4").value(), "/containers/%C3%A4/json");
  EXPECT_EQ(execTarget("0123abc").value(), "/exec/0123abc/json");
  EXPECT_EQ(imageTarget("reg.example.org:5000/team/img:1.2").value(), "/images/reg.example.org:5000/team/img:1.2/json");
  EXPECT_EQ(imageTarget("img@sha256:0123").value(), "/images/img@sha256:0123/json");
  EXPECT_EQ(imageTarget("a%2e&b").value(), "/images/a%252e%26b/json");
}

TEST(Target, RefusesWhatCouldLeadElsewhere) {
  for (const std::string& ref :
       {std::string(), std::string("."), std::string(".."), std::string("../info"), std::string("a/../../b"),
        std::string("a?x=y"), std::string("a#b"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3),
        std::string("\x7f")}) {
    for (const auto& target : {containerTarget(ref), execTarget(ref), imageTarget(ref)}) {
      ASSERT_FALSE(target) << ref << " became " << *target;
      EXPECT_EQ(target.error().code(), ErrorCode::InvalidArgument);
    }
  }
  for (const char* ref : {"a/b", "//a", "/", "a/", "./a"}) EXPECT_FALSE(containerTarget(ref)) << ref;
  for (const char* ref : {"a/b", "/a", "a/"}) EXPECT_FALSE(execTarget(ref)) << ref;
  for (const char* ref : {"/a", "a/", "a//b", "./a", "a/./b", "a/.", "/", "a/../b", "../b", "a/.."}) {
    EXPECT_FALSE(imageTarget(ref)) << ref;
  }
}

TEST(Target, NetworksAreOneSegment) {
  EXPECT_EQ(networkTarget("lab_default").value(), "/networks/lab_default");
  EXPECT_EQ(networkTarget("a b").value(), "/networks/a%20b");
  for (const char* ref : {"", "..", "a/b", "/a", "a?b"}) EXPECT_FALSE(networkTarget(ref)) << ref;
}

TEST(Target, FiltersAreEncodedJson) {
  EXPECT_EQ(listTarget("ds01.user=alice"),
            "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22ds01.user%3Dalice%22%5D%7D");
  EXPECT_EQ(listTarget("a\"&b"), "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%5C%22%26b%22%5D%7D");
  EXPECT_EQ(eventsTarget(), "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D");
}

}  // namespace
}  // namespace ds01::docker
