// The bodies that the published API descriptions know, as a tree per endpoint: which keys a struct has, where a map
// begins, what a list holds. Built once from the table in data/docker-api; immutable afterwards, so any thread may
// read.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "model/engine.h"

namespace ds01::admission {

// One line of the data: `rule` is a version ("1.41"), "zero", "drop" or "unknown" (see body-fields-extra.tsv).
struct BodyField {
  std::string_view method;
  std::string_view path;
  std::string_view field;
  std::string_view type;
  std::string_view rule;
};

// All lines, the corrections last.
std::span<const BodyField> bodyFields();

enum class FieldType { Any, Boolean, Integer, Number, String, Array, Object, Map, StringOrArray };

std::string_view toString(FieldType type);  // "true or false", "a whole number", …

enum class FieldRule {
  Since,  // known from version `since` on
  Zero,   // must be zero-like, and is not sent on
  Drop,   // is not sent on
};

struct SchemaNode {
  FieldType type = FieldType::Any;
  FieldRule rule = FieldRule::Since;
  ApiVersion since{1, 0};
  // Of a field: which one of its struct, below kMostFields. No two of a struct fold to the same form.
  static constexpr std::size_t kMostFields = 128;
  std::size_t number = 0;
  std::map<std::string, std::unique_ptr<SchemaNode>, std::less<>> fields;  // of a struct, by exact name
  std::map<std::string, std::string, std::less<>> folded;                  // foldKey(name) → name
  std::unique_ptr<SchemaNode> any;      // value of every key of a map; of a struct: of every key that it does not know
  std::unique_ptr<SchemaNode> element;  // of a list

  const SchemaNode* field(std::string_view name) const;
};

// Null if no version describes a body for the endpoint.
const SchemaNode* bodySchema(std::string_view method, std::string_view path);

// The form in which Go's decoder compares the keys of structs: two keys with the same form name the same field.
// ASCII letters in lower case, U+017F as s, U+212A as k; exact for all field names of the API, which are ASCII.
std::string foldKey(std::string_view key);

}  // namespace ds01::admission
