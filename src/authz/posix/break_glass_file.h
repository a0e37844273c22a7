// The file by which root opens the door for a time.
#pragma once

#include <string>

#include "authz/break_glass.h"

namespace ds01::authz::posix {

// Opens the file anew each time, following no link at its end; closed if it is not a regular file of root's (of this
// process's user) that nobody else may write. Its directory must be root's own, as /etc/ds01 is.
BreakGlass lookAtBreakGlass(const std::string& path, TimePoint now);

}  // namespace ds01::authz::posix
