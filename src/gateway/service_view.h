// What a service user (`service_users`, a dashboard) may see of containers that are not its own: that they are there
// (list), how they are made (inspect, without their environment), what they use (stats). All else stays as for any
// user.
#pragma once

#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Unset: the request is none of these, or is about a container of the caller's own or none that exists; it is decided
// as any user's.
boost::asio::awaitable<std::optional<Flow>> handleServiceView(Exchange& exchange);

// Takes out of an inspect answer what its owner may keep to themselves: environment, output of health checks, options
// of the log driver.
void hideSecrets(boost::json::value& inspected);

}  // namespace ds01::gateway
