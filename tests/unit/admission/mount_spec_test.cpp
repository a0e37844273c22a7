#include "admission/mount_spec.h"

#include <string>

#include <gtest/gtest.h>

namespace ds01::admission {
namespace {

using Kind = BindSpec::Kind;

struct Good {
  std::string_view text;
  Kind kind;
  std::string_view source;
  std::string_view target;
  std::string_view option;
};

TEST(ParseBind, ReadsWhatDockerReads) {
  for (const Good& good : {
           Good{"/data", Kind::Anonymous, "", "/data", ""},
           Good{"/home/alice:/data", Kind::HostPath, "/home/alice", "/data", ""},
           Good{"/home/alice:/data:ro", Kind::HostPath, "/home/alice", "/data", "ro"},
           Good{"/home/alice:/data:", Kind::HostPath, "/home/alice", "/data", ""},
           Good{"vol:/data:rw,nocopy,z", Kind::Named, "vol", "/data", "nocopy"},
           Good{"./rel:/data", Kind::Named, "./rel", "/data", ""},
           Good{"/a:/b:ro,rslave,delegated", Kind::HostPath, "/a", "/b", "rslave"},
       }) {
    const auto spec = parseBind(good.text);
    ASSERT_TRUE(spec) << good.text << ": " << spec.error().text;
    EXPECT_EQ(spec->kind, good.kind) << good.text;
    EXPECT_EQ(spec->source, good.source) << good.text;
    EXPECT_EQ(spec->target, good.target) << good.text;
    EXPECT_TRUE(good.option.empty() ? spec->options.empty() : spec->has(good.option)) << good.text;
  }
}

TEST(ParseBind, RefusesWhatDockerRefuses) {
  for (const std::string_view bad : {"",
                                     ":",
                                     ":/data",
                                     "/a:",
                                     "/a::ro",
                                     "/data:ro",
                                     "/data:z,ro",
                                     "/a:/b:ro:x",
                                     "/a:/b:ro,rw",
                                     "/a:/b:z,Z",
                                     "/a:/b:private,slave",
                                     "/a:/b:exec",
                                     "/a:/b:RO",
                                     "/a:/b:ro,",
                                     "/a:/b: ro",
                                     "/a:b",
                                     "/a:/",
                                     "/a:/x/..",
                                     "data",
                                     "/"}) {
    const auto spec = parseBind(bad);
    ASSERT_FALSE(spec) << bad;
    EXPECT_EQ(spec.error().http_status, 400) << bad;
  }
}

TEST(VolumeName, IsDockersPattern) {
  for (const std::string_view good : {"ab", "a1", "A_b.c-d", "0a"}) EXPECT_TRUE(validVolumeName(good)) << good;
  for (const std::string_view bad : {"", "a", ".a", "-a", "_a", "a/b", "a b", "../x", "a\n", "ä1"}) {
    EXPECT_FALSE(validVolumeName(bad)) << bad;
  }
}

TEST(CleanPath, IsLexical) {
  EXPECT_EQ(cleanPath("/var//run/./x/../y/"), "/var/run/y");
  EXPECT_EQ(cleanPath("/../../etc"), "/etc");
  EXPECT_EQ(cleanPath("var/run"), "/var/run");
  EXPECT_EQ(cleanPath(""), "/");
  EXPECT_EQ(cleanPath("/.."), "/");
}

TEST(AtOrBelow, NeedsAWholeComponent) {
  EXPECT_TRUE(atOrBelow("/a/b", "/a/b"));
  EXPECT_TRUE(atOrBelow("/a/b/c", "/a/b"));
  EXPECT_FALSE(atOrBelow("/a/bc", "/a/b"));
  EXPECT_FALSE(atOrBelow("/a", "/a/b"));
}

}  // namespace
}  // namespace ds01::admission
