#include "config/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::config {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

Node scalar(std::string text, bool quoted = false) {
  return {.kind = Node::Kind::Scalar, .text = std::move(text), .quoted = quoted, .at = {}, .items = {}};
}

std::expected<Scalar, std::string> parseKey(Block block, std::string_view name, const Node& node) {
  const std::optional<KeyMatch> match = findKey(block, name);
  if (!match) return std::unexpected("no such key");
  return parseScalar(*match, node);
}

template <typename T>
T limit(std::string_view name, const std::string& text) {
  const auto value = parseKey(Block::Limits, name, scalar(text));
  EXPECT_TRUE(value) << name << " " << text << ": " << value.error();
  return value && std::holds_alternative<T>(*value) ? std::get<T>(*value) : T{};
}

std::string refusal(Block block, std::string_view name, const Node& node) {
  const auto value = parseKey(block, name, node);
  return value ? "accepted" : value.error();
}

std::string refusal(std::string_view name, const std::string& text) {
  return refusal(Block::Limits, name, scalar(text));
}

TEST(ParseScalar, ReadsDockersAndSystemdsSizesInUnitsOf1024) {
  EXPECT_EQ(limit<Bytes>("memory", "32g").count, 32LL << 30);
  EXPECT_EQ(limit<Bytes>("memory", "86G").count, 86LL << 30);
  EXPECT_EQ(limit<Bytes>("memory", "512m").count, 512LL << 20);
  EXPECT_EQ(limit<Bytes>("memory", "8192K").count, 8LL << 20);
  EXPECT_EQ(limit<Bytes>("memory", "1.5 GiB").count, 1536LL << 20);
  EXPECT_EQ(limit<Bytes>("memory", "2tb").count, 2LL << 40);
  EXPECT_EQ(limit<Bytes>("memory", "68719476736").count, 64LL << 30);
}

TEST(ParseScalar, RefusesSizesThatAreNone) {
  for (const std::string text : {"g", "32x", "32gg", "32 g b", "0x20g", "nan", "inf", "1e3", "1.2.3g", "", "٣٢g"}) {
    EXPECT_THAT(refusal("memory", text), HasSubstr("expected a size such as 32g")) << text;
  }
  EXPECT_THAT(refusal("memory", "-1g"), HasSubstr("must not be negative"));
  EXPECT_THAT(refusal("memory", "0"), HasSubstr("for no limit write null"));
  EXPECT_THAT(refusal("memory", "32"), HasSubstr("is a unit missing"));
  EXPECT_THAT(refusal("memory", "99999999999t"), HasSubstr("too large"));
}

TEST(ParseScalar, ReadsBothStylesOfDurations) {
  EXPECT_EQ(limit<seconds>("max_runtime_h", "24"), seconds(86400));
  EXPECT_EQ(limit<seconds>("idle_timeout_h", "0.5"), seconds(1800));
  EXPECT_EQ(limit<seconds>("idle_timeout_m", "45"), seconds(2700));
  EXPECT_EQ(limit<seconds>("idle_timeout_s", "90"), seconds(90));
  EXPECT_EQ(limit<seconds>("max_runtime_d", "7"), seconds(604800));
  EXPECT_EQ(limit<seconds>("max_runtime", "24h"), seconds(86400));
  EXPECT_EQ(limit<seconds>("idle_timeout", "0.5h"), seconds(1800));
  EXPECT_EQ(limit<seconds>("idle_timeout", "30m"), seconds(1800));
  EXPECT_EQ(limit<seconds>("max_runtime", "7d"), seconds(604800));
  EXPECT_EQ(limit<seconds>("gpu_hold_after_stop_h", "0"), seconds(0));
  EXPECT_EQ(limit<seconds>("gpu_hold_after_stop_h", "0.3333333"), seconds(1200));
}

TEST(ParseScalar, RefusesDurationsWithNoUnitOrTwo) {
  EXPECT_THAT(refusal("max_runtime", "24"), HasSubstr("expected a time with its unit"));
  EXPECT_THAT(refusal("max_runtime_h", "24h"), HasSubstr("the _h of the key"));
  EXPECT_THAT(refusal("max_runtime", "24hours"), HasSubstr("expected a time with its unit"));
  EXPECT_THAT(refusal("max_runtime", "1h30m"), HasSubstr("expected a time with its unit"));
  EXPECT_THAT(refusal("max_runtime_h", "-1"), HasSubstr("must not be negative"));
  EXPECT_THAT(refusal("max_runtime_h", "0"), HasSubstr("for no limit write null"));
  EXPECT_THAT(refusal("max_runtime_s", "0.2"), HasSubstr("less than one second"));
  EXPECT_THAT(refusal("max_runtime_h", "1e300"), HasSubstr("too large"));
  EXPECT_THAT(refusal("max_runtime_x", "1"), HasSubstr("no such key"));
}

