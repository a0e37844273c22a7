// Where a bind source really is. Blocks (a home may be on a file server), so it belongs in the process that makes pins
// (mounts/pins), which nobody waits for without a limit.
#pragma once

#include <string>

#include "base/result.h"
#include "model/user.h"
#include "mounts/lexical.h"

namespace ds01::mounts::posix {

struct Source {
  std::string path;      // real
  std::string missing;   // the end of `path` that is not there, "/a/b", or empty
  bool writable = true;  // false: the user may read but not write there, so it may be mounted read-only only
  bool shared = false;   // below a directory of the site, not below the home
};

// The real path of `source`: links followed in the part that exists, the missing tail appended. It is the real path of
// a root or below. The lexical check comes first, against the roots as they are written and the home also as it really
// is. PermissionDenied, with a sentence for the user: it is not below, a link leads nowhere, or the calling thread may
// not look there; the sentence is the same for all three, so that nobody learns what exists elsewhere. Unavailable: the
// file system did not say. True only for the moment: links can change until it is opened.
//
// A directory of the site holds what belongs to many. So below one of those, and not below the home, the calling thread
// must itself be able to read what is mounted, and to write where something would be made; a directory where everybody
// may make files of their own (sticky, as /tmp) is not mounted whole.
Result<Source> resolveBelow(const Roots& roots, const std::string& home, const std::string& source);

// The same for a user, on a thread that has his file system rights: a home that is not his own directory is no root.
Result<Source> resolveFor(const User& user, Roots roots, const std::string& source);

// What the last rule of resolveBelow() says about a file or directory that is open, for the calling thread. `written`
// is for the sentence.
Result<bool> mayWriteShared(int fd, const Roots& roots, const std::string& home, const std::string& written);

}  // namespace ds01::mounts::posix
