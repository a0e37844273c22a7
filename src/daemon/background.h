// Work that nobody waits for.
#pragma once

#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace ds01::daemon {

// Runs `job` beside everything else. An exception ends that job alone and is logged under the name `what`, where
// asio::detached would swallow it. `job` must own what it uses or be a member of something that outlives the executor's
// work; never the call of a lambda, whose captures are gone by then.
void runBeside(const boost::asio::any_io_executor& executor, boost::asio::awaitable<void> job, std::string what);

}  // namespace ds01::daemon
