#include "gateway/session_query.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/build_calls.h"

namespace ds01::gateway {
namespace {

using buildkit::Attributes;
using buildkit::SolveRequest;
using ::testing::HasSubstr;

constexpr const char* kStart = "/v1.41/build?version=2&remote=client-session&session=s1&buildid=b1";

Target target(const std::string& more) {
  return parseTarget(kStart + more).value();
}

std::expected<SessionQuery, Denial> read(const std::string& more) {
  return readSessionQuery(target(more));
}

std::string reasonOf(const std::string& more) {
  const auto query = read(more);
  return query ? "" : query.error().reason;
}

// In any case there, as the Engine has it.
Attributes with(Attributes more) {
  more.insert({{"add-hosts", ""}, {"cache-from", ""}, {"image-resolve-mode", "default"}});
  return more;
}

// As docker build of 20.10 sends it.
constexpr const char* kPlain =
    "&buildargs=%7B%7D&cachefrom=%5B%5D&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=&cpushares=0"
    "&dockerfile=&labels=%7B%7D&memory=0&memswap=0&networkmode=default&rm=0&shmsize=0&target=&ulimits=null";

TEST(SessionQuery, whatTheClientSendsForNothingInParticular) {
  const auto query = read(kPlain);
  ASSERT_TRUE(query) << query.error().text;
  EXPECT_EQ(query->request.frontend, "dockerfile.v0");
  EXPECT_EQ(query->request.options, with({}));
  ASSERT_TRUE(query->request.exporter);
  EXPECT_EQ(query->request.exporter->type, "moby");
  EXPECT_EQ(query->request.exporter->attributes, Attributes());
  EXPECT_EQ(query->request.rest, std::string("\x2a\x02s1"));  // field 5: the session
  EXPECT_TRUE(query->request.entitlements.empty());
  EXPECT_FALSE(query->quiet);
  EXPECT_TRUE(query->image);
}

TEST(SessionQuery, eachWord) {
  const std::vector<std::pair<const char*, Attributes>> kWords{
      {"&dockerfile=sub/File", {{"filename", "sub/File"}}},
      {"&dockerfile=.", {}},
      {"&target=first", {{"target", "first"}}},
      {"&nocache=1", {{"no-cache", ""}}},
      {"&nocache=0", {}},
      {"&networkmode=none", {{"force-network-mode", "none"}}},
      {"&networkmode=", {}},
      {"&platform=linux/arm64/v8", {{"platform", "linux/arm64/v8"}}},
      {"&shmsize=67108864", {{"shm-size", "67108864"}}},
      {"&shmsize=-1", {}},
      {"&buildargs=%7B%22A%22:%22b%3Dc%22,%22unset%22:null%7D", {{"build-arg:A", "b=c"}}},
      {"&labels=%7B%22a%22:%22b%22,%22none%22:null%7D", {{"label:a", "b"}, {"label:none", ""}}},
      {"&ulimits=%5B%7B%22Name%22:%22nofile%22,%22hard%22:20,%22Soft%22:-1%7D,%7B%22name%22:%22cpu%22%7D%5D",
       {{"ulimit", "nofile=-1:20,cpu=0:0"}}},
  };
  for (const auto& [words, expected] : kWords) {
    const auto query = read(words);
    ASSERT_TRUE(query) << words << ": " << query.error().text;
    EXPECT_EQ(query->request.options, with(expected)) << words;
  }
}

TEST(SessionQuery, wordsThatAreAlwaysThere) {
  EXPECT_EQ(read("&pull=1")->request.options.at("image-resolve-mode"), "pull");
  EXPECT_EQ(read("&cachefrom=%5B%22a:1%22,%22b%22%5D")->request.options.at("cache-from"), "a:1,b");
  EXPECT_EQ(read("&extrahosts=one:192.0.2.1&extrahosts=two:2001:db8::1")->request.options.at("add-hosts"),
            "one=192.0.2.1,two=2001:db8::1");
  EXPECT_TRUE(read("&q=1")->quiet);
}

TEST(SessionQuery, theInlineCache) {
  // Field 8 with one export, of the type "inline".
  const std::string field = std::string("\x42\x0a\x22\x08\x0a\x06") + "inline";
  const auto written = [](std::string_view value) {
    const std::string argument = "&buildargs=%7B%22BUILDKIT_INLINE_CACHE%22:%22" + std::string(value) + "%22%7D";
    return buildkit::writeSolve(read(argument)->request);
  };
  const std::string with = written("1");
  std::size_t fields = 0;
  for (std::size_t at = with.find(field); at != std::string::npos; at = with.find(field, at + 1)) ++fields;
  EXPECT_EQ(fields, 1U);
  EXPECT_EQ(written("0").find(field), std::string::npos);
}

TEST(SessionQuery, whatBecomesOfTheImage) {
  auto query = read("&t=a&t=me/b:2");
  EXPECT_EQ(query->request.exporter->attributes, (Attributes{{"name", "docker.io/library/a:latest,docker.io/me/b:2"}}));
  query = read("&t=a&outputs=%5B%7B%22Type%22:%22local%22,%22Attrs%22:%7B%7D%7D%5D");
  EXPECT_EQ(query->request.exporter->type, "local");
  EXPECT_EQ(query->request.exporter->attributes, Attributes());
  EXPECT_FALSE(query->image);
  query = read("&outputs=%5B%7B%22Type%22:%22image%22,%22Attrs%22:%7B%22name%22:%22c%22%7D%7D%5D");
  EXPECT_EQ(query->request.exporter->type, "image");
  EXPECT_EQ(query->request.exporter->attributes, (Attributes{{"name", "docker.io/library/c:latest"}}));
  EXPECT_TRUE(query->image);
  query = read("&outputs=%5B%7B%22Type%22:%22cacheonly%22,%22Attrs%22:%7B%7D%7D%5D");
  EXPECT_EQ(query->request.exporter->type, "");
  EXPECT_FALSE(query->image);
}

TEST(SessionQuery, whatCannotBePutIntoWords) {
  for (const char* bad : {
           "&unheard=1",
           "&Version=2",
           "&squash=1",
           "&isolation=hyperv",
           "&shmsize=1g",
           "&platform=linux/amd64,linux/arm64",
           "&extrahosts=x",
           "&extrahosts=:1.2.3.4",
           "&extrahosts=x:",
           "&extrahosts=x:1.2.3.4,y=5.6.7.8",
           "&extrahosts=x:host-gateway",
           "&buildargs=x",
           "&buildargs=%5B%5D",
           "&buildargs=%7B%22A%22:1%7D",
           "&labels=%7B%22A%22:%7B%7D%7D",
           "&labels=%FF",
           "&cachefrom=%7B%7D",
           "&cachefrom=%5Bnull%5D",
           "&ulimits=%7B%7D",
           "&ulimits=%5Bnull%5D",
           "&ulimits=%5B%7B%7D%5D",
           "&ulimits=%5B%7B%22Name%22:%22cpu%3D1:1,rtprio%22%7D%5D",
           "&ulimits=%5B%7B%22Name%22:%22cpu%22,%22Soft%22:%221%22%7D%5D",
           "&outputs=%5B%7B%22Type%22:%22local%22%7D,%7B%22Type%22:%22tar%22%7D%5D",
       }) {
    EXPECT_EQ(reasonOf(bad), "build_query") << bad;
  }
  EXPECT_EQ(reasonOf("&networkmode=mine"), "build_network");
  EXPECT_EQ(reasonOf("&networkmode=host"), "build_network");
  EXPECT_EQ(reasonOf("&t=Bad"), "image_reference");
  EXPECT_EQ(reasonOf("&t=a@sha256:" + std::string(64, 'a')), "image_reference");
  EXPECT_EQ(reasonOf("&outputs=%5B%7B%22Type%22:%22registry%22%7D%5D"), "build_outputs");
}

TEST(SessionQuery, filesThatDoNotComeByTheSession) {
  const auto reason = [](const char* query) {
    const auto read = readSessionQuery(parseTarget(query).value());
    return read ? "" : read.error().reason;
  };
  EXPECT_EQ(reason("/build?version=2&remote=client-session&session=s"), "");
  EXPECT_EQ(reason("/build?version=2&remote=client-session"), "build_query");
  EXPECT_EQ(reason("/build?version=2&remote=client-session&session=s&buildid=a%20b"), "build_query");
  EXPECT_EQ(reason("/build?version=2&remote=upload-request&session=s"), "build_query");
  EXPECT_EQ(reason("/build?version=2&buildid=upload-request:1"), "build_query");
  EXPECT_EQ(reason("/build?version=2&session=s"), "build_remote");
  EXPECT_EQ(reason("/build?version=2&session=s&remote=http://x/y"), "build_remote");
}

// ---- whatever the query

struct Dice {
  std::mt19937 random{20101};  // NOLINT(bugprone-random-generator-seed,cert-msc51-cpp)
  std::size_t below(std::size_t end) { return random() % end; }
  std::string word(const std::vector<std::string>& words) { return words[below(words.size())]; }
};

std::string randomQuery(Dice& dice) {
  static const std::vector<std::string> kKeys{
      "t",          "dockerfile", "target",   "buildargs", "labels",  "nocache",      "pull",         "cachefrom",
      "extrahosts", "platform",   "outputs",  "shmsize",   "ulimits", "networkmode",  "cgroupparent", "q",
      "session",    "remote",     "frontend", "cmdline",   "source",  "entitlements", "securityopt"};
  static const std::vector<std::string> kValues{
      "",
      "1",
      "host",
      "none",
      "a:1",
      "gateway.v0",
      "null",
      "{}",
      "[]",
      R"({"cmdline":"x","BUILDKIT_SYNTAX":"y","BUILDKIT_CACHE_MOUNT_NS":"z","context:a":"b"})",
      R"({"":"","a\u0000b":"\n"})",
      R"([{"Type":"image","Attrs":{"name":"b,c:2","push":"true"}}])",
      R"([{"Type":"image","Attrs":{"name":"b,c:2"}}])",
      R"([{"type":"docker","ATTRS":{"dest":"x"}}])",
      R"([{"Type":"local","Attrs":null}])",
      R"([{"Type":"oci"}])",
      R"([{"Name":"nofile","Hard":1,"Soft":1}])",
      R"(["a,b","c"])",
      "x:1.2.3.4",
      "linux/arm64",
      "dockerfile.v0,gateway.v0"};
  Target out;
  out.segments = {"build"};
  out.query = {{"version", "2"}, {"remote", "client-session"}, {"session", "s"}};
  for (std::size_t left = dice.below(6); left > 0; --left) {
    const std::string key = dice.word(kKeys);
    if (out.get(key) == nullptr || key == "t") out.query.push_back({key, dice.word(kValues)});
  }
  return serialise(out);
}

TEST(SessionQuery, whateverItSaysTheBuildIsOneThatMayBe) {
  Dice dice;
  std::size_t built = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = randomQuery(dice);
    auto query = readSessionQuery(parseTarget(text).value());
    if (!query) {
      ASSERT_FALSE(query.error().text.empty()) << text;
      ASSERT_EQ(query.error().http_status / 100, 4) << text;
      continue;
    }
    ++built;
    query->request.ref = "r";
    std::vector<docker::ImageReference> tags;
    const auto denial = examineSolveRequest(query->request, 1000, tags);
    if (denial) {
      ASSERT_EQ(denial->reason, "build_host") << text << ": " << denial->text;
      continue;
    }
    auto written = buildkit::readSolve(buildkit::writeSolve(query->request));
    ASSERT_TRUE(written) << text << ": " << written.error().message();
    ASSERT_EQ(written->frontend, "dockerfile.v0") << text;
    ASSERT_EQ(written->options.at("cmdline"), "dockerfile.v0") << text;
    ASSERT_TRUE(written->options.at("build-arg:BUILDKIT_CACHE_MOUNT_NS").starts_with("ds01-1000")) << text;
    for (const auto& [key, value] : written->options) {
      static const std::vector<std::string> kOpen{
          "add-hosts", "cache-from", "cmdline", "filename", "force-network-mode", "image-resolve-mode", "no-cache",
          "platform",  "shm-size",   "target",  "ulimit"};
      const bool open = std::ranges::find(kOpen, key) != kOpen.end();
      ASSERT_TRUE(open || key.starts_with("build-arg:") || key.starts_with("label:")) << text << ": " << key;
      ASSERT_TRUE(key != "force-network-mode" || value == "none") << text;
    }
    ASSERT_FALSE(written->own_llb || written->exporters_by_session) << text;
    ASSERT_TRUE(written->entitlements.empty() && written->exporters.empty()) << text;
    std::vector<docker::ImageReference> again;
    ASSERT_FALSE(examineSolveRequest(*written, 1000, again)) << text;
    ASSERT_EQ(again, tags) << text;
  }
  EXPECT_GT(built, 1000U);
}

}  // namespace
}  // namespace ds01::gateway
