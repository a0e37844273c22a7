#include "admission/json_guard.h"

#include <cstdint>
#include <string>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::admission {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::HasSubstr;

constexpr GuardOptions kUser{false, {1, 41}};
constexpr GuardOptions kAdmin{true, {1, 41}};
constexpr GuardOptions kUserOfNew{false, {1, 55}};

std::expected<json::object, Denial> create(std::string_view bytes, const GuardOptions& options = kUser) {
  return guardBody("POST", "/containers/create", bytes, options);
}

void expectRefused(std::string_view bytes, std::string_view reason, const GuardOptions& options = kUser) {
  const auto result = create(bytes, options);
  ASSERT_FALSE(result) << bytes << " became " << json::serialize(*result);
  EXPECT_EQ(result.error().http_status, 400) << bytes;
  EXPECT_EQ(result.error().reason, reason) << bytes << ": " << result.error().text;
}

void expectKept(std::string_view bytes, std::string_view expected, const GuardOptions& options = kUser) {
  const auto result = create(bytes, options);
  ASSERT_TRUE(result) << bytes << ": " << result.error().text;
  EXPECT_EQ(json::value(*result), json::parse(json::string_view(expected.data(), expected.size()))) << bytes;
}

TEST(JsonGuard, EmptyAndNullBodiesAreEmptyObjects) {
  for (const std::string_view bytes : {"", " \r\n\t", "{}", "null", "null\n", " {} \n"}) expectKept(bytes, "{}");
}

TEST(JsonGuard, OnlyAnObjectIsABody) {
  for (const std::string_view bytes : {"[]", "1", "true", "\"x\"", "[{}]"}) {
    expectRefused(bytes, "field_type");
    expectRefused(bytes, "field_type", kAdmin);
  }
}

TEST(JsonGuard, UnknownEndpointIsRefused) {
  const auto result = guardBody("POST", "/containers/{}/start", "{}", kAdmin);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "body_unexpected");
  EXPECT_FALSE(guardBody("GET", "/containers/create", "{}", kAdmin));
}

TEST(JsonGuard, KeepsNullAbsentEmptyAndZeroApart) {
  constexpr std::string_view kBody =
      R"({"Env":null,"Cmd":[],"Volumes":{},"HostConfig":{"Memory":0,"Binds":null,"Init":null},"User":""})";
  expectKept(kBody, kBody);
}

TEST(JsonGuard, ExactDuplicatesAreRefusedAtEveryDepth) {
  expectRefused(R"({"Image":"a","Image":"a"})", "duplicate_field");
  expectRefused(R"({"HostConfig":{"Memory":1,"Memory":2}})", "duplicate_field");
  expectRefused(R"({"HostConfig":{},"HostConfig":{}})", "duplicate_field");
  expectRefused(R"({"HostConfig":{"Mounts":[{"Type":"bind","Type":"volume"}]}})", "duplicate_field");
  expectRefused(R"({"HostConfig":{"Mounts":[{},{"BindOptions":{"Propagation":"","Propagation":""}}]}})",
                "duplicate_field");
  expectRefused(R"({"NetworkingConfig":{"EndpointsConfig":{"n":{"Links":[],"Links":[]}}}})", "duplicate_field");
  expectRefused(R"({"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostIp":""}]}}})", "duplicate_field");
}

TEST(JsonGuard, MapsRefuseExactDuplicatesOnly) {
  expectRefused(R"({"Labels":{"a":"1","a":"2"}})", "duplicate_field");
  expectRefused(R"({"Labels":{"a":"1","\u0061":"2"}})", "duplicate_field");
  expectRefused(R"({"NetworkingConfig":{"EndpointsConfig":{"n":{},"n":{}}}})", "duplicate_field");
  constexpr std::string_view kBody = R"({"Labels":{"a":"1","A":"2","k":"","K":""},"Volumes":{"/a":{},"/A":{}},
      "ExposedPorts":{"80/tcp":{},"80/TCP":{}},"NetworkingConfig":{"EndpointsConfig":{"n":{},"N":null}},
      "HostConfig":{"Sysctls":{"x":"1","X":"2"},"LogConfig":{"Config":{"b":"","B":""}}}})";
  expectKept(kBody, kBody);
}

