// Strings that must not be mixed up, each with a type of its own.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace ds01 {

template <typename Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}

  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const StrongString&, const StrongString&) = default;

 private:
  std::string value_;
};

using ContainerId = StrongString<struct ContainerIdTag>;  // 64 hex digits, never a name or a prefix
using LeaseId = StrongString<struct LeaseIdTag>;          // "L" + 16 hex digits, in the label ds01.lease
using DecisionId = StrongString<struct DecisionIdTag>;    // "D" + 12 hex digits, in texts, events and `ds01 explain`

}  // namespace ds01

template <typename Tag>
struct std::hash<ds01::StrongString<Tag>> {
  std::size_t operator()(const ds01::StrongString<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
