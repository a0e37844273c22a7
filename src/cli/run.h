// Does what the command line asks: one question to the daemon, one answer.
#pragma once

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/paper.h"
#include "control/client.h"

namespace ds01::cli {

Outcome run(const Invocation& invocation, const control::Client& client, const Paper& paper);

// The error as a line on stderr and as an exit code.
Outcome failure(const Error& error);

}  // namespace ds01::cli