// As many as make the containers grow several times while they are being read.
std::string many(std::string_view before, std::string_view after) {
  std::string out;
  for (int i = 0; i < 2000; ++i) out += fmt::format("{}{}{},", before, i, after);
  return out;
}

TEST(JsonGuard, DuplicatesAreFoundAmongMany) {
  const std::string labels = "{\"Labels\":{" + many("\"k", "\":\"v\"");
  expectKept(labels + "\"K0\":\"\"}}", labels + "\"K0\":\"\"}}");
  for (const std::string_view key : {"k0", "k63", "k64", "k1999"}) {
    expectRefused(fmt::format("{}\"{}\":\"\"}}}}", labels, key), "duplicate_field");
  }
  // Keys that are not sent on are still keys.
  const std::string networks = "{\"NetworkingConfig\":{" + many("\"n", "\":null");
  expectKept(networks + "\"m\":null}}", R"({"NetworkingConfig":{}})");
  expectRefused(networks + "\"n7\":null}}", "duplicate_field");
  expectRefused(networks + "\"N7\":null}}", "field_spelling");
  expectRefused(networks + "\"endpointsconfig\":null}}", "field_spelling");
  const std::string fields = "{\"HostConfig\":{\"Nothing\":{" + many("\"f", "\":1");
  expectRefused(fields + "\"f1999\":1}}}", "duplicate_field", kAdmin);
  expectRefused(fields + "\"F1999\":1}}}", "field_spelling", kAdmin);
}

TEST(JsonGuard, AnObjectDoesNotRememberTheKeysOfTheOneBefore) {
  constexpr std::string_view kMounts =
      R"({"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a"},{"Type":"bind","VolumeOptions":{"Labels":{"a":"1"}}},
          {"Source":"/a","VolumeOptions":{"Labels":{"a":"2"}}}]}})";
  expectKept(kMounts, kMounts);
  expectKept(R"({"NetworkingConfig":{"lab":null},"HostConfig":{"LogConfig":{"Config":{"lab":"1"}}}})",
             R"({"NetworkingConfig":{},"HostConfig":{"LogConfig":{"Config":{"lab":"1"}}}})");
}

TEST(JsonGuard, LongKeysAndTextsThatComeInPieces) {
  const std::string text(10000, 'x');
  const std::string body = fmt::format(R"({{"Labels":{{"{}\u0041":"{}\u0041","{}A":""}}}})", text, text, text);
  expectRefused(body, "duplicate_field");
  expectKept(fmt::format(R"({{"Labels":{{"{}\u0041":"{}\u0042"}},"User":"u"}})", text, text),
             fmt::format(R"({{"Labels":{{"{}A":"{}B"}},"User":"u"}})", text, text));
}

TEST(JsonGuard, CaseVariantsOfStructKeysAreRefused) {
  expectRefused(R"({"hostconfig":{}})", "field_spelling");
  expectRefused(R"({"HostConfig":{"privileged":true}})", "field_spelling");
  expectRefused(R"({"HostConfig":{"Privileged":false,"PRIVILEGED":true}})", "field_spelling");
  expectRefused(R"({"HostConfig":{"NanoCPUs":1}})", "field_spelling");
  expectRefused(R"({"HostConfig":{"DeviceRequests":[{"count":-1}]}})", "field_spelling");
  // The folds of K and S beyond ASCII: U+212A and U+017F, written out and escaped.
  expectRefused("{\"HostConfig\":{\"Bind\xC5\xBF\":[]}}", "field_spelling");
  expectRefused(R"({"HostConfig":{"Bind\u017f":[]}})", "field_spelling");
  expectRefused("{\"HostConfig\":{\"Lin\xE2\x84\xAAs\":[]}}", "field_spelling");
  expectRefused(R"({"HostConfig":{"Lin\u212As":[]}})", "field_spelling");
  expectRefused(R"({"HostConfig":{"LIN\u212A\u017F":[]}})", "field_spelling", kAdmin);
}

