#include "config/check.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::config {
namespace {

Section checkMapping(const Node& map, Block block, const std::string& path, Report& report);

void sayStatus(const Key& key, Position at, const std::string& path, Report& report) {
  switch (key.status) {
    case KeyStatus::Honoured:
      return;
    case KeyStatus::NotYet:
      report.noteOnce(&key, at, path, "is read and checked, but nothing acts on it yet");
      return;
    case KeyStatus::Alias:
      report.noteOnce(&key, at, path, fmt::format("is an older name of {}", key.see));
      return;
    case KeyStatus::Unread:
      report.noteOnce(
          &key, at, path,
          key.see.empty() ? std::string("has no effect here") : fmt::format("has no effect here; use {}", key.see));
      return;
  }
}

void checkTextList(const Node& node, Entry& entry, Report& report) {
  std::vector<TextItem> items;
  if (node.kind != Node::Kind::Sequence && node.kind != Node::Kind::Null) {
    report.error(node.at, entry.path, fmt::format("expected a list of texts, found {}", describe(node)));
  }
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::Scalar && !item.text.empty()) {
      items.push_back({item.text, item.at});
    } else {
      report.error(item.at, entry.path, fmt::format("expected a text in this list, found {}", describe(item)));
    }
  }
  entry.value = std::move(items);
}

void checkMappingList(const Node& node, Entry& entry, Report& report) {
  std::vector<Section> sections;
  if (node.kind != Node::Kind::Sequence && node.kind != Node::Kind::Null) {
    report.error(node.at, entry.path, fmt::format("expected a list of mappings, found {}", describe(node)));
  }
  if (node.kind == Node::Kind::Sequence) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const std::string path = fmt::format("{}[{}]", entry.path, i);
      sections.push_back(checkMapping(node.items[i], entry.key->child, path, report));
    }
  }
  entry.value = std::move(sections);
}

// True if the entry has a value; false if an error was said instead.
bool checkValue(const Node& node, const KeyMatch& match, Entry& entry, Report& report) {
  switch (match.key->type) {
    case ValueType::Anything:
      return false;
    case ValueType::Mapping:
      if (match.key->nullable && (node.kind == Node::Kind::Null || node.text == "unlimited")) return true;
      entry.value = checkMapping(node, match.key->child, entry.path, report);
      return true;
    case ValueType::MappingList:
      checkMappingList(node, entry, report);
      return true;
    case ValueType::TextList:
      checkTextList(node, entry, report);
      return true;
    default:
      break;
  }
  std::expected<Scalar, std::string> scalar = parseScalar(match, node);
  if (!scalar) {
    report.error(node.at, entry.path, std::move(scalar).error());
    return false;
  }
  std::visit([&entry](auto& value) { entry.value = std::move(value); }, *scalar);
  return true;
}

void sayUnknown(const Node& name, Block block, const std::string& path, Report& report) {
  const std::string meant = suggestion(block, name.text);
  report.warning(name.at, path,
                 meant.empty() ? std::string("is not a key that can stand here; it has no effect")
                               : fmt::format("is not a key that can stand here; did you mean {}?", meant));
}

// Equal names, and one duration in two units. Returns the earlier entry's line, 0 if there is none.
int lineOfTwin(const std::vector<std::pair<std::string, int>>& seen, const std::string& name) {
  const auto twin = std::ranges::find(seen, name, &std::pair<std::string, int>::first);
  return twin == seen.end() ? 0 : twin->second;
}

Section checkMapping(const Node& map, Block block, const std::string& path, Report& report) {
  Section section;
  section.at = map.at;
  section.file = report.sharedFile();
  if (map.kind == Node::Kind::Null) return section;
  if (map.kind != Node::Kind::Map) {
    report.error(map.at, path, fmt::format("expected a mapping of keys to values, found {}", describe(map)));
    return section;
  }
  std::vector<std::pair<std::string, int>> seen;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const Node& name = map.items[i];
    const Node& node = map.items[i + 1];
    if (name.kind != Node::Kind::Scalar || name.text.empty()) {
      report.error(name.at, path, fmt::format("expected a name in front of the colon, found {}", describe(name)));
      continue;
    }
    Entry entry{
        .key = nullptr, .name = name.text, .path = name.text, .name_at = name.at, .value_at = node.at, .value = {}};
    if (!path.empty()) entry.path = path + "." + name.text;
    const std::optional<KeyMatch> match = findKey(block, name.text);
    const std::string identity = match && match->key->name != "*" ? std::string(match->key->name) : name.text;
    if (const int line = lineOfTwin(seen, identity); line != 0) {
      report.error(name.at, entry.path, fmt::format("stands here twice, first in line {}; keep one", line));
      continue;
    }
    seen.emplace_back(identity, name.at.line);
    if (!match) {
      sayUnknown(name, block, entry.path, report);
      continue;
    }
    entry.key = match->key;
    sayStatus(*match->key, name.at, entry.path, report);
    if (checkValue(node, *match, entry, report)) section.entries.push_back(std::move(entry));
  }
  return section;
}

}  // namespace

const Entry* Section::find(std::string_view name) const {
  const auto entry = std::ranges::find_if(entries, [name](const Entry& e) { return e.key->name == name; });
  return entry == entries.end() ? nullptr : &*entry;
}

Section checkFile(const Node& root, Block block, Report& report) {
  return checkMapping(root, block, "", report);
}

}  // namespace ds01::config
