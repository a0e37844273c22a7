// For state that is kept as one small text on disk.
#pragma once

#include <functional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace ds01::daemon {

// Puts a text on disk; `done` is called once, on any thread (StateWriter).
using SaveText = std::function<void(std::string text, std::function<void(Status)> done)>;

// Waits on `executor` until it is there. `save` outlives the call.
boost::asio::awaitable<Status> saveText(boost::asio::any_io_executor executor, const SaveText& save, std::string text);

}  // namespace ds01::daemon
