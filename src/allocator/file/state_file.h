// A small file that is replaced as a whole: after a crash at any moment there is the old text or the new one, never a
// mix. Blocking; used from a worker thread (state_writer.h) or before the service starts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::allocator {

class StateFile {
 public:
  // The directory must exist and belong to us alone: the file beside it, `path` + ".tmp", is overwritten.
  explicit StateFile(std::string path) : path_(std::move(path)) {}

  // Unset if there is no such file. Errors: Io, PermissionDenied, with the path.
  Result<std::optional<std::string>> read() const;

  // Temporary file in the same directory (mode 0600), fsync, rename, fsync of the directory. When it returns well the
  // text survives a power cut; when it fails before the rename, the old text is untouched.
  Status write(std::string_view text) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace ds01::allocator
