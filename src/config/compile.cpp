#include "config/compile.h"

#include <algorithm>

#include <fmt/format.h>

#include "config/compile_parts.h"

namespace ds01::config {
namespace {

// The part of a name that reaches a slice name; groups that agree in it would share one.
std::string sliceKey(std::string_view group) {
  std::string key;
  for (const char c : group) {
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept || (!key.empty() && key.back() != '_')) key += kept ? c : '_';
  }
  if (key.ends_with('_')) key.pop_back();
  return key;
}

bool checkGroupName(const Entry& entry, const Config& config, Report& report) {
  if (!checkName(entry.name, "group name", entry.name_at, entry.path, report)) return false;
  if (entry.name == "archived") {
    report.error(entry.name_at, entry.path, "cannot be a group: archived.members lists who may not use the machine");
    return false;
  }
  const std::string key = sliceKey(entry.name);
  if (key.empty() || entry.name.contains('@')) {
    report.error(entry.name_at, entry.path, "expected a group name of letters and digits");
    return false;
  }
  const auto twin = std::ranges::find_if(config.groups, [&key](const Group& g) { return sliceKey(g.name) == key; });
  if (twin == config.groups.end()) return true;
  report.error(
      entry.name_at, entry.path,
      fmt::format("would have the same slice as the group {}, because only letters and digits count", twin->name));
  return false;
}

void readGroups(const Section& site, const Section& defaults, Config& config, Report& report) {
  const Section* groups = below(site, "groups");
  if (groups == nullptr) return;
  for (const Entry& entry : groups->entries) {
    const auto& section = std::get<Section>(entry.value);
    if (!checkGroupName(entry, config, report)) continue;
    config.groups.push_back({entry.name, readLimits(section, report)});
    warnOfShadowedAliases(defaults, section, report);
    const Entry* members = section.find("members");
    if (members == nullptr) continue;
    for (const TextItem& item : std::get<std::vector<TextItem>>(members->value)) {
      if (!checkName(item.text, "login", item.at, members->path, report)) continue;
      addMember(item.text, entry.name, item.at, config, report);
    }
  }
}

void readDefaultGroup(const Section& site, Config& config, Report& report) {
  const Entry* entry = site.find("default_group");
  if (entry == nullptr) return;
  config.default_group = std::get<std::string>(entry->value);
  config.default_group_at = {.file = site.file, .line = entry->name_at.line};
  if (!hasGroup(config, config.default_group)) {
    report.error(entry->value_at, entry->path, fmt::format("there is no group {} under groups", config.default_group));
  }
}

void readOverrides(const Section& logins, const Section& defaults, Config& config, Report& report) {
  for (const Entry& entry : logins.entries) {
    if (!checkName(entry.name, "login", entry.name_at, entry.path, report)) continue;
    const auto& section = std::get<Section>(entry.value);
    LimitsLayer layer = readLimits(section, report);
    warnOfShadowedAliases(defaults, section, report);
    if (!config.overrides.emplace(entry.name, std::move(layer)).second) {
      report.warning(entry.name_at, entry.path, "has no effect, because user-overrides.yaml has this login too");
    }
  }
}

void compileInto(const Sources& sources, Config& config, std::vector<Diagnostic>& out) {
  Section defaults;
  if (sources.limits) {
    Report report(out, sources.limits->name);
    if (sources.limits->root.kind == Node::Kind::Null) {
      report.error({}, "", "is empty; expected at least defaults and groups");
    }
    const Section site = checkFile(sources.limits->root, Block::Site, report);
    if (const Section* section = below(site, "defaults")) {
      defaults = *section;
      config.defaults = readLimits(defaults, report);
      warnOfShadowedAliases({}, defaults, report);
    }
    readGroups(site, defaults, config, report);
    readDefaultGroup(site, config, report);
    readSite(site, config, report);
    if (sources.user_overrides) {
      Report file_report(out, sources.user_overrides->name);
      readOverrides(checkFile(sources.user_overrides->root, Block::Overrides, file_report), defaults, config,
                    file_report);
    }
    if (const Section* inline_overrides = below(site, "user_overrides")) {
      readOverrides(*inline_overrides, defaults, config, report);
    }
    for (const ListFile& file : sources.members) {
      Report file_report(out, file.name);
      readMembers(file, config, file_report);
    }
    if (sources.group_overrides) {
      Report file_report(out, sources.group_overrides->name);
      readGroupOverrides(*sources.group_overrides, config, file_report);
    }
  } else if (sources.user_overrides) {
    Report file_report(out, sources.user_overrides->name);
    readOverrides(checkFile(sources.user_overrides->root, Block::Overrides, file_report), defaults, config,
                  file_report);
  }
  if (sources.exemptions) {
    Report report(out, sources.exemptions->name);
    readExemptions(checkFile(sources.exemptions->root, Block::ExemptionFile, report), config, report);
  }
  if (sources.daemon) {
    Report report(out, sources.daemon->name);
    readDaemon(checkFile(sources.daemon->root, Block::DaemonFile, report), config, report);
  }
}

}  // namespace

Compiled compile(const Sources& sources) {
  Compiled result;
  Config config;
  compileInto(sources, config, result.diagnostics);
  std::ranges::stable_sort(result.diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
  if (sources.limits && !hasErrors(result.diagnostics)) result.config = std::move(config);
  return result;
}

}  // namespace ds01::config
