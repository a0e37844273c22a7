#include "config/explain.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/units.h"
#include "config/keys.h"
#include "config/lifetimes.h"
#include "config/lookup.h"

namespace ds01::config {
namespace {

using std::chrono::seconds;

constexpr std::string_view kNoLimit = "no limit";

struct Amount {
  std::string text;
  double number = 0;
  std::string_view unit;
};

std::string durationText(seconds time) {
  const std::int64_t count = time.count();
  if (count >= 2 * 86400 && count % 86400 == 0) return fmt::format("{} d", count / 86400);
  if (count >= 3600 && count % 3600 == 0) return fmt::format("{} h", count / 3600);
  if (count >= 60 && count % 60 == 0) return fmt::format("{} min", count / 60);
  return fmt::format("{} s", count);
}

Amount amountOf(GpuEq gpus) {
  return {toString(gpus), gpus.gpus(), "gpus"};
}
Amount amountOf(CpuMillis cpus) {
  return {toString(cpus), static_cast<double>(cpus.count) / 1000, "cpus"};
}
Amount amountOf(Bytes bytes) {
  return {toString(bytes), static_cast<double>(bytes.count), "bytes"};
}
Amount amountOf(seconds time) {
  return {durationText(time), static_cast<double>(time.count()), "seconds"};
}
Amount amountOf(bool flag) {
  return {flag ? "true" : "false", flag ? 1.0 : 0.0, "flag"};
}
Amount amountOf(double number) {
  return {fmt::format("{} %", number), number, "percent"};
}
Amount amountOf(const std::vector<std::string>& names) {
  const std::string text = names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
  return {text, static_cast<double>(names.size()), "capabilities"};
}
Amount amountOf(std::int64_t count) {
  return {fmt::format("{}", count), static_cast<double>(count), "count"};
}

template <typename T>
void put(ReportValue& row, const std::optional<T>& value) {
  const Amount amount = amountOf(value.value_or(T{}));
  row.text = value ? amount.text : std::string(kNoLimit);
  row.amount = value ? std::optional(amount.number) : std::nullopt;
  row.unit = amount.unit;
}

void put(ReportValue& row, const Place& at) {
  row.file = at.file ? *at.file : "";
  row.line = at.line;
}

template <typename T>
const Setting<T>& get(const LimitsLayer& layer, Setting<T> LimitsLayer::* key) {
  return layer.*key;
}
template <typename T>
const Setting<T>& get(const LimitsLayer& layer, Setting<T> AggregateLayer::* key) {
  return layer.aggregate.*key;
}
template <typename T>
const Setting<T>& get(const LimitsLayer& layer, Setting<T> PoliciesLayer::* key) {
  return layer.policies.*key;
}

// Rows of what the topmost of the layers says about a key.
class Rows {
 public:
  Rows(const Layers& layers, std::string group) : layers_(layers), group_(std::move(group)) {}

  // `fallback` if no layer has the key; unset is no limit.
  template <typename T>
  ReportValue limit(std::string_view name, Setting<T> LimitsLayer::* key, std::optional<T> fallback) const {
    return row(Block::Limits, "", name, key, fallback);
  }
  template <typename T>
  ReportValue aggregate(std::string_view name, Setting<T> AggregateLayer::* key) const {
    return row(Block::Aggregate, "aggregate.", name, key, std::optional<T>());
  }
  // `of_site` is what the site's policies say, or the default.
  template <typename T>
  ReportValue policy(std::string_view name, Setting<T> PoliciesLayer::* key, T of_site, const Place& site_at) const {
    ReportValue value = row(Block::LimitsPolicies, "policies.", name, key, std::optional<T>(of_site));
    if (value.layer == ReportLayer::BuiltIn && site_at.file) {
      value.layer = ReportLayer::Defaults;
      put(value, site_at);
    }
    return value;
  }

  // Whether any layer has the key.
  template <typename T>
  bool present(Setting<T> LimitsLayer::* key) const {
    return std::ranges::any_of(topmostFirst(), [key](const auto* layer) { return layer && (layer->*key).present; });
  }

 private:
  std::array<const LimitsLayer*, 3> topmostFirst() const { return {layers_.personal, layers_.group, layers_.defaults}; }

