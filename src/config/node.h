// A parsed file before anybody knows what its keys mean. What the YAML library makes of a text ends here.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.h"

namespace ds01::config {

struct Node {
  enum class Kind { Null, Scalar, Sequence, Map };
  Kind kind = Kind::Null;
  std::string text;         // Scalar: the characters as written, without quotes
  bool quoted = false;      // Scalar: "24" is a text, 24 is a number
  Position at;              // of the first character
  std::vector<Node> items;  // Sequence: the elements; Map: key, value, key, value, … in file order
};

}  // namespace ds01::config
