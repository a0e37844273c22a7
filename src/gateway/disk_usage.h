// GET /system/df: what takes how much space, reduced to what is the caller's own. Containers and volumes are as their
// lists show them, images are everybody's to see. The build cache belongs to nobody: its records have no owner, and
// their descriptions are the commands of everybody's builds, so of it nothing is told.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"
#include "gateway/ports.h"

namespace ds01::gateway {

// The answer in any shape that an Engine gives it: lists, as up to API 1.51, or sums with or without lists. What is not
// known here is taken out. True, since there is always something to change.
boost::asio::awaitable<Result<bool>> keepOwnUsage(Ownership& ownership, std::string login, boost::json::value& answer);

// The same without the lists in the sums, which an Engine is asked for with verbose=1 although the client did not ask
// for them: what it sums up by itself is everybody's.
boost::asio::awaitable<Result<bool>> keepOwnSums(Ownership& ownership, std::string login, boost::json::value& answer);

}  // namespace ds01::gateway
