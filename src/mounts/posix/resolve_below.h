// Where a bind source really is. Blocks (a home may be on a file server), so it belongs on a BlockingPool.
#pragma once

#include <string>

#include "base/result.h"

namespace ds01::mounts::posix {

// The real path of `source`: links followed in the part that exists, the missing tail (which the Engine would make)
// appended. It is the real path of `home` or below. The lexical check comes first, against `home` as it is written and
// as it really is. PermissionDenied, with a sentence for the user: it is not below, a link leads nowhere, or the
// calling thread may not look there; the sentence is the same for all three, so that nobody learns what exists
// elsewhere. Unavailable: the file system did not say. True only for the moment: links can change until the Engine
// mounts.
Result<std::string> resolveBelow(const std::string& home, const std::string& source);

}  // namespace ds01::mounts::posix
