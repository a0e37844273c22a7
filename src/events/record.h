// One line of events.jsonl read back, in either envelope: ours (contracts section 6) and that of the earlier system
// ({"ts","event",…flat}).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/clock.h"

namespace ds01::events {

struct Record {
  TimePoint at;
  std::string type;
  std::string user;  // login, or empty
  std::string source;
  boost::json::object details;  // of the older envelope: all members that the envelope itself does not name

  std::string text(std::string_view key) const;  // a detail that is a string; else empty
  std::string container() const { return text("container"); }
};

// Unset: not a JSON object with a time and a type.
std::optional<Record> parseRecord(std::string_view line);

struct Filter {
  std::string user = {};       // all of these: empty means any
  std::string type = {};       // "gpu.reject", or "gpu" for the whole family
  std::string container = {};  // name, id, or the beginning of an id of at least 4 digits
  std::optional<TimePoint> since = {};
  std::optional<TimePoint> until = {};
};

bool matches(const Record& record, const Filter& filter);

// Users see what concerns them and tells of nobody else; admins see everything. What this version does not know to be
// harmless is not shown to users.
bool shownTo(const Record& record, std::string_view login, bool admin);

}  // namespace ds01::events
