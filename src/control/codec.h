// The control API's types as JSON and back.
//
// Writing: every field is there, absent ones as null; times are RFC 3339 in UTC with milliseconds; gpueq and limit are
// numbers (0.285714). Reading: fields that we do not know are ignored, those that may be absent may also be missing;
// all else is Malformed and the message names the place ("gpus[2].state: …").
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"
#include "control/types.h"

namespace ds01::control {

boost::json::object toJson(const GpuRow& row);
boost::json::object toJson(const QueueRow& row);
boost::json::object toJson(const UserRow& row);
boost::json::object toJson(const ContainerRow& row);

// Whole replies: with "api" in front.
boost::json::object toJson(const StatusSnapshot& snapshot);
boost::json::object toJson(const ContainerList& list);

// Also Malformed when "api" is not kApiVersion.
Result<StatusSnapshot> statusFromJson(const boost::json::value& value);
Result<ContainerList> containersFromJson(const boost::json::value& value);

}  // namespace ds01::control
