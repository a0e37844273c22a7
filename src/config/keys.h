// The one table of all configuration keys: where each may stand, what it holds, and whether anything reads it. Files
// are checked against it, and docs/admin/config.md is a rendering of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ds01::config {

// A mapping in a file, by the keys that may stand in it.
enum class Block : std::uint8_t {
  None,
  Site,            // resource-limits.yaml
  Groups,          // groups: any name → Group
  Group,           // Limits, and the members
  Overrides,       // user-overrides.yaml and user_overrides: any login → Limits
  Limits,          // defaults, groups.*, overrides
  Aggregate,       // aggregate of a Limits
  LimitsPolicies,  // policies of a Limits
  Policies,        // policies of the site: LimitsPolicies and more
  Enforcement,
  GpuAllocation,
  ContainerTypes,  // any name → ContainerType
  ContainerType,
  Monitoring,
  BareMetalAccess,
  AccessControl,
  Wrapper,
  AccessRules,
  ExemptionFile,  // lifecycle-exemptions.yaml
  Exemption,
  DaemonFile,  // ds01d.yaml
  DaemonSockets,
  DaemonGpu,
  DaemonMounts,
  DaemonQueue,
  DaemonIdentity,
  DaemonIdentityCgroup,
  DaemonFail,
  DaemonPolicy,
  GpuFile,  // a simulated GPU inventory
  GpuFileGpu,
  GpuFileMig,
};

enum class ValueType : std::uint8_t {
  Flag,         // true | false                                   → bool
  Count,        // whole number                                   → int64
  Number,       // decimal                                        → double
  GpuShare,     // decimal, 1.0 = a whole GPU                     → GpuEq, to the nearest millionth
  Cpus,         // decimal                                        → CpuMillis, to the nearest thousandth
  CpuPercent,   // "9600%", 100% = 1 CPU                          → CpuMillis
  Size,         // "32g", "86G", bytes; units of 1024             → Bytes
  Duration,     // KEY: 24h | 30m | 90s | 7d, or KEY_h, KEY_m, KEY_s, KEY_d: number → seconds, to the nearest
  Instant,      // "2027-01-31T00:00:00Z"                         → TimePoint
  FileMode,     // octal, 0660                                    → int64
  UnixSocket,   // unix:///PATH                                   → string, the path
  Path,         // absolute, without "." and ".." parts           → string
  GpuSource,    // nvml | none | sim:/PATH                        → string
  Text,         //                                                → string
  TextList,     // list of texts                                  → vector<Item>
  Choice,       // one of `choices`                               → string
  Mapping,      // a mapping that is `child`                      → Section
  MappingList,  // a list of such                                 → vector<Section>
  Anything,     // not looked into
};

enum class KeyStatus : std::uint8_t {
  Honoured,
  NotYet,  // read and checked, but nothing acts on it yet; of a mapping: nor on anything below it
  Alias,   // an older name of `see`, honoured
  Unread,  // belongs to the earlier system or to other tools; nothing of ours reads it
};

struct Key {
  Block block = Block::None;   // where it stands
  std::string_view name = {};  // "*": any name; of a Duration: without the unit
  ValueType type = ValueType::Anything;
  KeyStatus status = KeyStatus::Honoured;
  bool nullable = false;          // null and "unlimited" mean no limit
  bool positive = false;          // 0 is refused: it would mean "unlimited" or "at once" further down
  Block child = Block::None;      // of Mapping and MappingList
  char unit = 0;                  // of a Duration: the one its documented name ends in
  std::string_view choices = {};  // of a Choice: "one|available"
  std::string_view see = {};      // of an Alias, or what to use instead
  std::string_view doc = {};      // one line
};

std::span<const Key> keyTable();

// "max_runtime_h": the name under which the documentation lists the key.
std::string documentedName(const Key& key);

struct KeyMatch {
  const Key* key = nullptr;  // in the table
  char unit = 0;             // of a Duration: h, m, s or d if the name ends in one; 0 otherwise
};

// Unset if nothing of this name may stand in `block`.
std::optional<KeyMatch> findKey(Block block, std::string_view name);

// The name in `block` that was probably meant: at most two typing slips away. Empty if there is none.
std::string suggestion(Block block, std::string_view name);

}  // namespace ds01::config
