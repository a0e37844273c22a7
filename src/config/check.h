// Reads a file's tree by the key table: every value becomes typed, everything that is wrong with a single key is said
// (unknown, twice, wrong type or unit, negative, not yet honoured). What depends on several keys is compile.h's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/diagnostic.h"
#include "config/keys.h"
#include "config/node.h"
#include "config/values.h"

namespace ds01::config {

struct Entry;

struct TextItem {
  std::string text;
  Position at;
};

// A mapping whose keys are known and of the right type; what was not is left out.
struct Section {
  std::vector<Entry> entries;  // in file order
  Position at;
  std::shared_ptr<const std::string> file;

  // By the table's name, for a Duration without the unit. Null if absent or wrong.
  const Entry* find(std::string_view name) const;
};

struct Entry {
  const Key* key = nullptr;  // in the table
  std::string name;          // as written
  std::string path;          // "groups.student.memory"
  Position name_at;
  Position value_at;
  // The first alternative stands for null of a nullable key, also of a mapping.
  std::variant<Unlimited, bool, std::int64_t, double, GpuEq, CpuMillis, Bytes, std::chrono::seconds, TimePoint,
               std::string, std::vector<TextItem>, Section, std::vector<Section>>
      value;
};

// `root` is the whole file; an empty file is an empty mapping.
Section checkFile(const Node& root, Block block, Report& report);

}  // namespace ds01::config