  template <typename T, typename Member>
  ReportValue row(Block block, std::string_view section, std::string_view name, Member key,
                  std::optional<T> fallback) const {
    static constexpr std::array kLayers{ReportLayer::Override, ReportLayer::Group, ReportLayer::Defaults};
    ReportValue value;
    const std::optional<KeyMatch> match = findKey(block, name);
    value.key = std::string(section) + (match ? documentedName(*match->key) : std::string(name));
    value.honoured = match && match->key->status != KeyStatus::NotYet;
    put(value, fallback);
    const auto layers = topmostFirst();
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (layers[i] == nullptr || !get(*layers[i], key).present) continue;
      value.layer = kLayers[i];
      if (value.layer == ReportLayer::Group) value.layer_name = group_;
      put(value, get(*layers[i], key).value);
      put(value, get(*layers[i], key).at);
      break;
    }
    return value;
  }

  Layers layers_;
  std::string group_;
};

// Marks the value that allows least; without any limit the first.
void markBinding(std::vector<ReportValue>& values) {
  const bool any_honoured = std::ranges::any_of(values, &ReportValue::honoured);
  ReportValue* least = nullptr;
  for (ReportValue& value : values) {
    if (any_honoured && !value.honoured) continue;
    const bool less = least == nullptr || (value.amount && (!least->amount || *value.amount < *least->amount));
    if (less) least = &value;
  }
  if (least != nullptr) least->binds = true;
}

ReportTopic topic(std::string title, std::vector<ReportValue> values) {
  markBinding(values);
  return {.title = std::move(title), .values = std::move(values)};
}

// An older name counts slots and not shares: it binds beside a limit on shares, unless that cannot be reached with so
// many slots, none of which weighs more than a GPU.
ReportTopic gpuTopic(const Rows& rows) {
  const std::string title = "GPUs at once";
  const ReportValue of_aggregate = rows.aggregate("gpu_limit", &AggregateLayer::gpu_limit);
  struct Older {
    std::string_view name;
    Setting<std::int64_t> LimitsLayer::* key;
  };
  static constexpr std::array kOlder{Older{"max_gpu_slots", &LimitsLayer::max_gpu_slots},
                                     Older{"max_gpus_per_user", &LimitsLayer::max_gpus_per_user},
                                     Older{"max_mig_instances", &LimitsLayer::max_mig_instances}};
  const auto* older = std::ranges::find_if(kOlder, [&rows](const Older& name) { return rows.present(name.key); });
  if (rows.present(&LimitsLayer::max_gpu_equivalents) || older == kOlder.end()) {
    return topic(title, {rows.limit("max_gpu_equivalents", &LimitsLayer::max_gpu_equivalents,
                                    std::optional(absent::kGpuEquivalents)),
                         of_aggregate});
  }
  ReportValue slots = rows.limit(older->name, older->key, std::optional<std::int64_t>());
  slots.unit = "slots";
  if (slots.amount) slots.text += *slots.amount == 1 ? " slot" : " slots";
  slots.note = "older name of max_gpu_equivalents; counts slots of any size";
  ReportTopic made{.title = title, .values = {slots, of_aggregate}};
  ReportValue& shares = made.values[1];
  made.values[0].binds = slots.amount || !shares.amount;
  shares.binds = shares.amount && (!slots.amount || *shares.amount < *slots.amount);
  return made;
}

ReportTopic slotsTopic(const Rows& rows) {
  std::string_view name = "max_gpu_slots_per_container";
  Setting<std::int64_t> LimitsLayer::* key = &LimitsLayer::max_gpu_slots_per_container;
  if (!rows.present(key) && rows.present(&LimitsLayer::max_gpus_per_container)) {
    name = "max_gpus_per_container";
    key = &LimitsLayer::max_gpus_per_container;
  } else if (!rows.present(key) && rows.present(&LimitsLayer::max_mig_per_container)) {
    name = "max_mig_per_container";
    key = &LimitsLayer::max_mig_per_container;
  }
  ReportValue value = rows.limit(name, key, std::optional(absent::kSlotsPerContainer));
  value.unit = "slots";
  return topic("GPU slots in one container", {value});
}

ReportTopic cpuTopic(const Rows& rows, std::optional<std::int64_t> engine_cpus) {
  std::vector<ReportValue> values{rows.limit("max_cpus", &LimitsLayer::max_cpus, std::optional(absent::kCpus)),
                                  rows.aggregate("cpu_quota", &AggregateLayer::cpu_quota)};
  if (engine_cpus) {
    ReportValue engine;
    engine.key = "engine.cpus";
    engine.layer = ReportLayer::Engine;
    put(engine, std::optional(CpuMillis{*engine_cpus * 1000}));
    values.push_back(std::move(engine));
  }
  return topic("CPUs of a container", std::move(values));
}

// As limitsFor(): never less than the memory, and none beside unlimited memory.
ReportValue swapRow(const Rows& rows, const ReportValue& memory) {
  ReportValue swap = rows.limit("memory_swap", &LimitsLayer::memory_swap, std::optional<Bytes>());
  const bool given = swap.layer != ReportLayer::BuiltIn;
  if (given && memory.amount && (!swap.amount || *swap.amount >= *memory.amount)) return swap;
  if (given && !swap.amount && !memory.amount) return swap;
  if (given) swap.note = memory.amount ? "raised to memory" : "needs a limit on memory";
  swap.text = memory.text;
  swap.amount = memory.amount;
  return swap;
}

std::vector<ReportTopic> topicsOf(const Config& config, const Rows& rows, const ExplainFacts& facts) {
  const ReportValue memory = rows.limit("memory", &LimitsLayer::memory, std::optional(absent::kMemory));
  const PoliciesLayer& site = config.site_policies;
  const Policies& policies = config.policies;
  std::vector<ReportTopic> topics;
  const auto add = [&topics](std::string title, std::vector<ReportValue> values) {
    topics.push_back(topic(std::move(title), std::move(values)));
  };
  topics.push_back(gpuTopic(rows));
  topics.push_back(slotsTopic(rows));
  add("whole GPUs", {rows.limit("allow_full_gpu", &LimitsLayer::allow_full_gpu, std::optional(true))});
  add("network of the host", {rows.limit("host_network", &LimitsLayer::host_network, std::optional(false))});
  add("BuildKit", {rows.limit("buildkit", &LimitsLayer::buildkit, std::optional(false))});
  add("shared memory of the host", {rows.limit("host_ipc", &LimitsLayer::host_ipc, std::optional(false))});
  add("capabilities",
      {rows.limit("capabilities", &LimitsLayer::capabilities, std::optional(std::vector<std::string>()))});
  add("runs as", {rows.limit("run_as_owner", &LimitsLayer::run_as_owner, std::optional(false))});
  add("containers", {rows.limit("max_containers_per_user", &LimitsLayer::max_containers_per_user,
                                std::optional(absent::kContainersPerUser))});
  add("place in the queue", {rows.limit("priority", &LimitsLayer::priority, std::optional(absent::kPriority))});
  topics.push_back(cpuTopic(rows, facts.engine_cpus));
  add("memory of a container", {memory, rows.aggregate("memory_max", &AggregateLayer::memory_max)});
  add("memory and swap", {swapRow(rows, memory)});
  add("memory reclaimed beyond", {rows.aggregate("memory_high", &AggregateLayer::memory_high)});
  add("/dev/shm", {rows.limit("shm_size", &LimitsLayer::shm_size, std::optional(absent::kShmSize))});
  add("processes", {rows.limit("pids_limit", &LimitsLayer::pids_limit, std::optional(absent::kPids)),
                    rows.aggregate("tasks_max", &AggregateLayer::tasks_max)});
  add("GPU kept after stop",
      {rows.limit("gpu_hold_after_stop", &LimitsLayer::gpu_hold_after_stop, std::optional(absent::kGpuHold))});
  add("idle below, GPU", {rows.policy("gpu_idle_threshold", &PoliciesLayer::gpu_idle_threshold,
                                      policies.gpu_idle_threshold, site.gpu_idle_threshold.at)});
  add("idle below, CPU", {rows.policy("cpu_idle_threshold", &PoliciesLayer::cpu_idle_threshold,
                                      policies.cpu_idle_threshold, site.cpu_idle_threshold.at)});
  add("idle below, network", {rows.policy("network_idle_threshold", &PoliciesLayer::network_idle_threshold,
                                          policies.network_idle_threshold, site.network_idle_threshold.at)});
  add("checks in a row", {rows.policy("idle_detection_window", &PoliciesLayer::idle_detection_window,
                                      policies.idle_detection_window, site.idle_detection_window.at)});
  return topics;
}

ReportLayer layerOf(const Lifetime& lifetime, const Layers& layers, Setting<seconds> LimitsLayer::* key) {
  if (lifetime.by == Lifetime::By::Type) return ReportLayer::Type;
  if (lifetime.by == Lifetime::By::Exemption) return ReportLayer::Exemption;
  if (layers.personal != nullptr && (layers.personal->*key).present) return ReportLayer::Override;
  if (layers.group != nullptr && (layers.group->*key).present) return ReportLayer::Group;
  return lifetime.at.file ? ReportLayer::Defaults : ReportLayer::BuiltIn;
}

class LifetimeRows {
 public:
  LifetimeRows(const Layers& layers, std::string group) : layers_(layers), group_(std::move(group)) {}