TEST(JsonGuard, SpellingErrorsNameBothSpellings) {
  const auto variant = create(R"({"HostConfig":{"privileged":true}})");
  ASSERT_FALSE(variant);
  EXPECT_THAT(variant.error().text, AllOf(HasSubstr("HostConfig.privileged"), HasSubstr("spelled Privileged")));
  const auto twice = create(R"({"HostConfig":{"Binds":[],"bindS":[]}})");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().text, AllOf(HasSubstr("as Binds"), HasSubstr("as bindS")));
}

TEST(JsonGuard, EscapedKeysAreTheirMeaning) {
  expectKept(R"({"HostConfig":{"\u0050rivileged":true}})", R"({"HostConfig":{"Privileged":true}})");
  expectRefused(R"({"HostConfig":{"Privileged":false,"\u0050rivileged":true}})", "duplicate_field");
  expectRefused(R"({"HostConfig":{"\u0070rivileged":true}})", "field_spelling");
}

TEST(JsonGuard, UnpublishedFieldsAreForAdmins) {
  expectRefused(R"({"Privileged":true})", "unknown_field");  // Engine 20.10 would take it for HostConfig's
  expectRefused(R"({"HostConfig":{"Nothing":null}})", "unknown_field");
  expectRefused(R"({"HostConfig":{"":1}})", "unknown_field");
  expectRefused(R"({"Volumes":{"/x":{"a":1}}})", "unknown_field");
  expectRefused(R"({"HostConfig":{"CapDrop":[{"a":1}]}})", "unknown_field");
  expectKept(R"({"HostConfig":{"Nothing":{"a":[{"b":1}]}}})", R"({"HostConfig":{"Nothing":{"a":[{"b":1}]}}})", kAdmin);
  expectRefused(R"({"HostConfig":{"Nothing":{"a":1,"A":2}}})", "field_spelling", kAdmin);
  expectRefused(R"({"HostConfig":{"Nothing":1,"nothing":2}})", "field_spelling", kAdmin);
}

// docker-py 5 and 7: containers.run(…, network="lab").
TEST(JsonGuard, NetworkBesideEndpointsConfigIsDroppedWhenNull) {
  expectKept(R"({"NetworkingConfig":{"lab":null}})", R"({"NetworkingConfig":{}})");
  expectKept(R"({"NetworkingConfig":{"lab":null,"EndpointsConfig":{"lab":null}}})",
             R"({"NetworkingConfig":{"EndpointsConfig":{"lab":null}}})");
  expectRefused(R"({"NetworkingConfig":{"lab":{"Aliases":["a"]}}})", "unknown_field");
  expectRefused(R"({"NetworkingConfig":{"lab":1}})", "field_type");
  expectRefused(R"({"NetworkingConfig":{"lab":null,"lab":null}})", "duplicate_field");
  expectRefused(R"({"NetworkingConfig":{"endpointsconfig":null}})", "field_spelling");
  expectKept(R"({"NetworkingConfig":{"lab":null}})", R"({"NetworkingConfig":{"lab":null}})", kAdmin);
}

TEST(JsonGuard, NewerFieldsAreDroppedWhenZeroLike) {
  for (const std::string_view zero : {"null", "{}"}) {
    expectKept(std::string(R"({"HostConfig":{"Annotations":)").append(zero).append("}}"), R"({"HostConfig":{}})");
  }
  expectKept(R"({"HostConfig":{"Mounts":[{"TmpfsOptions":{"Options":[]},"ImageOptions":{"Subpath":""}}]}})",
             R"({"HostConfig":{"Mounts":[{"TmpfsOptions":{}}]}})");
  expectKept(R"({"NetworkingConfig":{"EndpointsConfig":{"n":{"GwPriority":0,"DNSNames":null}}}})",
             R"({"NetworkingConfig":{"EndpointsConfig":{"n":{}}}})");
  expectKept(R"({"HostConfig":{"Mounts":[{"BindOptions":{"CreateMountpoint":false}}]}})",
             R"({"HostConfig":{"Mounts":[{"BindOptions":{}}]}})");
}

