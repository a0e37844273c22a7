// What the control API says about decisions and events; on the wire JSON objects with the same names
// (explanation_codec.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "base/clock.h"
#include "model/denial.h"

namespace ds01::control {

// One thing that a request would have changed by us.
struct Change {
  std::string path;                   // "HostConfig.Memory"
  std::optional<std::string> before;  // as JSON text; unset: not there
  std::optional<std::string> after;

  friend bool operator==(const Change&, const Change&) = default;
};

// Why something was decided, or would be.
struct Explanation {
  enum class Outcome {
    Granted,
    Refused,
    Failed,    // granted by us, refused by the Engine
    TryLater,  // a part that is needed does not answer, or all that would do is held
    Holds,     // about a container: what it has
  };
  std::string subject;  // "D0123456789ab", or the name of a container; empty for a dry run
  Outcome outcome = Outcome::Refused;
  std::optional<TimePoint> at;
  std::optional<std::string> user;
  std::string reason;  // stable: "gpu_quota"
  std::string part;    // which part decided: "quota"
  std::string text;    // the sentence that the user got
  Facts facts;
  std::string remedy;  // the smallest change that would work
  std::vector<Change> changes = {};
  std::vector<std::string> warnings = {};

  friend bool operator==(const Explanation&, const Explanation&) = default;
};

struct EventRow {
  TimePoint at;
  std::string type;
  std::string user;    // login, or empty
  std::string source;  // or empty
  boost::json::object details;

  friend bool operator==(const EventRow&, const EventRow&) = default;
};

struct EventList {
  std::vector<EventRow> events;  // oldest first
  bool whole = true;             // false: older ones were not looked at, because that would have taken too long
  std::int64_t compressed = 0;   // files of older events that cannot be searched

  friend bool operator==(const EventList&, const EventList&) = default;
};

// What a program needs to know to come to the same machine's Docker socket.
struct Info {
  std::string version;
  std::string listen;  // path of the socket for Docker clients

  friend bool operator==(const Info&, const Info&) = default;
};

}  // namespace ds01::control
