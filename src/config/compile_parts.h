// The parts of compile(), one per kind of file or section. Inside the folder only.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/check.h"
#include "config/compile.h"
#include "config/config.h"

namespace ds01::config {

// Copies an entry's value, if the section has it.
template <typename T>
void take(const Section& section, std::string_view name, Setting<T>& out) {
  const Entry* entry = section.find(name);
  if (entry == nullptr) return;
  out.present = true;
  out.at = {.file = section.file, .line = entry->name_at.line};
  out.value = std::holds_alternative<Unlimited>(entry->value) ? std::nullopt : std::optional(std::get<T>(entry->value));
}

template <typename T>
void take(const Section& section, std::string_view name, std::optional<T>& out) {
  const Entry* entry = section.find(name);
  if (entry == nullptr || std::holds_alternative<Unlimited>(entry->value)) return;
  out = std::get<T>(entry->value);
}

template <typename T>
void take(const Section& section, std::string_view name, T& out) {
  const Entry* entry = section.find(name);
  if (entry != nullptr) out = std::get<T>(entry->value);
}

// The mapping below `name`; null if absent or null.
const Section* below(const Section& section, std::string_view name);

// A name that can stand for a login or a group: no blanks, control characters, "/", "#" or ":". False after an error.
bool checkName(std::string_view name, std::string_view what, Position at, std::string_view key, Report& report);

// A list of logins; a name that is none is an error.
void takeLogins(const Section& section, std::string_view name, std::set<std::string, std::less<>>& out, Report& report);
void takeGroupName(const Section& section, std::string_view name, std::string& out, Report& report);

// capabilities.cpp: names without CAP_, in capitals; one that may never be opened is an error.
void takeCapabilities(const Section& section, Setting<std::vector<std::string>>& out, Report& report);
LimitsLayer readLimits(const Section& section, Report& report);
PoliciesLayer readPolicies(const Section& section);
// Says where an older name has no effect because a layer that merges with it has the newer one.
void warnOfShadowedAliases(const Section& defaults, const Section& layer, Report& report);

void readSite(const Section& site, Config& config, Report& report);  // all but groups and overrides
void readExemptions(const Section& file, Config& config, Report& report);
void readDaemon(const Section& file, Config& config, Report& report);

// Of two groups that name a login the first in the file of limits holds; that it is said twice is a warning.
void addMember(std::string_view login, const std::string& group, Position at, Config& config, Report& report);
// Lines "login" of a members file; what follows "#" is a comment. `archived` is a group of its own kind.
void readMembers(const ListFile& file, Config& config, Report& report);
// Lines "login:group".
void readGroupOverrides(const ListFile& file, Config& config, Report& report);

bool hasGroup(const Config& config, std::string_view name);

}  // namespace ds01::config
