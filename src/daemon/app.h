// The composition root: the only place that builds the real parts and joins them.
#pragma once

#include "daemon/options.h"

namespace ds01::daemon {

// Runs until SIGTERM or SIGINT; returns the exit status. Reports problems on stderr.
int run(const Options& options);

}  // namespace ds01::daemon
