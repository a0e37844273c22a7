// Many containers as the Engine sees them.
#pragma once

#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/owner_service.h"
#include "daemon/reconcile.h"

namespace ds01::daemon {

// Asks about each of `listed`, several at once, and has `owners` learn it; in the order of `listed`, without those that
// have been removed since that list was made. One that the Engine cannot tell about (its layers are damaged) stands for
// what its labels say, so that it keeps nobody from working. Fails if the Engine does not answer. All outlive the call.
boost::asio::awaitable<Result<std::vector<PresentContainer>>> inspectAll(OwnerService& owners,
                                                                         docker::EngineClient& engine,
                                                                         const std::vector<ContainerSummary>& listed);

}  // namespace ds01::daemon
