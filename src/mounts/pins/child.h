// The process that looks at users' folders and pins them, with the user's rights and in the Engine's mount namespace.
// One process for one job: a file server that hangs holds nobody but whoever asked for it, and the process is given up.
#pragma once

#include <string_view>

#include "mounts/pins/job.h"

namespace ds01::mounts::pins {

// `ds01d --pin-child`, with the socket on process::kChildSocket: not for people, and not in the help. Whoever runs it
// by hand gets a process with their own rights.
inline constexpr std::string_view kChildOption = "--pin-child";

// The whole life of the process that kChildOption starts; the exit status.
int runChild();

// Does the job in this process, which must have one thread: its mount namespace changes. Look needs no rights of root's
// beyond taking the user's; the others need CAP_SYS_ADMIN.
Report perform(const Job& job);

}  // namespace ds01::mounts::pins
