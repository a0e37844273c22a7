// What decided, as it stands in an event's details: {"reason","part","status","text","facts":[["limit","2 GPUs"],…],
// "remedy","decision"}. Written soberly, because a line has 4000 bytes: names and values are cut, and encode() drops
// facts from the end before it gives up the details.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/ids.h"
#include "model/denial.h"

namespace ds01::events {

// At most `bytes` of `text`, whole characters, with "…" behind what was cut.
std::string cut(std::string_view text, std::size_t bytes);

boost::json::array factsJson(const Facts& facts);
// What is not a pair of strings is left out.
Facts factsOf(const boost::json::object& details);

boost::json::object denialDetails(const Denial& denial, const DecisionId& decision);

// Facts fewer and texts shorter, until the details take at most `bytes` as JSON. False: not even so.
bool shrink(boost::json::object& details, std::size_t bytes);

}  // namespace ds01::events
