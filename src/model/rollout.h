// How far a site has got with letting the rules hold: each class of them holds, is only watched, or is off. What is set
// in a container (owner, cgroup, limits, GPUs) is set in any case; this is about refusals alone.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ds01 {

enum class RuleClass : std::uint8_t {
  Host,       // what would get at the host: privileges, capabilities, namespaces, devices, runtimes
  Mounts,     // folders of the host
  Ownership,  // containers, networks and images of others
  Limits,     // how many GPUs and containers, and how large
  Api,        // endpoints that are the administrators'
};
inline constexpr std::array kRuleClasses{RuleClass::Host, RuleClass::Mounts, RuleClass::Ownership, RuleClass::Limits,
                                         RuleClass::Api};

constexpr std::string_view toString(RuleClass rules) {
  constexpr std::array<std::string_view, kRuleClasses.size()> kNames{"host", "mounts", "ownership", "limits", "api"};
  return kNames.at(static_cast<std::size_t>(rules));
}

enum class Enforcement : std::uint8_t {
  Full,
  Monitoring,  // what would be refused is logged and passes
  Disabled,    // passes
};

class Rollout {
 public:
  Enforcement of(RuleClass rules) const { return modes_.at(static_cast<std::size_t>(rules)); }
  void set(RuleClass rules, Enforcement mode) { modes_.at(static_cast<std::size_t>(rules)) = mode; }
  void setAll(Enforcement mode) { modes_.fill(mode); }
  bool full() const {
    return std::ranges::all_of(modes_, [](Enforcement mode) { return mode == Enforcement::Full; });
  }
  friend bool operator==(const Rollout&, const Rollout&) = default;

 private:
  std::array<Enforcement, kRuleClasses.size()> modes_{};
};

// Classes of rules.
class RuleSet {
 public:
  bool contains(RuleClass rules) const { return ((bits_ >> static_cast<unsigned>(rules)) & 1U) != 0; }
  void insert(RuleClass rules) { bits_ |= 1U << static_cast<unsigned>(rules); }

 private:
  unsigned bits_ = 0;
};

}  // namespace ds01
