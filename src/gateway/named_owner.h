// The rights of a tracked owner, all of them: what somebody may do with a container that was not made through us, and
// whose maker has named them (OwnedContainer::named_owner). Pure, but for the list.
//
// Such a container is root's: it may be privileged, have folders, devices and GPUs of others and secrets in its
// environment, and its restart would be a way to them. So nothing goes in or out of it and nothing starts it again. It
// can be seen to be there, watched and waited for, stopped and removed: what its owner needs to be rid of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

#include "gateway/docker_filters.h"
#include "gateway/exchange.h"
#include "gateway/route.h"
#include "gateway/target.h"
#include "model/denial.h"

namespace ds01::gateway {

// Unset: it may go on, for GET …/json as reduceInspect() makes it. What is not named here is refused.
std::optional<Denial> refuseNamedOwner(const Route& route, const Target& target);

// Of an answer to GET /containers/{}/json and of an item of GET /containers/json what says which container it is and
// how it does; members that clients expect and that could tell more are empty.
void reduceInspect(boost::json::value& inspected);
void reduceItem(boost::json::value& item);

// Both lists of containers as one, the newest first, at most `limit` (0: all).
boost::json::array mergeByAge(const boost::json::array& own, const boost::json::array& named, std::size_t limit);

// The filters that ask for `named` among what the caller's filters mean; unset: for none of them. Only filters by what
// is shown may be answered. Whoever asks by label looks for what to go on working with (compose, dev containers), which
// these are not.
std::optional<Filters> filtersForNamed(Filters wanted, const std::vector<ContainerId>& named);

// GET /containers/json, `limit` of them (0: all): what is the caller's own, and if they have been named what the Engine
// has for `asked`.
boost::asio::awaitable<Flow> listWithNamed(Exchange& exchange, std::optional<Filters> asked, std::size_t limit);
// What the request asks for; 0: all.
std::size_t limitOf(const Target& target);

}  // namespace ds01::gateway
