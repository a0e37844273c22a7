// Whose volumes and networks are. Their labels say it: they are set when the object is made and never again, no image
// brings any, and through the gateway it is we who set ds01.user. What has no such label is the administrators'.
//
// Volumes have no id: between a look at one and the use of it, its owner can remove it and somebody else can make one
// of that name. So whoever is going to make, use or remove a volume claims its name first. Networks are referred to by
// id.
//
// One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "gateway/exchange.h"
#include "gateway/object_names.h"

namespace ds01::gateway {

struct OwnedObject {
  std::string key;                   // what it is referred to by: a volume's name, a network's full id
  std::string name;                  // of a network; of a volume the same as the key
  std::optional<std::string> owner;  // login; unset: the administrators'
  // For everybody to see and use: bridge and none, and host to see.
  bool predefined = false;
};

// NotFound carries the Engine's own sentence. What is found is remembered in `memory`.
boost::asio::awaitable<Result<OwnedObject>> findVolume(Ports& ports, ObjectMemory& memory, std::string name);
boost::asio::awaitable<Result<OwnedObject>> findNetwork(Ports& ports, ObjectMemory& memory, std::string ref);

// Without `object` the client has been answered, with 404 in the Engine's words also for somebody else's, and `flow`
// says what becomes of the connection.
struct ResolvedObject {
  std::optional<OwnedObject> object;
  Flow flow = Flow::KeepAlive;
};
// One of the caller's, or a predefined one.
boost::asio::awaitable<ResolvedObject> resolveNetwork(Exchange& exchange, std::string ref);

struct HeldVolume {
  NameClaims::Claim claim;
  bool exists = false;  // it is the owner's; else there is none of that name
};
// Unset: the name is somebody else's, or somebody else is about to make it so. For a volume that was the owner's a
// moment ago: a claim on somebody else's would keep them from it for that while.
boost::asio::awaitable<Result<std::optional<HeldVolume>>> claimVolume(Exchange& exchange, std::string name,
                                                                      std::string owner);
// The same for any name.
boost::asio::awaitable<Result<std::optional<HeldVolume>>> holdVolume(Exchange& exchange, std::string name,
                                                                     std::string owner);

// The claims on the names of a container's volumes, or why it may not be made with them.
struct HeldVolumes {
  std::vector<NameClaims::Claim> claims;
  std::optional<Denial> denial;
  std::optional<Error> engine_failed;
};
// Makes those that are missing.
boost::asio::awaitable<HeldVolumes> holdVolumes(Exchange& exchange, admission::VolumeLabels volumes, std::string owner);

// POST /networks/create: 409, of somebody else nothing is said.
Denial networkTaken(std::string_view name);

}  // namespace ds01::gateway