TEST(JsonGuard, NewerFieldsAreRefusedWhenSetAndNameTheVersion) {
  expectRefused(R"({"HostConfig":{"Annotations":{"a":"b"}}})", "newer_field");
  expectRefused(R"({"HostConfig":{"Annotations":{"a":"b"}}})", "newer_field", kAdmin);
  const auto result = create(R"({"HostConfig":{"Mounts":[{"ImageOptions":{"Subpath":"x"}}]}})");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().text, AllOf(HasSubstr("HostConfig.Mounts[0].ImageOptions"), HasSubstr("1.48")));
  constexpr std::string_view kBody =
      R"({"HostConfig":{"Annotations":{"a":"b"},"Mounts":[{"ImageOptions":{"Subpath":"x"}}]}})";
  expectKept(kBody, kBody, kUserOfNew);
}

TEST(JsonGuard, OldTopLevelFieldsMustBeEmptyAndAreDropped) {
  expectKept(R"({"Runtime":null,"VolumesFrom":"","Dns":[],"Memory":0})", "{}");
  expectRefused(R"({"Runtime":"nvidia"})", "field_refused");
  expectRefused(R"({"Memory":1})", "field_refused", kAdmin);
}

TEST(JsonGuard, TypesAreThoseOfGo) {
  for (const std::string_view bytes :
       {R"({"HostConfig":{"Privileged":1}})", R"({"HostConfig":{"Privileged":"true"}})",
        R"({"HostConfig":{"Memory":"1g"}})", R"({"HostConfig":{"Memory":1.5}})", R"({"HostConfig":{"Memory":1e3}})",
        R"({"HostConfig":{"Binds":"a:/b"}})", R"({"HostConfig":{"Binds":{}}})", R"({"HostConfig":[]})",
        R"({"Labels":[]})", R"({"Image":7})", R"({"Labels":{"a":1}})", R"({"HostConfig":{"Mounts":[{"Type":3}]}})",
        R"({"Cmd":{}})", R"({"Cmd":1})", R"({"HostConfig":{"PortBindings":{"80/tcp":{"HostPort":"1"}}}})",
        R"({"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":80}]}}})",
        R"({"HostConfig":{"Ulimits":[{"Name":"nofile","Soft":"1"}]}})",
        R"({"HostConfig":{"DeviceRequests":[{"Capabilities":["gpu"]}]}})"}) {
    expectRefused(bytes, "field_type");
    expectRefused(bytes, "field_type", kAdmin);
  }
  constexpr std::string_view kBody =
      R"({"Cmd":"echo hi","Entrypoint":["a"],"Shell":null,"HostConfig":{"Privileged":null}})";
  expectKept(kBody, kBody);
}

TEST(JsonGuard, IntegersKeepAllTheirBits) {
  const auto result = create(R"({"HostConfig":{"Memory":9223372036854775807,"MemorySwap":-9223372036854775808,
                                 "ShmSize":9007199254740993,"CpuShares":-0}})");
  ASSERT_TRUE(result) << result.error().text;
  const json::object& host = result->at("HostConfig").as_object();
  EXPECT_EQ(host.at("Memory").as_int64(), INT64_MAX);
  EXPECT_EQ(host.at("MemorySwap").as_int64(), INT64_MIN);
  EXPECT_EQ(host.at("ShmSize").as_int64(), 9007199254740993);
  EXPECT_EQ(host.at("CpuShares").as_int64(), 0);
}

