// Does what the command line asks: one question to the daemon, one answer; or, following events, many lines.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/paper.h"
#include "control/client.h"

namespace ds01::cli {

// For output that does not wait for the end.
struct Streams {
  std::function<bool(std::string_view)> out;  // false: nobody reads any more
  std::function<void(std::string_view)> err;
};

Outcome run(const Invocation& invocation, const control::Client& client, const Paper& paper, const Streams& streams);

// The error as a line on stderr and as an exit code.
Outcome failure(const Error& error);

}  // namespace ds01::cli
