#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;
using test::parseObject;
using test::student;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kGiB = 1LL << 30;

struct Outcome {
  json::object host;
  std::vector<std::string> warnings;
  std::string reason;  // empty: admitted

  std::optional<std::int64_t> number(std::string_view key) const {
    const json::value* found = host.if_contains(key);
    return found == nullptr || found->is_null() ? std::nullopt : std::optional(found->as_int64());
  }
};

Outcome examineHost(std::string_view host, const Facts& facts = student()) {
  auto examined = examine(json::object{{"Image", "x"}, {"HostConfig", parseObject(host)}}, facts);
  if (!examined) return {{}, {}, std::to_string(examined.error().http_status) + " " + examined.error().reason};
  return {examined->body.at("HostConfig").as_object(), examined->warnings, ""};
}

TEST(Limits, UnsetIsFilledSilently) {
  for (const std::string_view host :
       {R"({})", R"({"Memory":0,"MemorySwap":0,"NanoCpus":0,"CpuQuota":0,"CpuPeriod":0,"PidsLimit":0,"ShmSize":0})",
        R"({"Memory":null,"MemorySwap":null,"NanoCpus":null,"CpuQuota":null,"PidsLimit":null,"ShmSize":null})"}) {
    const Outcome got = examineHost(host);
    EXPECT_EQ(got.reason, "") << host;
    EXPECT_THAT(got.warnings, IsEmpty()) << host;
    EXPECT_EQ(got.number("Memory"), 32 * kGiB) << host;
    EXPECT_EQ(got.number("MemorySwap"), 32 * kGiB) << host;
    EXPECT_EQ(got.number("NanoCpus"), 32'000'000'000) << host;
    EXPECT_LE(got.number("CpuQuota").value_or(0), 0) << host;
    EXPECT_EQ(got.number("PidsLimit"), 4096) << host;
    EXPECT_EQ(got.number("ShmSize"), 16 * kGiB) << host;
    EXPECT_EQ(got.host.at("CgroupParent").as_string(), "ds01-student-alice.slice");
  }
}

TEST(Limits, UnlimitedIsCutAndSaid) {
  const Outcome got = examineHost(R"({"MemorySwap":-1,"CpuQuota":-1,"PidsLimit":-1})");
  EXPECT_EQ(got.number("MemorySwap"), 32 * kGiB);
  EXPECT_EQ(got.number("NanoCpus"), 32'000'000'000);
  EXPECT_FALSE(got.host.contains("CpuQuota"));
  EXPECT_EQ(got.number("PidsLimit"), 4096);
  EXPECT_THAT(got.warnings,
              ElementsAre("ds01: memory plus swap unlimited is above your limit of 32 GiB and was set to it",
                          "ds01: CPU quota unlimited is above your limit of 32 CPUs and was set to it",
                          "ds01: process limit unlimited is above your limit of 4096 and was set to it"));
  const Outcome period = examineHost(R"({"CpuPeriod":50000,"CpuQuota":-1})");
  EXPECT_EQ(period.number("CpuQuota"), 1'600'000);
  EXPECT_THAT(period.warnings, ElementsAre(HasSubstr("CPU quota unlimited")));
}

TEST(Limits, WithinTheLimitIsKept) {
  const Outcome got = examineHost(
      R"({"Memory":1073741824,"MemorySwap":2147483648,"NanoCpus":1500000000,"PidsLimit":10,"ShmSize":67108864,
          "MemoryReservation":536870912})");
  EXPECT_THAT(got.warnings, IsEmpty());
  EXPECT_EQ(got.number("Memory"), kGiB);
  EXPECT_EQ(got.number("MemorySwap"), 2 * kGiB);
  EXPECT_EQ(got.number("MemoryReservation"), kGiB / 2);
  EXPECT_EQ(got.number("NanoCpus"), 1'500'000'000);
  EXPECT_EQ(got.number("PidsLimit"), 10);
  EXPECT_EQ(got.number("ShmSize"), 64LL << 20);
}

TEST(Limits, AboveIsCutAndSaid) {
  const Outcome got = examineHost(
      R"({"Memory":68719476736,"MemorySwap":137438953472,"NanoCpus":40000000000,"PidsLimit":5000,"ShmSize":34359738368,
          "MemoryReservation":51539607552})");
  EXPECT_EQ(got.number("Memory"), 32 * kGiB);
  EXPECT_EQ(got.number("MemoryReservation"), 32 * kGiB);
  EXPECT_EQ(got.number("MemorySwap"), 32 * kGiB);
  EXPECT_EQ(got.number("NanoCpus"), 32'000'000'000);
  EXPECT_EQ(got.number("PidsLimit"), 4096);
  EXPECT_EQ(got.number("ShmSize"), 16 * kGiB);
  EXPECT_THAT(got.warnings,
              ElementsAre("ds01: memory 64 GiB is above your limit of 32 GiB and was set to it",
                          "ds01: memory reservation 48 GiB is above your limit of 32 GiB and was set to it",
                          "ds01: memory plus swap 128 GiB is above your limit of 32 GiB and was set to it",
                          "ds01: CPU limit 40 CPUs is above your limit of 32 CPUs and was set to it",
                          "ds01: process limit 5000 is above your limit of 4096 and was set to it",
                          "ds01: shared memory 32 GiB is above your limit of 16 GiB and was set to it"));
}

TEST(Limits, TheLargestNumbersDoNotOverflow) {
  const Outcome got = examineHost(
      R"({"Memory":9223372036854775807,"MemorySwap":9223372036854775807,"NanoCpus":9223372036854775807,
          "PidsLimit":9223372036854775807,"ShmSize":9223372036854775807,"MemoryReservation":9223372036854775807})");
  EXPECT_EQ(got.reason, "");
  EXPECT_EQ(got.number("Memory"), 32 * kGiB);
  EXPECT_EQ(got.number("NanoCpus"), 32'000'000'000);
  const Outcome quota = examineHost(R"({"CpuQuota":9223372036854775807,"CpuPeriod":1000000})");
  EXPECT_EQ(quota.number("CpuQuota"), 32'000'000);

  Facts facts = student();
  facts.limits.memory.reset();
  facts.limits.memory_swap = Bytes{INT64_MAX};
  const Outcome swap = examineHost(R"({"Memory":9223372036854775807})", facts);
  EXPECT_EQ(swap.number("MemorySwap"), INT64_MAX);
}

TEST(Limits, NegativesAreMalformed) {
  for (const std::string_view host :
       {R"({"Memory":-1})", R"({"MemorySwap":-2})", R"({"MemoryReservation":-1})", R"({"NanoCpus":-1})",
        R"({"CpuQuota":-2})", R"({"CpuPeriod":-1})", R"({"PidsLimit":-2})", R"({"ShmSize":-1})",
        R"({"Memory":-9223372036854775808})"}) {
    EXPECT_EQ(examineHost(host).reason, "400 negative") << host;
  }
}

TEST(Limits, SwapFollowsMemory) {
  EXPECT_EQ(examineHost(R"({"Memory":1073741824})").number("MemorySwap"), kGiB);  // the limits grant no swap
  EXPECT_EQ(examineHost(R"({"Memory":2147483648,"MemorySwap":1073741824})").number("MemorySwap"), 2 * kGiB);
  const Outcome unlimited = examineHost(R"({"MemorySwap":-1})");
  EXPECT_EQ(unlimited.number("MemorySwap"), 32 * kGiB);
  EXPECT_THAT(unlimited.warnings, ElementsAre(HasSubstr("memory plus swap unlimited is above")));

  Facts facts = student();
  facts.limits.memory_swap = Bytes{40 * kGiB};
  EXPECT_EQ(examineHost(R"({"Memory":1073741824})", facts).number("MemorySwap"), 9 * kGiB);
}

TEST(Limits, NoSwapLimitOnTheMachineMeansNoSwapFields) {
  Facts facts = student();
  facts.engine.swap_limit = false;
  const Outcome got = examineHost(R"({"MemorySwap":1073741824,"MemorySwappiness":60})", facts);
  EXPECT_FALSE(got.host.contains("MemorySwap"));
  EXPECT_FALSE(got.host.contains("MemorySwappiness"));
  EXPECT_THAT(got.warnings, ElementsAre(HasSubstr("--memory-swap was ignored")));
  EXPECT_THAT(examineHost(R"({"MemorySwappiness":-1})", facts).warnings, IsEmpty());
}

TEST(Limits, NoPidsLimitOnTheMachineMeansNoPidsField) {
  Facts facts = student();
  facts.engine.pids_limit = false;
  EXPECT_FALSE(examineHost(R"({"PidsLimit":5})", facts).host.contains("PidsLimit"));
}

TEST(Limits, QuotaAndPeriodStayInTheirForm) {
  const Outcome kept = examineHost(R"({"CpuQuota":150000,"CpuPeriod":100000,"NanoCpus":0})");
  EXPECT_EQ(kept.number("CpuQuota"), 150'000);
  EXPECT_FALSE(kept.host.contains("NanoCpus"));
  const Outcome cut = examineHost(R"({"CpuQuota":2000000,"CpuPeriod":50000})");
  EXPECT_EQ(cut.number("CpuQuota"), 1'600'000);
  EXPECT_EQ(cut.number("CpuPeriod"), 50'000);
  EXPECT_FALSE(cut.host.contains("NanoCpus"));
  EXPECT_THAT(cut.warnings, ElementsAre("ds01: CPU limit 40 CPUs is above your limit of 32 CPUs and was set to it"));
  const Outcome period = examineHost(R"({"CpuPeriod":50000})");
  EXPECT_EQ(period.number("CpuQuota"), 1'600'000);
  EXPECT_THAT(period.warnings, IsEmpty());
  EXPECT_EQ(examineHost(R"({"CpuQuota":100000,"NanoCpus":1})").reason, "400 cpu_conflict");
  EXPECT_EQ(examineHost(R"({"CpuQuota":100000,"CpuPeriod":999})").reason, "400 cpu_period");
  EXPECT_EQ(examineHost(R"({"CpuQuota":100000,"CpuPeriod":9223372036854775807})").reason, "400 cpu_period");
}

TEST(Limits, NoMoreCpusThanTheMachineHas) {
  Facts facts = student();
  facts.engine.cpus = 8;
  const Outcome filled = examineHost("{}", facts);
  EXPECT_EQ(filled.number("NanoCpus"), 8'000'000'000);
  EXPECT_THAT(filled.warnings, IsEmpty());
  const Outcome cut = examineHost(R"({"NanoCpus":16000000000})", facts);
  EXPECT_EQ(cut.number("NanoCpus"), 8'000'000'000);
  EXPECT_THAT(cut.warnings,
              ElementsAre("ds01: CPU limit 16 CPUs is above what this machine has, 8 CPUs, and was set to it"));
}

TEST(Limits, UnlimitedLeavesTheRequestAlone) {
  Facts facts = student();
  facts.limits = Limits{};
  const Outcome got =
      examineHost(R"({"Memory":137438953472,"MemorySwap":-1,"NanoCpus":60000000000,"PidsLimit":-1})", facts);
  EXPECT_EQ(got.number("Memory"), 128 * kGiB);
  EXPECT_EQ(got.number("MemorySwap"), -1);
  EXPECT_EQ(got.number("NanoCpus"), 60'000'000'000);
  EXPECT_EQ(got.number("PidsLimit"), -1);
  EXPECT_FALSE(got.host.contains("ShmSize"));
  EXPECT_THAT(got.warnings, IsEmpty());
  const Outcome empty = examineHost("{}", facts);
  EXPECT_FALSE(empty.host.contains("Memory"));
  EXPECT_FALSE(empty.host.contains("NanoCpus"));
}

TEST(Limits, KernelMemoryIsDroppedOrRefused) {
  EXPECT_FALSE(examineHost(R"({"KernelMemory":0,"KernelMemoryTCP":0})").host.contains("KernelMemory"));
  EXPECT_EQ(examineHost(R"({"KernelMemory":1})").reason, "403 kernel_memory");
}

TEST(Limits, AdminsHaveThoseOfTheirGroupAndKeepTheirCgroupParent) {
  Facts facts = student();
  facts.caller.admin = true;
  const Outcome got = examineHost(R"({"Memory":68719476736,"CgroupParent":"site.slice"})", facts);
  EXPECT_EQ(got.number("Memory"), 32 * kGiB);
  EXPECT_EQ(got.host.at("CgroupParent").as_string(), "site.slice");
  EXPECT_EQ(examineHost("{}", facts).host.at("CgroupParent").as_string(), "ds01-student-alice.slice");
  facts.caller.admin = false;
  EXPECT_EQ(examineHost(R"({"CgroupParent":"site.slice"})", facts).reason, "403 cgroup_parent");
  EXPECT_EQ(examineHost(R"({"CgroupParent":"ds01-student-alice.slice"})", facts).reason, "");
}

}  // namespace
}  // namespace ds01::admission
