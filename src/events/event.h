// What is told to events.jsonl (contracts section 6): one JSON object a line,
// {"timestamp","event_type","schema_version":"1","user"?,"source"?,"details"?}.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "base/clock.h"

namespace ds01::events {

struct Event {
  std::string type;       // "container.create", "gpu.allocate", "auth.denied", …
  std::string user = {};  // login, or empty
  boost::json::object details = {};
  TimePoint at{};  // set by the sink if left at the epoch
};

// One line without the newline, valid UTF-8 (invalid bytes become U+FFFD), at most 4000 bytes: details that do not fit
// lose facts and the ends of long texts if they tell of a decision (details.h), else and if that is not enough they are
// replaced by {"truncated":true,"original_size":n}, n being the bytes of the whole line; a type or user of more than
// 256 bytes is cut. Times are UTC with milliseconds.
std::string encode(const Event& event);

class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;
  // Never blocks and never fails: what cannot be written is counted and reported by the sink itself.
  virtual void emit(Event event) = 0;
};

}  // namespace ds01::events
