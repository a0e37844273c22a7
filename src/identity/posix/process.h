// Single facts about a process, read so that they are known to be of one and the same process.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "base/fd.h"

namespace ds01::identity::posix {

// False once the process has exited (also while it is a zombie). One poll(2) with no waiting.
bool processAlive(const Fd& pidfd);

// The whole text of a file of /proc, or errno. EFBIG: it is longer than any that we read, and half of it would mislead.
std::expected<std::string, int> readProcFile(const std::string& path);

// /proc/PID/cgroup of the process that has this number now. Unset: there is none, or it went meanwhile.
std::optional<std::string> cgroupOfProcess(std::int32_t pid, const std::string& proc = "/proc");

}  // namespace ds01::identity::posix
