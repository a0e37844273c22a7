// One file out of the archives that the Engine answers GET /containers/{}/archive with: tar(5), written by Go.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::docker {

// The bytes of the first entry, which must be a regular file. NotFound: it is something else. Exhausted: it is longer
// than `longest`. Malformed: no whole archive.
Result<std::string> fileInArchive(std::string_view archive, std::size_t longest);

}  // namespace ds01::docker
