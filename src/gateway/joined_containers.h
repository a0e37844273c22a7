// Other containers that a create names, where more of them counts than whose they are.
#pragma once

#include <cstddef>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "admission/admission.h"
#include "base/result.h"
#include "gateway/gateway.h"

namespace ds01::gateway {

// Puts into `fact`, of a container of `login`'s, what is mounted in it and whether it has the host's shared memory. At
// most `most` mounts: one more says that there are. NotFound: it has gone meanwhile.
boost::asio::awaitable<Status> lookInto(Ports& ports, const std::string& login, std::size_t most,
                                        admission::ContainerFact& fact);

// What must be looked up because of these mounts: the folders and volumes that the create names in this way.
void addMounted(const admission::ContainerFact& fact, admission::References& references);

}  // namespace ds01::gateway
