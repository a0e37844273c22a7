// Answers of the Engine reduced to what one user may see.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"
#include "gateway/ports.h"

namespace ds01::gateway {

// Whether the container exists and belongs to `login`; the Engine's silence is an error.
boost::asio::awaitable<Result<bool>> isOwn(Ownership& ownership, std::string login, std::string ref);

// What is only looked at and soon gone may live in one block of memory that is freed at once
// (json::monotonic_resource).
Result<boost::json::value> parseAnswer(std::string_view body, boost::json::storage_ptr storage = {});

// An answer with our lines behind the Engine's own in "Warnings"; the same text if it is no object.
std::string withWarnings(std::string body, const std::vector<std::string>& warnings);

// Views say whether they have taken anything out.

// GET /containers/json: keeps the items of `login`, each as the Engine wrote it.
boost::asio::awaitable<Result<bool>> keepOwnContainers(Ownership& ownership, std::string login,
                                                       boost::json::value& list);

// Keeps the items of `login` by the label that we set: volumes, and whatever else no image brings labels to. What is no
// object goes too.
bool keepOwned(const std::string& login, boost::json::array& items);

// GET /volumes: keeps those of `login`.
boost::asio::awaitable<Result<bool>> keepOwnVolumes(Ownership& ownership, std::string login, boost::json::value& list);

// GET /networks: keeps those of `login` and the predefined ones, and of these no endpoints of others.
boost::asio::awaitable<Result<bool>> keepOwnNetworks(Ownership& ownership, std::string login, boost::json::value& list);

// GET /networks/{}: takes the endpoints of other people's containers out of "Containers".
boost::asio::awaitable<Result<bool>> hideForeignEndpoints(Ownership& ownership, std::string login,
                                                          boost::json::value& view);

// The container id that a name conflict names, if `body` is one: {"message": "Conflict. The container name "/x" is
// already in use by container "<64 hex digits>". You have to …"}.
std::optional<std::string> idInConflict(std::string_view body);
// The same answer without it.
std::string conflictWithoutId(std::string_view body);

// The container that keeps an image from being removed, as an answer names it: "… container <12 hex digits> …".
std::optional<std::string> containerInImageConflict(std::string_view body);
// The same answer without it.
std::string imageConflictWithoutContainer(std::string_view body, std::string_view id);

}  // namespace ds01::gateway
