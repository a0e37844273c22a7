// Reads the log of events from its end: the current file, then those that logrotate has put aside, newest first.
// Blocks, so it belongs on a thread of its own. Reads at most what it is told to; a file that is emptied or renamed
// meanwhile (copytruncate, rename) costs no more than the lines that move while we look.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::events {

struct ReadBackOptions {
  std::string path;                            // of the current file; a link is not followed
  std::size_t max_bytes = 64UL * 1024 * 1024;  // over all files
  std::size_t block_bytes = 256UL * 1024;      // read at once
  std::size_t longest_line = 64UL * 1024;      // longer ones are skipped; ours have 4000 bytes
};

struct ReadBackOutcome {
  bool gave_up = false;        // max_bytes was reached with more to read
  std::size_t compressed = 0;  // rotated files that cannot be read here (.gz and the like)
};

// Calls `visit` with each line that is not empty, the newest first, until it returns false. No file at all is no error.
// Errors: Io, PermissionDenied for the current file.
Result<ReadBackOutcome> readBack(const ReadBackOptions& options,
                                 const std::function<bool(std::string_view line)>& visit);

}  // namespace ds01::events
