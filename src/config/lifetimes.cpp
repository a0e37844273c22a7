#include "config/lifetimes.h"

#include <algorithm>

#include "config/lookup.h"

namespace ds01::config {
namespace {

using std::chrono::seconds;

struct TypeEntry {
  std::string_view name;
  const ContainerType* type = nullptr;
};

TypeEntry entryFor(const Config& config, std::string_view type) {
  const std::string_view next = type == "jupyter" ? "docker" : "unknown";
  for (const std::string_view name : {type, next, std::string_view("unknown")}) {
    const auto found = config.container_types.find(name);
    if (found != config.container_types.end()) return {found->first, &found->second};
  }
  return {};
}

// What the topmost layer says; the built-in default if none does.
Lifetime ofLimits(const Layers& layers, Setting<seconds> LimitsLayer::* key, seconds fallback) {
  for (const LimitsLayer* layer : {layers.personal, layers.group, layers.defaults}) {
    if (layer == nullptr || !(layer->*key).present) continue;
    return {.limit = (layer->*key).value, .by = Lifetime::By::Limits, .at = (layer->*key).at};
  }
  return {.limit = fallback, .by = Lifetime::By::Limits, .at = {}};
}

Lifetime smaller(Lifetime own, const Setting<seconds>* type) {
  if (type == nullptr || !type->value || (own.limit && *own.limit <= *type->value)) return own;
  return {.limit = type->value, .by = Lifetime::By::Type, .at = type->at};
}

Lifetime graceOf(const Config& config, const Layers& layers, const ContainerType* type) {
  if (type != nullptr && type->sigterm_grace.present) {
    return {.limit = type->sigterm_grace.value, .by = Lifetime::By::Type, .at = type->sigterm_grace.at};
  }
  for (const LimitsLayer* layer : {layers.personal, layers.group, layers.defaults}) {
    if (layer == nullptr || !layer->policies.sigterm_grace.present) continue;
    return {.limit = layer->policies.sigterm_grace.value,
            .by = Lifetime::By::Policies,
            .at = layer->policies.sigterm_grace.at};
  }
  return {.limit = config.policies.sigterm_grace,
          .by = Lifetime::By::Policies,
          .at = config.site_policies.sigterm_grace.at};
}

void lift(Lifetime& lifetime, const Exemption* exemption) {
  if (exemption != nullptr) lifetime = {.limit = std::nullopt, .by = Lifetime::By::Exemption, .at = exemption->at};
}

}  // namespace

const Exemption* exemptionFor(const Config& config, std::string_view login, std::string_view short_name, bool idle,
                              TimePoint now) {
  const auto found = std::ranges::find_if(config.exemptions, [&](const Exemption& exemption) {
    const bool named = exemption.login == login || (!short_name.empty() && exemption.login == short_name);
    const bool covers = idle ? exemption.idle_timeout : exemption.max_runtime;
    return named && covers && (!exemption.expires_on || now < *exemption.expires_on);
  });
  return found == config.exemptions.end() ? nullptr : &*found;
}

Lifetimes lifetimesFor(const Config& config, std::string_view login, std::string_view short_name, std::string_view type,
                       TimePoint now) {
  const Layers layers = layersOf(config, login, short_name);
  const TypeEntry entry = entryFor(config, type);
  const auto of_type = [&entry](Setting<seconds> ContainerType::* key) {
    return entry.type == nullptr ? nullptr : &(entry.type->*key);
  };
  Lifetimes lifetimes{.type = std::string(entry.name), .idle = {}, .runtime = {}, .hold = {}, .grace = {}};

  const Setting<seconds>* idle = of_type(&ContainerType::idle_timeout);
  if (idle != nullptr && idle->present && !idle->value) {
    lifetimes.idle = {.limit = std::nullopt, .by = Lifetime::By::Type, .at = idle->at};
  } else {
    lifetimes.idle = smaller(ofLimits(layers, &LimitsLayer::idle_timeout, absent::kIdleTimeout), idle);
  }
  lift(lifetimes.idle, exemptionFor(config, login, short_name, true, now));

  lifetimes.runtime =
      smaller(ofLimits(layers, &LimitsLayer::max_runtime, absent::kMaxRuntime), of_type(&ContainerType::max_runtime));
  lift(lifetimes.runtime, exemptionFor(config, login, short_name, false, now));

  lifetimes.hold = smaller(ofLimits(layers, &LimitsLayer::container_hold_after_stop, absent::kContainerHold),
                           of_type(&ContainerType::container_hold_after_stop));
  lifetimes.grace = graceOf(config, layers, entry.type);
  return lifetimes;
}

}  // namespace ds01::config
