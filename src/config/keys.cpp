#include "config/keys.h"

#include <algorithm>
#include <vector>

#include "config/key_rows.h"

namespace ds01::config {
namespace {

using enum Block;
using T = ValueType;

// A block that may also hold the keys of another one.
Block extends(Block block) {
  if (block == Group) return Limits;
  if (block == Policies) return LimitsPolicies;
  return None;
}

bool holds(Block block, const Key& key) {
  return key.block == block || (key.block == extends(block) && key.block != None);
}

char unitOf(std::string_view name, const Key& key) {
  if (key.type != T::Duration || name.size() != key.name.size() + 2 || !name.starts_with(key.name)) return 0;
  const char unit = name.back();
  return name[name.size() - 2] == '_' && std::string_view("hmsd").contains(unit) ? unit : '\0';
}

// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::span<const Key> keyTable() {
  static const std::vector<Key> kTable = [] {
    std::vector<Key> rows(siteRows().begin(), siteRows().end());
    rows.insert(rows.end(), accessRows().begin(), accessRows().end());
    rows.insert(rows.end(), daemonRows().begin(), daemonRows().end());
    return rows;
  }();
  return kTable;
}

std::string documentedName(const Key& key) {
  std::string name(key.name);
  if (key.unit != 0) name += std::string("_") + key.unit;
  return name;
}

std::optional<KeyMatch> findKey(Block block, std::string_view name) {
  for (const Key& key : keyTable()) {
    if (!holds(block, key)) continue;
    if (key.name == "*" || key.name == name) return KeyMatch{&key, 0};
    if (const char unit = unitOf(name, key); unit != 0) return KeyMatch{&key, unit};
  }
  return std::nullopt;
}

std::string suggestion(Block block, std::string_view name) {
  static constexpr std::size_t kSlips = 2;
  static constexpr std::size_t kLongestName = 64;
  if (name.size() <= kSlips || name.size() > kLongestName) return {};
  std::string best;
  std::size_t best_distance = kSlips + 1;
  for (const Key& key : keyTable()) {
    if (!holds(block, key)) continue;
    for (const std::string& candidate : {documentedName(key), std::string(key.name)}) {
      // Texts whose lengths differ by n are n slips apart at least.
      if (std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size()) >= best_distance) continue;
      if (const std::size_t d = distance(name, candidate); d < best_distance) {
        best_distance = d;
        best = candidate;
      }
    }
  }
  return best;
}

}  // namespace ds01::config
