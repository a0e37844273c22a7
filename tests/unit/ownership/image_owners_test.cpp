#include "ownership/image_owners.h"

#include <gtest/gtest.h>

namespace ds01::ownership {
namespace {

TEST(ImageOwners, ATagIsOfWhoSetItLast) {
  ImageOwners owners;
  EXPECT_EQ(owners.ofTag("x:1"), std::nullopt);
  EXPECT_TRUE(owners.putTag("x:1", {"alice", true}));
  EXPECT_TRUE(owners.putTag("x:1", {"bob", false}));
  EXPECT_EQ(owners.ofTag("x:1"), (TagOwner{"bob", false}));
  owners.dropTag("x:1");
  owners.dropTag("x:1");
  EXPECT_EQ(owners.ofTag("x:1"), std::nullopt);
}

TEST(ImageOwners, AnImageIsOfWhoBroughtItFirst) {
  ImageOwners owners;
  owners.putImage("sha256:a", "alice");
  owners.putImage("sha256:a", "bob");
  EXPECT_EQ(owners.ofImage("sha256:a"), "alice");
  owners.dropImage("sha256:a");
  owners.putImage("sha256:a", "bob");
  EXPECT_EQ(owners.ofImage("sha256:a"), "bob");
}

TEST(ImageOwners, OneLoginHasSoManyAtMost) {
  ImageOwners owners;
  for (std::size_t i = 0; i < ImageOwners::kMostTags; ++i) {
    ASSERT_TRUE(owners.putTag("x:" + std::to_string(i), {"alice", true}));
  }
  EXPECT_FALSE(owners.putTag("y:1", {"alice", true}));
  EXPECT_TRUE(owners.putTag("x:0", {"alice", false})) << "that is no new one";
  EXPECT_TRUE(owners.putTag("y:1", {"bob", true}));
  EXPECT_FALSE(owners.putTag("y:1", {"alice", true}));
  EXPECT_EQ(owners.ofTag("y:1")->login, "bob");
  owners.dropTag("x:5");
  EXPECT_TRUE(owners.putTag("y:1", {"alice", true}));
  for (std::size_t i = 0; i <= ImageOwners::kMostImages; ++i) owners.putImage("sha256:" + std::to_string(i), "alice");
  EXPECT_EQ(owners.images().size(), ImageOwners::kMostImages);
}

TEST(ImageOwners, AreTheSameFromDisk) {
  ImageOwners owners;
  ASSERT_TRUE(owners.putTag("docker.io/library/x:1", {"u@d", true}));
  ASSERT_TRUE(owners.putTag("docker.io/library/y:1", {"bob", false}));
  owners.putImage("sha256:a", "bob");
  const std::string text = encodeImageOwners(owners);
  const Result<ImageOwners> again = decodeImageOwners(text);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->tags(), owners.tags());
  EXPECT_EQ(again->images(), owners.images());
  EXPECT_EQ(encodeImageOwners(*again), text);
}

TEST(ImageOwners, WhatIsNotOursIsRefused) {
  for (const char* const text :
       {"", "{}", "[]", R"({"version":2,"tags":{},"images":{}})", R"({"version":1,"tags":[],"images":{}})",
        R"({"version":1,"tags":{},"images":{},"more":1})", R"({"version":1,"tags":{"x":"alice"},"images":{}})",
        R"({"version":1,"tags":{"x":{"login":"a"}},"images":{}})", R"({"version":1,"tags":{},"images":{"a":1}})",
        R"({"version":1,"tags":{"x":{"login":1,"made":true}},"images":{}})"}) {
    EXPECT_FALSE(decodeImageOwners(text)) << text;
  }
  EXPECT_TRUE(decodeImageOwners(R"({"version":1,"tags":{},"images":{}})"));
}

}  // namespace
}  // namespace ds01::ownership
