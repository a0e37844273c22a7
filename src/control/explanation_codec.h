// explanation.h as JSON and back, by the rules of codec.h.
#pragma once

#include <optional>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"
#include "control/explanation.h"

namespace ds01::control {

std::string_view toString(Explanation::Outcome outcome);  // "granted", "refused", "failed", "try_later", "holds"

boost::json::object toJson(const Explanation& explanation);
boost::json::object toJson(const EventRow& row);
boost::json::object toJson(const EventList& list);
boost::json::object toJson(const Info& info);

Result<Explanation> explanationFromJson(const boost::json::value& value);
Result<EventRow> eventFromJson(const boost::json::value& value);
Result<EventList> eventsFromJson(const boost::json::value& value);
Result<Info> infoFromJson(const boost::json::value& value);

}  // namespace ds01::control
