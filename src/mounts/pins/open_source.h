// A bind source as a descriptor: what has been opened cannot be swapped for something else. Blocks; calls on a thread
// that has the user's file system rights (BorrowedCredentials).
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "model/user.h"
#include "mounts/posix/resolve_below.h"

namespace ds01::mounts::pins {

struct OpenSource {
  Fd fd;  // O_PATH
  posix::Source source;
};

// Opens what resolveFor() says, by a walk that follows no link any more. With `create` the missing end is made, with
// the user's rights, by mkdir(2). NotFound, in the Engine's words: it is missing. The errors of resolveFor(); Conflict:
// it was changed meanwhile.
Result<OpenSource> openSource(const User& user, const Roots& roots, const std::string& written, bool create);

// What exists of it, for a look.
Result<OpenSource> openExisting(const User& user, const Roots& roots, const std::string& written);

}  // namespace ds01::mounts::pins
