// The restart policy in requests and answers of the Engine's. Pure.
#pragma once

#include <optional>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "model/restart_policy.h"

namespace ds01::gateway {

// What the body of an update sets; unset if it sets none, or one that the Engine will refuse.
std::optional<RestartPolicy> policyIn(const boost::json::object& update);

// Puts `wanted` in place of what an inspect shows. Nothing if it is no inspect of a container.
void showPolicy(boost::json::value& inspected, const RestartPolicy& wanted);

}  // namespace ds01::gateway
