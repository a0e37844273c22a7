#include "admission/update.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// What changes shares within the owner's slice only, or is decided elsewhere.
constexpr std::array<std::string_view, 5> kKept{"RestartPolicy", "CpuShares", "CpusetCpus", "CpusetMems",
                                                "BlkioWeight"};
constexpr std::array<std::string_view, 7> kLimits{"Memory",   "MemoryReservation", "MemorySwap", "NanoCpus",
                                                  "CpuQuota", "CpuPeriod",         "PidsLimit"};

constexpr std::int64_t kDefaultPeriod = 100'000;  // µs

bool among(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Denial refused(std::string_view key, const json::value& value) {
  return explained(
      forbidden("update",
                fmt::format("docker update cannot set {} here; --memory, --cpus, --pids-limit and --restart can "
                            "be changed, make the container anew for the rest",
                            shown(key))),
      {std::string(key), shown(json::serialize(value)), "limits up to yours, RestartPolicy"},
      "Remove the container and make it anew with the option.");
}

// Only what is set is judged; the passes of a create would fill in the rest.
Verdict limitMemoryAndSwap(Context& context) {
  json::object& host = context.host();
  if (isSet(host, "Memory")) {
    if (Verdict denial = limitMemory(context)) return denial;
    return limitSwap(context);
  }
  if (isSet(host, "MemoryReservation")) {
    if (Verdict denial = limitMemory(context)) return denial;
    host.erase("Memory");
  }
  return isSet(host, "MemorySwap") ? limitSwapAlone(context) : std::nullopt;
}

Verdict limitCpu(Context& context) {
  json::object& host = context.host();
  if (!isSet(host, "NanoCpus") && !isSet(host, "CpuQuota") && !isSet(host, "CpuPeriod")) return std::nullopt;
  // Beside the period that the container has, which may be shorter, the quota would mean more.
  if (isSet(host, "CpuQuota") && !isSet(host, "CpuPeriod")) host["CpuPeriod"] = kDefaultPeriod;
  return limitCpus(context);
}

// 0 and -1 mean unlimited here, not "as it is".
Verdict limitProcesses(Context& context) {
  return get(context.host(), "PidsLimit") != nullptr ? limitPids(context) : std::nullopt;
}

}  // namespace

std::expected<ExaminedUpdate, Denial> examineUpdate(json::object body, const Limits& limits,
                                                    const EngineFacts& engine) {
  Facts facts;
  facts.limits = limits;
  facts.engine = engine;
  Examined out;
  json::object host;
  json::object kept;
  for (auto& field : body) {
    const std::string_view key(field.key().data(), field.key().size());
    const bool pids = key == "PidsLimit" && !field.value().is_null();
    if (zeroLike(field.value()) && !pids) continue;
    if (!among(kKept, key) && !among(kLimits, key)) return std::unexpected(refused(key, field.value()));
    (among(kLimits, key) ? host : kept)[key] = std::move(field.value());
  }
  out.body["HostConfig"] = std::move(host);
  Context context{out, facts};
  for (const auto limit : {limitMemoryAndSwap, limitCpu, limitProcesses}) {
    if (Verdict denial = limit(context)) {
      denial->part = "admission: update";
      return std::unexpected(std::move(*denial));
    }
  }
  for (auto& field : context.host()) kept[field.key()] = std::move(field.value());
  return ExaminedUpdate{std::move(kept), std::move(out.warnings)};
}

}  // namespace ds01::admission
