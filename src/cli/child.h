// A program run for its requests, not for its output.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/fd.h"
#include "base/result.h"

namespace ds01::cli {

struct Child {
  pid_t pid = -1;
  Fd pidfd;   // readable once it has ended
  Fd output;  // what it writes to stdout and stderr
};

// Found through PATH, no shell; stdin is ours. `environment` is added to ours, `without` is taken out of it. NotFound
// and PermissionDenied name the program.
Result<Child> startChild(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                         const std::vector<std::string>& without);

// After pidfd is readable: the exit status, or 128 and the signal.
int reap(pid_t pid);

}  // namespace ds01::cli
