// Which login has which USER part of a slice name. The usual part of two logins can be the same (a.b and a-b, u@x and
// u@y); then the first keeps it and the next gets a suffix from a hash of its whole login. What was given once stays:
// a container's place says whose it is, so a part must never pass from one login to another.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::slices {

class NameMap {
 public:
  using Names = std::map<std::string, std::string, std::less<>>;  // login → part

  // What find() would give after assign(), without giving it. InvalidArgument: no part can be made of this login, with
  // a sentence; Conflict: every part that could be is another's.
  Result<std::string> propose(std::string_view login) const;
  // The part of a login, from now on. Errors as propose().
  Result<std::string> assign(std::string_view login);
  // Takes a part that a container shows the login to have. False, and nothing changes, if the part could not have been
  // made from this login or belongs to another, or the login has another part.
  bool learn(std::string_view login, std::string_view part);

  std::optional<std::string> find(std::string_view login) const;
  const Names& names() const { return part_of_; }

 private:
  bool taken(std::string_view part) const { return login_of_.contains(part); }
  void put(std::string_view login, std::string_view part);

  Names part_of_;
  Names login_of_;  // the other way round
};

// slice-names.json: {"version":1,"names":{"LOGIN":"PART"}}. A login that is not valid UTF-8 never gets a part.
std::string encodeNames(const NameMap& map);
// Malformed: not what we write, or two logins with one part.
Result<NameMap> decodeNames(std::string_view text);

}  // namespace ds01::slices
