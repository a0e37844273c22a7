// The other JSON bodies that users may send, one pure function each: the guarded body in, what goes to the Engine or a
// denial out. For admins nothing is refused, except where Docker could not read it either.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/ids.h"
#include "model/denial.h"
#include "model/user.h"

namespace ds01::admission {

using BodyVerdict = std::expected<boost::json::object, Denial>;

BodyVerdict examineExec(boost::json::object body, bool admin);  // POST /containers/{}/exec
// What else holds for an exec in a container that runs as its owner (Examined::as_owner).
std::optional<Denial> execAsOwner(boost::json::object& body, const User& owner);
BodyVerdict examineExecStart(boost::json::object body, bool admin);        // POST /exec/{}/start
BodyVerdict examineNetworkCreate(boost::json::object body, bool admin);    // POST /networks/create
BodyVerdict examineNetworkEndpoint(boost::json::object body, bool admin);  // POST /networks/{}/connect, …/disconnect
BodyVerdict examineVolumeCreate(boost::json::object body, bool admin);     // POST /volumes/create

// The `ulimits` parameter of POST /build: JSON like HostConfig.Ulimits.
std::optional<Denial> examineBuildUlimits(std::string_view text);

// The container that an examined connect or disconnect body names; never empty. The caller looks it up, judges whose it
// is, and puts its full id in place.
std::string endpointContainer(const boost::json::object& body);
void replaceEndpointContainer(boost::json::object& body, const ContainerId& id);

// So that the Engine, which looks the network up anew when the container starts, finds this one and none of the same
// name.
void pinEndpoint(boost::json::object& body, std::string_view network_id);

}  // namespace ds01::admission
