#include "admission/body_schema.h"

#include <array>
#include <charconv>
#include <utility>

namespace ds01::admission {
namespace {

constexpr std::array<std::pair<std::string_view, FieldType>, 8> kTypes{{{"boolean", FieldType::Boolean},
                                                                        {"integer", FieldType::Integer},
                                                                        {"number", FieldType::Number},
                                                                        {"string", FieldType::String},
                                                                        {"array", FieldType::Array},
                                                                        {"object", FieldType::Object},
                                                                        {"map", FieldType::Map},
                                                                        {"string-or-array", FieldType::StringOrArray}}};

FieldType parseType(std::string_view text) {
  for (const auto& [name, type] : kTypes) {
    if (name == text) return type;
  }
  return FieldType::Any;
}

ApiVersion parseVersion(std::string_view text) {
  ApiVersion version{0, 0};
  const char* end = text.data() + text.size();
  const auto [dot, ignored] = std::from_chars(text.data(), end, version.major);
  if (dot != end) std::from_chars(dot + 1, end, version.minor);
  return version;
}

SchemaNode& child(std::unique_ptr<SchemaNode>& slot) {
  if (!slot) slot = std::make_unique<SchemaNode>();
  return *slot;
}

SchemaNode& step(SchemaNode& from, std::string_view name) {
  if (name == "*") return child(from.any);
  return child(from.fields[std::string(name)]);
}

// The node that a field like "Mounts[].BindOptions.Propagation" names, made where it is missing.
SchemaNode& reach(SchemaNode& root, std::string_view field) {
  SchemaNode* node = &root;
  while (!field.empty()) {
    const std::size_t dot = field.find('.');
    std::string_view segment = field.substr(0, dot);
    field = dot == std::string_view::npos ? std::string_view{} : field.substr(dot + 1);
    std::size_t lists = 0;
    for (; segment.ends_with("[]"); segment.remove_suffix(2)) ++lists;
    node = &step(*node, segment);
    for (; lists > 0; --lists) node = &child(node->element);
  }
  return *node;
}

// Unpublishes a field. Only plain struct keys are ever named so in the data.
void forget(SchemaNode& root, std::string_view field) {
  const std::size_t dot = field.rfind('.');
  const std::string_view name = dot == std::string_view::npos ? field : field.substr(dot + 1);
  SchemaNode& parent = dot == std::string_view::npos ? root : reach(root, field.substr(0, dot));
  const auto found = parent.fields.find(name);
  if (found != parent.fields.end()) parent.fields.erase(found);
}

// Numbers the fields of every struct in the tree. What finds no number, or folds like another, is taken out, which
// refuses it: a test holds the data to there being none.
void number(SchemaNode& node) {
  node.folded.clear();
  std::erase_if(node.fields, [&node](const auto& field) {
    const std::size_t next = node.folded.size();
    const bool fits = next < SchemaNode::kMostFields && node.folded.emplace(foldKey(field.first), field.first).second;
    if (fits) field.second->number = next;
    return !fits;
  });
  for (const auto& [name, field] : node.fields) number(*field);
  if (node.any) number(*node.any);
  if (node.element) number(*node.element);
}

using Endpoints = std::map<std::pair<std::string_view, std::string_view>, std::unique_ptr<SchemaNode>>;

Endpoints build() {
  Endpoints endpoints;
  for (const BodyField& line : bodyFields()) {
    SchemaNode& root = child(endpoints[{line.method, line.path}]);
    root.type = FieldType::Object;
    if (line.rule == "unknown") {
      forget(root, line.field);
      continue;
    }
    SchemaNode& node = reach(root, line.field);
    node.type = parseType(line.type);
    node.rule = line.rule == "zero" ? FieldRule::Zero : line.rule == "drop" ? FieldRule::Drop : FieldRule::Since;
    if (node.rule == FieldRule::Since) node.since = parseVersion(line.rule);
  }
  for (const auto& [endpoint, root] : endpoints) number(*root);
  return endpoints;
}

}  // namespace

std::string_view toString(FieldType type) {
  switch (type) {
    case FieldType::Any:
      return "any value";
    case FieldType::Boolean:
      return "true or false";
    case FieldType::Integer:
      return "a whole number";
    case FieldType::Number:
      return "a number";
    case FieldType::String:
      return "a string";
    case FieldType::Array:
      return "a list";
    case FieldType::Object:
    case FieldType::Map:
      return "an object";
    case FieldType::StringOrArray:
      return "a string or a list";
  }
  return "any value";
}

const SchemaNode* SchemaNode::field(std::string_view name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? nullptr : found->second.get();
}

const SchemaNode* bodySchema(std::string_view method, std::string_view path) {
  static const Endpoints kEndpoints = build();
  const auto found = kEndpoints.find({method, path});
  return found == kEndpoints.end() ? nullptr : found->second.get();
}

std::string foldKey(std::string_view key) {
  static constexpr std::string_view kLongS = "\xC5\xBF";       // U+017F
  static constexpr std::string_view kKelvin = "\xE2\x84\xAA";  // U+212A
  std::string folded;
  folded.reserve(key.size());
  while (!key.empty()) {
    if (key.starts_with(kLongS)) {
      folded += 's';
      key.remove_prefix(kLongS.size());
    } else if (key.starts_with(kKelvin)) {
      folded += 'k';
      key.remove_prefix(kKelvin.size());
    } else {
      const char c = key.front();
      folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      key.remove_prefix(1);
    }
  }
  return folded;
}

}  // namespace ds01::admission
