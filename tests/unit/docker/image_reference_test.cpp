#include "docker/image_reference.h"

#include <gtest/gtest.h>

namespace ds01::docker {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

// Repository and tag, or "-".
std::string read(std::string_view text) {
  const Result<ImageReference> reference = parseImageReference(text);
  return reference ? reference->repository + " " + reference->tag : "-";
}

TEST(ImageReference, ShortNamesMeanTheHub) {
  EXPECT_EQ(read("busybox"), "docker.io/library/busybox ");
  EXPECT_EQ(read("busybox:1.36"), "docker.io/library/busybox 1.36");
  EXPECT_EQ(read("me/x"), "docker.io/me/x ");
  EXPECT_EQ(read("docker.io/busybox"), "docker.io/library/busybox ");
  EXPECT_EQ(read("index.docker.io/busybox:1"), "docker.io/library/busybox 1");
  EXPECT_EQ(read("docker.io/library/busybox:1"), "docker.io/library/busybox 1");
  EXPECT_EQ(read("a/b/c"), "docker.io/a/b/c ");
  EXPECT_EQ(read("a.b:c"), "docker.io/library/a.b c");
}

TEST(ImageReference, RegistriesAreRecognised) {
  EXPECT_EQ(read("localhost/x"), "localhost/x ");
  EXPECT_EQ(read("localhost:5000/x:1"), "localhost:5000/x 1");
  EXPECT_EQ(read("reg.example/a/b"), "reg.example/a/b ");
  EXPECT_EQ(read("Reg.Example/a"), "Reg.Example/a ");
  EXPECT_EQ(read("host:80/a"), "host:80/a ");
}

TEST(ImageReference, WhatTheEngineRefusesIsRefused) {
  for (const char* const text : {"",
                                 "/",
                                 "a/",
                                 "/a",
                                 "A",
                                 "a/B",
                                 "Host/a",
                                 "a//b",
                                 "-a",
                                 "a-",
                                 "a..b",
                                 "a___b",
                                 "a._b",
                                 "a:",
                                 "a:-x",
                                 "a:b:c",
                                 "a b",
                                 "a\n",
                                 "host:/a",
                                 "host:x/a",
                                 "[::1]:5000/a",
                                 "a@",
                                 "a@sha256:12",
                                 "a@md5:0123",
                                 "*",
                                 "reg.example/",
                                 "-reg.example/a",
                                 "reg..example/a",
                                 "a:b/c"}) {
    EXPECT_EQ(read(text), "-") << text;
  }
  EXPECT_EQ(read(std::string(64, 'a')), "-");
  EXPECT_EQ(read(std::string(256, 'a')), "-");
  EXPECT_EQ(read("a:" + std::string(129, 'a')), "-");
  EXPECT_NE(read("a:" + std::string(128, 'a')), "-");
  EXPECT_NE(read("a--b/c__d/e.f/g_h"), "-");
}

TEST(ImageReference, TagsAndDigests) {
  EXPECT_EQ(parseImageReference("x")->tagged(), "docker.io/library/x:latest");
  EXPECT_TRUE(parseImageReference("x")->nameOnly());
  EXPECT_EQ(parseImageReference("x@" + kDigest)->digest, kDigest);
  EXPECT_EQ(parseImageReference("x:1@" + kDigest)->tag, "1");
  EXPECT_FALSE(parseImageReference("x@" + kDigest)->nameOnly());
}

TEST(ImageReference, TheTagOfTheQueryCounts) {
  EXPECT_EQ(parseImageReference("x:1", "2")->tagged(), "docker.io/library/x:2");
  EXPECT_EQ(parseImageReference("x:1", "")->tagged(), "docker.io/library/x:1");
  EXPECT_EQ(parseImageReference("x:1", kDigest)->digest, kDigest);
  EXPECT_EQ(parseImageReference("x@" + kDigest, "2")->digest, "");
  EXPECT_FALSE(parseImageReference("x", "a:b"));
  EXPECT_FALSE(parseImageReference("x", "a/b"));
  EXPECT_FALSE(parseImageReference("", "2"));
}

TEST(ImageReference, IdsAreWhole) {
  EXPECT_TRUE(isImageId(kDigest));
  EXPECT_FALSE(isImageId(std::string(64, 'a')));
  EXPECT_FALSE(isImageId("sha256:" + std::string(63, 'a')));
  EXPECT_FALSE(isImageId("sha256:" + std::string(64, 'A')));
}

}  // namespace
}  // namespace ds01::docker
