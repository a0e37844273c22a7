#include "admission/update.h"

#include <string>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admission/json_guard.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;
using test::parseObject;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kGiB = 1LL << 30;

constexpr std::string_view kCliUpdate =
    R"({"CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"","BlkioWeight":0,"BlkioWeightDevice":null,
        "BlkioDeviceReadBps":null,"BlkioDeviceWriteBps":null,"BlkioDeviceReadIOps":null,"BlkioDeviceWriteIOps":null,
        "CpuPeriod":0,"CpuQuota":0,"CpuRealtimePeriod":0,"CpuRealtimeRuntime":0,"CpusetCpus":"","CpusetMems":"",
        "Devices":null,"DeviceCgroupRules":null,"DeviceRequests":null,"KernelMemory":0,"KernelMemoryTCP":0,
        "MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":null,"OomKillDisable":null,"PidsLimit":null,
        "Ulimits":null,"CpuCount":0,"CpuPercent":0,"IOMaximumIOps":0,"IOMaximumBandwidth":0,
        "RestartPolicy":{"Name":"no","MaximumRetryCount":0}})";

std::expected<ExaminedUpdate, Denial> update(std::string_view text, const Facts& facts = test::student()) {
  auto body = guardBody("POST", "/containers/{}/update", text, {false, facts.engine.api});
  if (!body) return std::unexpected(body.error());
  return examineUpdate(std::move(*body), facts.limits, facts.engine);
}

std::string sent(std::string_view text, const Facts& facts = test::student()) {
  const auto got = update(text, facts);
  return got ? json::serialize(got->body) : got.error().reason;
}

TEST(Update, WhatIsUnsetStaysAsItIs) {
  EXPECT_EQ(sent(kCliUpdate), R"({"RestartPolicy":{"Name":"no","MaximumRetryCount":0}})");
  EXPECT_EQ(sent("{}"), "{}");
}

TEST(Update, WithinTheLimitsEitherWay) {
  EXPECT_EQ(parseObject(sent(R"({"Memory":1073741824})")),
            (json::object{{"Memory", kGiB}, {"MemorySwap", kGiB}}));  // or all the rest would become swap
  EXPECT_EQ(sent(R"({"NanoCpus":500000000,"PidsLimit":100})"), R"({"NanoCpus":500000000,"PidsLimit":100})");
  EXPECT_EQ(sent(R"({"CpuShares":512,"CpusetCpus":"0","BlkioWeight":10})"),
            R"({"CpuShares":512,"CpusetCpus":"0","BlkioWeight":10})");
  EXPECT_EQ(sent(R"({"MemoryReservation":1073741824})"), R"({"MemoryReservation":1073741824})");
  EXPECT_EQ(sent(R"({"MemorySwap":1073741824})"), R"({"MemorySwap":1073741824})");
}

TEST(Update, AboveIsCutAndSaid) {
  const auto got = update(R"({"Memory":68719476736,"MemorySwap":-1,"NanoCpus":64000000000,"PidsLimit":9999})");
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->body,
            (json::object{
                {"Memory", 32 * kGiB}, {"MemorySwap", 32 * kGiB}, {"NanoCpus", 32'000'000'000}, {"PidsLimit", 4096}}));
  EXPECT_THAT(got->warnings, ElementsAre(HasSubstr("memory 64 GiB"), HasSubstr("memory plus swap unlimited"),
                                         HasSubstr("CPU limit 64 CPUs"), HasSubstr("process limit 9999")));
  EXPECT_EQ(sent(R"({"MemorySwap":-1})"), R"({"MemorySwap":34359738368})");
  EXPECT_EQ(sent(R"({"MemoryReservation":68719476736})"), R"({"MemoryReservation":34359738368})");
}

// Unlike at a create, where they mean "not given".
TEST(Update, NoNumberOfProcessesMeansUnlimited) {
  EXPECT_EQ(sent(R"({"PidsLimit":0})"), R"({"PidsLimit":4096})");
  EXPECT_EQ(sent(R"({"PidsLimit":-1})"), R"({"PidsLimit":4096})");
  EXPECT_EQ(sent(R"({"PidsLimit":null})"), "{}");
}

TEST(Update, AQuotaBringsItsPeriod) {
  EXPECT_EQ(parseObject(sent(R"({"CpuQuota":100000})")), (json::object{{"CpuQuota", 100'000}, {"CpuPeriod", 100'000}}));
  EXPECT_EQ(parseObject(sent(R"({"CpuPeriod":1000})")), (json::object{{"CpuQuota", 32'000}, {"CpuPeriod", 1'000}}));
}

TEST(Update, NoSwapFieldsWithoutASwapLimit) {
  Facts facts = test::student();
  facts.engine.swap_limit = false;
  EXPECT_EQ(sent(R"({"Memory":1073741824,"MemorySwap":-1})", facts), R"({"Memory":1073741824})");
  EXPECT_EQ(sent(R"({"MemorySwap":1073741824})", facts), "{}");
}

TEST(Update, UnlimitedUsersSetWhatTheyLike) {
  Facts facts = test::student();
  facts.limits = Limits{};
  EXPECT_EQ(sent(R"({"NanoCpus":64000000000,"PidsLimit":-1})", facts), R"({"NanoCpus":64000000000,"PidsLimit":-1})");
  EXPECT_THAT(update(R"({"MemorySwap":-1})", facts)->warnings, IsEmpty());
}

TEST(Update, TheRestIsRefused) {
  for (const std::string_view body :
       {R"({"Devices":[{"PathOnHost":"/dev/x"}]})", R"({"DeviceCgroupRules":["a *:* rwm"]})", R"({"CgroupParent":"/"})",
        R"({"KernelMemory":1})", R"({"CpuRealtimeRuntime":1})", R"({"OomKillDisable":true})",
        R"({"DeviceRequests":[{"Count":-1}]})", R"({"Ulimits":[{"Name":"rtprio"}]})",
        R"({"BlkioWeightDevice":[{"Path":"/home/bob/x"}]})"}) {
    EXPECT_EQ(sent(body), "update") << body;
  }
  EXPECT_EQ(sent(R"({"Memory":-1})"), "negative");
  EXPECT_EQ(sent(R"({"memory":1})"), "field_spelling");
}

}  // namespace
}  // namespace ds01::admission
