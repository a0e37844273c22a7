#include "gateway/load_guard.h"

#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ownership/image_owners.h"
#include "tar_bytes.h"

namespace ds01::gateway {
namespace {

using test::extended;
using test::file;
using test::header;
using test::kEnd;
using test::padded;
using test::record;
using testing::ElementsAre;
using testing::HasSubstr;

using Tags = std::vector<std::string>;

struct Seen {
  Tags tags;
  int status = 0;  // of the denial; 0 without one
  friend bool operator==(const Seen&, const Seen&) = default;
};
void PrintTo(const Seen& seen, std::ostream* out) {
  *out << seen.status << " " << testing::PrintToString(seen.tags);
}

// The same in whatever pieces the bytes come.
Seen read(const std::string& bytes, const std::set<std::string>& taken = {}) {
  std::optional<Seen> first;
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{7}, std::size_t{512}, std::max<std::size_t>(bytes.size(), 1)}) {
    Seen seen;
    LoadGuard guard;
    for (std::size_t at = 0; at < bytes.size() && seen.status == 0; at += step) {
      const std::optional<Denial> denial = guard.feed(std::string_view(bytes).substr(at, step));
      if (denial) seen.status = denial->http_status;
      for (const docker::ImageReference& name : guard.takeNames()) {
        if (seen.status == 0) seen.tags.push_back(name.tagged());
        if (taken.contains(name.tagged())) seen.status = 409;
      }
    }
    EXPECT_EQ(seen, first.value_or(seen)) << "in pieces of " << step;
    first = seen;
  }
  return *first;
}

std::string link(char type, const std::string& name, const std::string& target) {
  std::string block = header(type, 0, name);
  block.replace(157, target.size(), target);
  return test::withSum(block);
}

const std::string kTag = "docker.io/library/x:1";
const std::string kManifest = R"([{"Config":"c.json","RepoTags":["x:1"],"Layers":["a/layer.tar"]}])";

TEST(LoadGuard, SavedImagesHaveTheirTags) {
  EXPECT_EQ(read(file("{}", "c.json") + header('5', 0, "a/") + file("layer", "a/layer.tar") +
                 file(kManifest, "manifest.json") + kEnd),
            (Seen{{kTag}}));
  EXPECT_EQ(read(file(R"([{"RepoTags":["a:1","b/c:2"]},{"RepoTags":null},{"RepoTags":["d"]}])", "manifest.json")).tags,
            (Tags{"docker.io/library/a:1", "docker.io/b/c:2", "docker.io/library/d:latest"}));
  EXPECT_EQ(read(file(R"({"x":{"1":"id","2":"id"},"h:5000/y":{"3":"id"}})", "repositories")).tags,
            (Tags{kTag, "docker.io/library/x:2", "h:5000/y:3"}));
  EXPECT_EQ(read(file("[]", "manifest.json") + kEnd), Seen{});
  EXPECT_EQ(read(kEnd), Seen{});
}

TEST(LoadGuard, TheImageLayoutOfOciHasThemInItsIndex) {
  const std::string index = R"({"manifests":[{"annotations":{"io.containerd.image.name":"docker.io/library/x:1",
      "org.opencontainers.image.ref.name":"1"}},{"annotations":{"org.opencontainers.image.ref.name":"v1+2"}}]})";
  EXPECT_EQ(read(file(index, "index.json")), (Seen{{kTag}})) << "by itself a tag is no name";
  const std::string named = R"({"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"me/x:1"}}]})";
  EXPECT_EQ(read(file(named, "index.json")), (Seen{{"docker.io/me/x:1"}}));
}

TEST(LoadGuard, ATakenTagEndsIt) {
  EXPECT_EQ(read(file(kManifest, "manifest.json") + file("", "more"), {kTag}).status, 409);
  EXPECT_EQ(read(file("[]", "manifest.json") + file(kManifest, "manifest.json"), {kTag}).status, 409) << "the last one";
  EXPECT_EQ(read(file(R"([{"RepoTags":["y","x:1"]}])", "manifest.json"), {kTag}).status, 409);
}

