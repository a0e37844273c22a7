// Where a bind source really is. Blocks (a home may be on a file server), so it belongs on a BlockingPool.
#pragma once

#include <string>

#include "base/result.h"
#include "mounts/lexical.h"

namespace ds01::mounts::posix {

struct Source {
  std::string path;      // real
  bool writable = true;  // false: the user may read but not write there, so it may be mounted read-only only
};

// The real path of `source`: links followed in the part that exists, the missing tail (which the Engine would make)
// appended. It is the real path of a root or below. The lexical check comes first, against the roots as they are
// written and the home also as it really is. PermissionDenied, with a sentence for the user: it is not below, a link
// leads nowhere, or the calling thread may not look there; the sentence is the same for all three, so that nobody
// learns what exists elsewhere. Unavailable: the file system did not say. True only for the moment: links can change
// until the Engine mounts.
//
// A directory of the site holds what belongs to many, and root in a container is root there. So below one of those, and
// not below the home, the calling thread must itself be able to read what is mounted, and to write where the Engine
// would make something; a directory where everybody may make files of their own (sticky, as /tmp) is not mounted whole.
Result<Source> resolveBelow(const Roots& roots, const std::string& home, const std::string& source);

}  // namespace ds01::mounts::posix
