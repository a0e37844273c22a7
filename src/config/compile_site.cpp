#include <optional>

#include <fmt/format.h>

#include "config/compile_parts.h"

namespace ds01::config {
namespace {

void readSitePolicies(const Section& section, Policies& policies) {
  take(section, "gpu_idle_threshold", policies.gpu_idle_threshold);
  take(section, "cpu_idle_threshold", policies.cpu_idle_threshold);
  take(section, "network_idle_threshold", policies.network_idle_threshold);
  take(section, "idle_detection_window", policies.idle_detection_window);
  take(section, "sigterm_grace", policies.sigterm_grace);
  take(section, "high_demand_threshold", policies.high_demand_threshold);
  take(section, "high_demand_idle_reduction", policies.high_demand_idle_reduction);
  take(section, "grace_period", policies.grace_period);
  take(section, "created_container_timeout", policies.created_container_timeout);
  take(section, "keepalive_max_duration", policies.keepalive_max_duration);
  take(section, "gpu_hold_after_manual_stop", policies.gpu_hold_after_manual_stop);
}

void checkFraction(const Section& policies, std::string_view name, double value, Report& report) {
  const Entry* entry = policies.find(name);
  if (entry != nullptr && value > 1) report.error(entry->value_at, entry->path, "is a fraction; expected 0 to 1");
}

void readContainerTypes(const Section& types, Config& config) {
  for (const Entry& entry : types.entries) {
    const auto& section = std::get<Section>(entry.value);
    ContainerType& type = config.container_types[entry.name];
    take(section, "idle_timeout", type.idle_timeout);
    take(section, "max_runtime", type.max_runtime);
    take(section, "container_hold_after_stop", type.container_hold_after_stop);
    take(section, "sigterm_grace", type.sigterm_grace);
  }
}

std::optional<Enforcement> enforcement(std::string_view mode) {
  if (mode == "full") return Enforcement::Full;
  if (mode == "monitoring") return Enforcement::Monitoring;
  if (mode == "disabled") return Enforcement::Disabled;
  return std::nullopt;
}

void readAccess(const Section& section, AccessControl& access, Report& report) {
  takeLogins(section, "admin_users", access.admin_users, report);
  takeGroupName(section, "admin_group", access.admin_group, report);
  if (const Section* wrapper = below(section, "wrapper")) {
    std::string mode;
    take(*wrapper, "enforcement_mode", mode);
    if (const std::optional<Enforcement> all = enforcement(mode)) access.rollout.setAll(*all);
  }
  if (const Section* classes = below(section, "rules")) {
    for (const RuleClass rules : kRuleClasses) {
      std::string mode;
      take(*classes, toString(rules), mode);
      if (const std::optional<Enforcement> one = enforcement(mode)) access.rollout.set(rules, *one);
    }
  }
}

void readExemptFrom(const Section& section, Exemption& exemption, Report& report) {
  const Entry* entry = section.find("exempt_from");
  if (entry == nullptr) {
    report.error(section.at, "exempt_from", "is missing; expected [idle_timeout_h, max_runtime_h] or one of them");
    return;
  }
  for (const TextItem& item : std::get<std::vector<TextItem>>(entry->value)) {
    if (item.text == "idle_timeout" || item.text == "idle_timeout_h") {
      exemption.idle_timeout = true;
    } else if (item.text == "max_runtime" || item.text == "max_runtime_h") {
      exemption.max_runtime = true;
    } else {
      report.error(item.at, entry->path, fmt::format("expected idle_timeout_h or max_runtime_h, found {}", item.text));
    }
  }
}

}  // namespace

void takeLogins(const Section& section, std::string_view name, std::set<std::string, std::less<>>& out,
                Report& report) {
  const Entry* entry = section.find(name);
  if (entry == nullptr) return;
  for (const TextItem& item : std::get<std::vector<TextItem>>(entry->value)) {
    if (checkName(item.text, "login", item.at, entry->path, report)) out.insert(item.text);
  }
}

void takeGroupName(const Section& section, std::string_view name, std::string& out, Report& report) {
  const Entry* entry = section.find(name);
  if (entry == nullptr) return;
  const auto& text = std::get<std::string>(entry->value);
  if (checkName(text, "Unix group", entry->value_at, entry->path, report)) out = text;
}

const Section* below(const Section& section, std::string_view name) {
  const Entry* entry = section.find(name);
  return entry == nullptr ? nullptr : std::get_if<Section>(&entry->value);
}

void readSite(const Section& site, Config& config, Report& report) {
  if (const Section* policies = below(site, "policies")) {
    readSitePolicies(*policies, config.policies);
    config.site_policies = readPolicies(*policies);
    checkFraction(*policies, "high_demand_threshold", config.policies.high_demand_threshold, report);
    checkFraction(*policies, "high_demand_idle_reduction", config.policies.high_demand_idle_reduction, report);
  }
  if (const Section* types = below(site, "container_types")) readContainerTypes(*types, config);
  if (const Section* access = below(site, "access_control")) readAccess(*access, config.access, report);
  if (const Section* enforcement = below(site, "enforcement")) {
    take(*enforcement, "aggregate_limits", config.aggregate_limits);
  }
}

void readExemptions(const Section& file, Config& config, Report& report) {
  const Entry* list = file.find("exemptions");
  if (list == nullptr) return;
  for (const Section& section : std::get<std::vector<Section>>(list->value)) {
    Exemption exemption;
    exemption.at = {.file = section.file, .line = section.at.line};
    take(section, "username", exemption.login);
    take(section, "reason", exemption.reason);
    take(section, "approved_by", exemption.approved_by);
    take(section, "approved_on", exemption.approved_on);
    take(section, "expires_on", exemption.expires_on);
    take(section, "category", exemption.category);
    if (section.find("username") == nullptr) report.error(section.at, "username", "is missing; expected a login");
    readExemptFrom(section, exemption, report);
    if (section.find("expires_on") == nullptr) {
      report.warning(section.at, "expires_on", "is missing, so this never ends; write null if that is meant");
    }
    config.exemptions.push_back(std::move(exemption));
  }
}

}  // namespace ds01::config
