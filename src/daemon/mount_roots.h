// Whether the configured mount roots can be what they are meant to be on this machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/diagnostic.h"

namespace ds01::daemon {

// One diagnostic for each root that is in the way of ours: a link, a directory of the daemon itself or above one
// (errors), or not there (a warning: it may be mounted later, and until then nothing below it is found). `own` are the
// daemon's directories, absolute; `file` is for messages. Blocks on the disk.
std::vector<config::Diagnostic> checkMountRoots(const std::vector<std::string>& roots,
                                                const std::vector<std::filesystem::path>& own, const std::string& file);

}  // namespace ds01::daemon