  ReportLifetimes of(const Lifetimes& lifetimes, std::string_view type) const {
    ReportLifetimes rows{.type = std::string(type), .idle = {}, .runtime = {}, .hold = {}, .grace = {}};
    rows.idle = row(lifetimes.idle, "idle_timeout", &LimitsLayer::idle_timeout, lifetimes.type);
    rows.runtime = row(lifetimes.runtime, "max_runtime", &LimitsLayer::max_runtime, lifetimes.type);
    rows.hold =
        row(lifetimes.hold, "container_hold_after_stop", &LimitsLayer::container_hold_after_stop, lifetimes.type);
    rows.grace = graceRow(lifetimes);
    return rows;
  }

 private:
  ReportValue row(const Lifetime& lifetime, std::string_view name, Setting<seconds> LimitsLayer::* key,
                  const std::string& entry) const {
    ReportValue value = plain(lifetime, Block::Limits, name);
    value.layer = layerOf(lifetime, layers_, key);
    if (value.layer == ReportLayer::Group) value.layer_name = group_;
    if (value.layer == ReportLayer::Type) value.layer_name = entry;
    return value;
  }

  ReportValue graceRow(const Lifetimes& lifetimes) const {
    ReportValue value = plain(lifetimes.grace, Block::LimitsPolicies, "sigterm_grace");
    value.key = "policies." + value.key;
    const auto has = [](const LimitsLayer* layer) { return layer != nullptr && layer->policies.sigterm_grace.present; };
    if (lifetimes.grace.by == Lifetime::By::Type) {
      value.key = value.key.substr(value.key.find('.') + 1);
      value.layer = ReportLayer::Type;
      value.layer_name = lifetimes.type;
    } else if (has(layers_.personal)) {
      value.layer = ReportLayer::Override;
    } else if (has(layers_.group)) {
      value.layer = ReportLayer::Group;
      value.layer_name = group_;
    } else {
      value.layer = lifetimes.grace.at.file ? ReportLayer::Defaults : ReportLayer::BuiltIn;
    }
    return value;
  }