TEST(ParseScalar, RoundsGpuSharesToTheNearestMillionth) {
  EXPECT_EQ(limit<GpuEq>("max_gpu_equivalents", "2.0").micro, 2'000'000);
  EXPECT_EQ(limit<GpuEq>("max_gpu_equivalents", "0.285714").micro, 285'714);
  EXPECT_EQ(limit<GpuEq>("max_gpu_equivalents", "0.2857142857").micro, 285'714);
  EXPECT_EQ(limit<GpuEq>("max_gpu_equivalents", "0.8571428571").micro, 857'143);
  EXPECT_EQ(limit<GpuEq>("max_gpu_equivalents", "0").micro, 0);
  EXPECT_EQ(limit<GpuEq>("max_gpu_equivalents", "0.1").micro, 100'000);
}

TEST(ParseScalar, RefusesNumbersThatOnlySomeReadersUnderstand) {
  for (const std::string text : {".nan", "nan", ".inf", "-.inf", "inf", "0x10", "010", "1_000", "1,5", "two", "1 "}) {
    EXPECT_THAT(refusal("max_gpu_equivalents", text), HasSubstr("expected a number of GPUs")) << text;
    EXPECT_THAT(refusal("pids_limit", text), HasSubstr("expected a whole number")) << text;
  }
  EXPECT_THAT(refusal("pids_limit", "1.5"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal("pids_limit", "-1"), HasSubstr("must not be negative"));
  EXPECT_THAT(refusal("pids_limit", "99999999999999999999"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal("max_gpu_equivalents", "1e12"), HasSubstr("too large"));
  EXPECT_THAT(refusal(Block::Limits, "pids_limit", scalar("4096", true)), HasSubstr("quoted text \"4096\""));
}

TEST(ParseScalar, ReadsCpus) {
  EXPECT_EQ(limit<CpuMillis>("max_cpus", "32").count, 32'000);
  EXPECT_EQ(limit<CpuMillis>("max_cpus", "1.5").count, 1'500);
  EXPECT_THAT(refusal("max_cpus", "0"), HasSubstr("more than 0"));
  EXPECT_THAT(refusal("max_cpus", "0.001"), HasSubstr("less than 0.01"));
}

TEST(ParseScalar, ReadsPercentOfCpus) {
  const auto quota = parseKey(Block::Aggregate, "cpu_quota", scalar("9600%"));
  ASSERT_TRUE(quota);
  EXPECT_EQ(std::get<CpuMillis>(*quota).count, 96'000);
  EXPECT_THAT(refusal(Block::Aggregate, "cpu_quota", scalar("9600")), HasSubstr("100% is one CPU"));
  EXPECT_THAT(refusal(Block::Aggregate, "cpu_quota", scalar("-5%")), HasSubstr("must not be negative"));
  EXPECT_THAT(refusal(Block::Aggregate, "cpu_quota", scalar("%")), HasSubstr("expected a percentage"));
}

TEST(ParseScalar, TakesNullAndUnlimitedWhereThereCanBeNoLimit) {
  const Node null{};
  for (const Node& node : {null, scalar("unlimited")}) {
    for (const std::string_view name : {"max_gpu_equivalents", "memory", "max_runtime_h", "pids_limit", "max_cpus"}) {
      const auto value = parseKey(Block::Limits, name, node);
      ASSERT_TRUE(value) << name;
      EXPECT_TRUE(std::holds_alternative<Unlimited>(*value)) << name;
    }
    EXPECT_FALSE(parseKey(Block::Limits, "allow_full_gpu", node));
    EXPECT_FALSE(parseKey(Block::Policies, "gpu_idle_threshold", node));
  }
}

TEST(ParseScalar, TakesOnlyTheBooleansThatAllReadersAgreeOn) {
  EXPECT_TRUE(limit<bool>("allow_full_gpu", "true"));
  EXPECT_TRUE(limit<bool>("allow_full_gpu", "True"));
  EXPECT_FALSE(limit<bool>("allow_full_gpu", "false"));
  for (const std::string text : {"yes", "no", "on", "off", "y", "1", "0", "ture", "tRue"}) {
    EXPECT_THAT(refusal("allow_full_gpu", text), HasSubstr("expected true or false, found " + text));
  }
}

TEST(ParseScalar, ReadsInstantsInUtc) {
  const auto value = parseKey(Block::Exemption, "expires_on", scalar("2027-01-31T12:30:05Z", true));
  ASSERT_TRUE(value);
  EXPECT_EQ(std::get<TimePoint>(*value).time_since_epoch(), std::chrono::seconds(1801398605));
  const auto day = parseKey(Block::Exemption, "expires_on", scalar("2027-01-31"));
  ASSERT_TRUE(day);
  EXPECT_EQ(std::get<TimePoint>(*day).time_since_epoch(), std::chrono::seconds(1801353600));
  for (const std::string text : {"2027-02-30T00:00:00Z", "2027-02-30", "31.01.2027", "2027-01-31T25:00:00Z", "soon",
                                 "2027-01-31 00:00:00", "2027-01-31T00:00:00"}) {
    EXPECT_THAT(refusal(Block::Exemption, "expires_on", scalar(text)), HasSubstr("a time in UTC")) << text;
  }
}

TEST(ParseScalar, ReadsFileModesInOctal) {
  const auto value = parseKey(Block::DaemonSockets, "mode", scalar("0660", true));
  ASSERT_TRUE(value);
  EXPECT_EQ(std::get<std::int64_t>(*value), 0660);
  EXPECT_EQ(std::get<std::int64_t>(*parseKey(Block::DaemonSockets, "mode", scalar("666"))), 0666);
  for (const std::string text : {"0o660", "888", "6", "07777", "1777", "-66", "rw-rw-rw-"}) {
    EXPECT_THAT(refusal(Block::DaemonSockets, "mode", scalar(text)), HasSubstr("octal")) << text;
  }
}

TEST(ParseScalar, NamesTheChoices) {
  EXPECT_TRUE(parseKey(Block::Wrapper, "enforcement_mode", scalar("monitoring")));
  EXPECT_EQ(refusal(Block::Wrapper, "enforcement_mode", scalar("monitor")),
            "expected full or monitoring or disabled, found monitor");
  EXPECT_FALSE(parseKey(Block::Wrapper, "enforcement_mode", scalar("full|monitoring")));
}

}  // namespace
}  // namespace ds01::config