// Go's decoder takes each of these for RepoTags, or the last of two.
TEST(LoadGuard, KeysAreThoseOfGo) {
  for (const std::string key : {"repotags", "REPOTAGS", "RepoTag\\u017f", "RepoTag\u017f", "Repo\\u0054ags"}) {
    EXPECT_EQ(read(file(R"([{")" + key + R"(":["x:1"]}])", "manifest.json"), {kTag}).status, 409) << key;
  }
  EXPECT_EQ(read(file(R"([{"RepoTags":["x:1"],"RepoTags":[]}])", "manifest.json"), {kTag}).status, 409);
  EXPECT_EQ(read(file(R"([{"RepoTags":[],"RepoTags":["x:1"]}])", "manifest.json"), {kTag}).status, 409);
  EXPECT_EQ(read(file(R"([{"RepoTags":[{"a":"b"},"x:1"]}])", "manifest.json"), {kTag}).status, 409);
  EXPECT_EQ(read(file(R"([{"RepoTags":["\u0078:1"]}])", "manifest.json"), {kTag}).status, 409);
}

TEST(LoadGuard, AnIndexIsFoundUnderEveryNameItCanHave) {
  for (const char* const name : {"manifest.json", "./manifest.json", "/manifest.json", "a/../manifest.json",
                                 ".//manifest.json", "../manifest.json", "manifest.json/."}) {
    EXPECT_EQ(read(file(kManifest, name), {kTag}).status, 409) << name;
  }
  const std::string contents = header('0', kManifest.size(), "") + padded(kManifest);
  EXPECT_EQ(read(extended(record("path", "manifest.json")) + contents, {kTag}).status, 409);
  EXPECT_EQ(read(header('L', 14) + padded(std::string("manifest.json\0", 14)) + contents, {kTag}).status, 409);
  EXPECT_EQ(read(extended(record("path", "manifest.json")) + file(kManifest, "x"), {kTag}).status, 400);
  EXPECT_EQ(read(extended(record("path", "x")) + file(kManifest, "manifest.json"), {kTag}).status, 400);
  std::string prefixed = header('0', kManifest.size(), "manifest.json");
  prefixed.replace(345, 1, ".");
  EXPECT_EQ(read(test::withSum(prefixed) + padded(kManifest), {kTag}).status, 409);
  EXPECT_EQ(read(file(kManifest, "a/manifest.json"), {kTag}).status, 0) << "the Engine does not read that one";
}

TEST(LoadGuard, NothingElseLeadsToAnIndex) {
  EXPECT_EQ(read(link('2', "manifest.json", "x")).status, 400);
  EXPECT_EQ(read(link('1', "manifest.json", "x")).status, 400);
  EXPECT_EQ(read(link('1', "x", "y")).status, 400);
  EXPECT_EQ(read(link('2', "d", ".")).status, 400) << "d/manifest.json would be the index";
  EXPECT_EQ(read(link('2', "layer.tar", ".")).status, 400);
  EXPECT_EQ(read(link('2', "layer.tar", "manifest.json")).status, 400);
  EXPECT_EQ(read(link('2', "a/layer.tar", "")).status, 400);
  EXPECT_EQ(read(header('5', 0, "manifest.json/")).status, 400);
  for (const char type : {'3', '4', '6'}) EXPECT_EQ(read(header(type)).status, 400) << type;
  EXPECT_EQ(
      read(link('2', "a/layer.tar", "../b/layer.tar") + link('2', "c/layer.tar", "../" + std::string(64, 'f') + ".tar"))
          .status,
      0);
}

TEST(LoadGuard, WhatCannotBeReadIsRefused) {
  for (const char* const text : {"", "{", "[] []", "[]x", R"([{"RepoTags":["X"]}])", R"([{"RepoTags":["a b"]}])"}) {
    EXPECT_EQ(read(file(text, "manifest.json")).status, 400) << text;
  }
  EXPECT_EQ(read(file("[]\n \n", "manifest.json")).status, 0);
  const std::string large(LoadGuard::kMaxIndex + 1, ' ');
  LoadGuard guard;
  EXPECT_TRUE(guard.feed(file(large, "manifest.json")));
  const std::string half(LoadGuard::kMaxIndex / 2 + 1, ' ');
  LoadGuard twice;
  EXPECT_TRUE(twice.feed(file("[]" + half, "manifest.json") + file("[]" + half, "index.json")))
      << "all of them together";
  std::string many = R"([{"RepoTags":["x:0")";
  for (std::size_t i = 1; i <= ownership::ImageOwners::kMostTags; ++i) many += fmt::format(R"(,"x:{}")", i);
  LoadGuard crowd;
  EXPECT_TRUE(crowd.feed(file(many + "]}]", "manifest.json")));
  LoadGuard compressed;
  const std::optional<Denial> denial = compressed.feed(std::string("\x1f\x8b\x08") + std::string(600, 'z'));
  ASSERT_TRUE(denial);
  EXPECT_THAT(denial->text, HasSubstr("gunzip -c FILE | docker load"));
}

}  // namespace
}  // namespace ds01::gateway