  static ReportValue plain(const Lifetime& lifetime, Block block, std::string_view name) {
    ReportValue value;
    const std::optional<KeyMatch> match = findKey(block, name);
    value.key = match ? documentedName(*match->key) : std::string(name);
    value.honoured = match && match->key->status != KeyStatus::NotYet;
    put(value, lifetime.limit);
    put(value, lifetime.at);
    value.binds = true;
    return value;
  }

  Layers layers_;
  std::string group_;
};

}  // namespace

LoginReport explainLogin(const Config& config, std::string_view login, std::string_view short_name,
                         const ExplainFacts& facts) {
  static constexpr std::array<std::string_view, 6> kTypes{"docker",  "compose", "devcontainer",
                                                          "jupyter", "api",     "unknown"};
  const GroupChoice group = chooseGroup(config, login, short_name);
  LoginReport report;
  report.login = login;
  report.group = group.group;
  report.group_because = group.why == GroupChoice::Why::OverridesFile ? "group-overrides.txt"
                         : group.why == GroupChoice::Why::Member      ? "members"
                                                                      : "default_group";
  report.group_file = group.at.file ? *group.at.file : "";
  report.group_line = group.at.line;
  report.admin = isAdminLogin(config, login);
  if (const std::optional<Denial> denial = refuseArchived(config, login, short_name)) report.archived = denial->text;
  const Layers layers = layersOf(config, login, short_name);
  report.topics = topicsOf(config, Rows(layers, group.group), facts);
  const LifetimeRows lifetimes(layers, group.group);
  std::vector<std::string_view> types(kTypes.begin(), kTypes.end());
  for (const auto& [name, entry] : config.container_types) {
    if (std::ranges::find(types, name) == types.end()) types.push_back(name);
  }
  for (const std::string_view type : types) {
    report.lifetimes.push_back(lifetimes.of(lifetimesFor(config, login, short_name, type, facts.now), type));
  }
  return report;
}

}  // namespace ds01::config