TEST(JsonGuard, NumbersOutOfRangeAreRefused) {
  for (const std::string_view number :
       {"9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "99999999999999999999999999999999999999999999", "1e400", "-1e400"}) {
    expectRefused(std::string(R"({"HostConfig":{"Memory":)").append(number).append("}}"), "number_range");
  }
  for (const std::string_view number : {"18446744073709551616", "1e400"}) {
    expectRefused(std::string(R"({"Unpublished":)").append(number).append("}"), "number_range", kAdmin);
  }
}

TEST(JsonGuard, DoublesPassWhereNumbersAreAllowed) {
  expectKept(R"({"Unpublished":0.125,"Other":18446744073709551615})",
             R"({"Unpublished":0.125,"Other":18446744073709551615})", kAdmin);
}

TEST(JsonGuard, NulIsRefusedInKeysAndStrings) {
  expectRefused(R"({"HostConfig":{"Privileged\u0000":true}})", "body_nul");
  expectRefused(R"({"Labels":{"a\u0000b":"x"}})", "body_nul", kAdmin);
  expectRefused(R"({"HostConfig":{"Binds":["/home/alice\u0000/../../etc:/x"]}})", "body_nul");
}

TEST(JsonGuard, SyntaxErrorsNameTheByte) {
  const auto result = create(R"({"Image":"x",})");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "body_syntax");
  EXPECT_THAT(result.error().text, HasSubstr("byte 13"));
  const auto trailing = create("{} x");
  ASSERT_FALSE(trailing);
  EXPECT_THAT(trailing.error().text, HasSubstr("byte 3"));
}

TEST(JsonGuard, OnlyStrictJson) {
  for (const std::string_view bytes :
       {"\xEF\xBB\xBF{}", "{} {}", "{}x", "{", R"({"Image":"x")", R"({"Image":'x'})", R"({Image:"x"})", "{,}",
        R"({"Image":"x"/**/})", "// c\n{}", R"({"HostConfig":{"Memory":01}})", R"({"HostConfig":{"Memory":+1}})",
        R"({"HostConfig":{"Memory":NaN}})", R"({"HostConfig":{"Memory":Infinity}})",
        R"({"HostConfig":{"Memory":0x10}})", R"({"Image":"\x41"})", "{\"Image\":\"a\nb\"}", R"({"Tty":True})"}) {
    expectRefused(bytes, "body_syntax");
    expectRefused(bytes, "body_syntax", kAdmin);
  }
}

TEST(JsonGuard, OnlyStrictUtf8) {
  for (const std::string_view text :
       {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80", "\xFF",
        R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\ud83d\ud83d)"}) {
    expectRefused(std::string(R"({"Image":")").append(text).append(R"("})"), "body_syntax");
    expectRefused(std::string(R"({"Labels":{")").append(text).append(R"(":""}})"), "body_syntax");
  }
  expectKept(R"({"User":"\ud83d\ude00é"})", "{\"User\":\"\xF0\x9F\x98\x80\xC3\xA9\"}");
}

TEST(JsonGuard, SixtyFourLevelsAndNoMore) {
  const auto nested = [](std::size_t lists) {  // below the body's object
    return R"({"Unpublished":)" + std::string(lists, '[') + std::string(lists, ']') + "}";
  };
  EXPECT_TRUE(create(nested(63), kAdmin));
  expectRefused(nested(64), "body_depth", kAdmin);
  expectRefused(R"({"Unpublished":)" + std::string(100'000, '['), "body_depth", kAdmin);
  std::string objects;
  for (int i = 0; i < 64; ++i) objects += R"({"a":)";
  expectRefused(objects + "{}" + std::string(64, '}'), "body_depth", kAdmin);
}

TEST(JsonGuard, FourMebibytesAndNoMore) {
  const std::string frame = R"({"User":""})";
  std::string bytes = R"({"User":")" + std::string((4U << 20) - frame.size(), 'x') + R"("})";
  ASSERT_EQ(bytes.size(), 4U << 20);
  EXPECT_TRUE(create(bytes));
  expectRefused(bytes + " ", "body_size");
}

TEST(JsonGuard, OddKeysAreShownSafely) {
  const auto result = create("{\"a\\u001b[31m\\n" + std::string(5000, 'y') + "\":1}");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().text.find('\x1b'), std::string::npos);
  EXPECT_EQ(result.error().text.find('\n'), std::string::npos);
  EXPECT_LT(result.error().text.size(), 400U);
}

}  // namespace
}  // namespace ds01::admission
