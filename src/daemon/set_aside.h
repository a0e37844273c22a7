// A file that was not understood is kept under another name, for whoever finds out why.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ds01::daemon {

// Renames `file` to file.unreadable, or file.unreadable.1 … .9 if there are such files already: none of them is ever
// replaced, because the oldest tells how it began. If there are all of them `file` stays where it is, and its owner's
// next write replaces it. Returns what was done, as the end of a sentence. Errors: as of rename(2), with the path.
Result<std::string> setAside(const std::filesystem::path& file);

}  // namespace ds01::daemon
