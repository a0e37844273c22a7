// Helpers of the handlers that turn a reference into one container of the caller's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "gateway/exchange.h"

namespace ds01::gateway {

// Without `container` the client has been answered (404 in the Engine's words also for somebody else's) and `flow` says
// what becomes of the connection.
struct Resolved {
  std::optional<OwnedContainer> container;
  bool only_named = false;  // it is not the caller's but was made for the caller (named_owner.h)
  Flow flow = Flow::KeepAlive;
};

// For admins any container that exists; for others one of their own, or what named_owner.h leaves open.
boost::asio::awaitable<Resolved> resolveContainer(Exchange& exchange, std::string ref);
boost::asio::awaitable<Resolved> resolveExec(Exchange& exchange, std::string exec_id);

// Why nothing may be run in it now: it has SYS_PTRACE, and the Engine does not confine it any more. Not for admins.
std::optional<Denial> checkConfined(Exchange& exchange, const OwnedContainer& container);

// A question of ours in the API version that the client speaks.
Outgoing question(const Exchange& exchange, std::string method, std::vector<std::string> segments,
                  std::vector<QueryItem> query);

// For the log: for the user there is no such thing.
Denial notOwner(std::string_view kind, std::string_view name);

// Whose folders the caller may be shown, of this container: an administrator everybody's (empty), a launcher those of
// the owner it made it for, others their own.
std::string foldersShownOf(const Exchange& exchange, const OwnedContainer& container);

// Puts the full id where the path has {}.
void putName(Exchange& exchange, const std::string& id);

// `what` is a container or build that has no place in the cgroup tree: 503, or 403 if its user can have none.
Denial noCgroupParent(std::string_view what, const Error& error);

// Takes a foreign id out of a name conflict.
boost::asio::awaitable<void> hideConflict(Exchange& exchange, WholeResponse& response);

}  // namespace ds01::gateway
