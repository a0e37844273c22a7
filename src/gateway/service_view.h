// What a service user (`service_users`, a dashboard) may see of containers that are not its own: that they are there
// (list), how they are made (inspect, without their environment), what they use (stats). All else stays as for any
// user. One that is a launcher (`launchers`: JupyterHub, a program that makes dev containers) may in addition run what
// it made itself for somebody; whose it is, whose quota it counts against and whose rights it has stay the owner's.
#pragma once

#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Unset: the request is none of these, or is about a container of the caller's own or none that exists; it is decided
// as any user's.
boost::asio::awaitable<std::optional<Flow>> handleServiceView(Exchange& exchange);

// Whether the caller is a launcher that made this container for its owner, who has no more rights than that (somebody
// may have become an administrator since).
boost::asio::awaitable<bool> launched(Exchange& exchange, const OwnedContainer& container);

// Whether a launcher may ask for this of a container that it made.
bool openToLauncher(const Route& route);

// Takes out of an inspect answer what its owner may keep to themselves: environment, output of health checks, options
// of the log driver.
void hideSecrets(boost::json::value& inspected);

}  // namespace ds01::gateway
