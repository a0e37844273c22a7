#include "daemon/background.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

namespace ds01::daemon {

void runBeside(const boost::asio::any_io_executor& executor, boost::asio::awaitable<void> job, std::string what) {
  boost::asio::co_spawn(executor, std::move(job), [what = std::move(what)](const std::exception_ptr& thrown) {
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      spdlog::critical("{} ended by an exception: {}", what, error.what());
    } catch (...) {
      spdlog::critical("{} ended by an exception", what);
    }
  });
}

}  // namespace ds01::daemon
