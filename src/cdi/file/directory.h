// The directory in which the Engine finds our entries (gpu.cdi_dir). All calls block on the disk; not for several
// threads at once.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace ds01::cdi {

class Directory {
 public:
  explicit Directory(std::string path) : path_(std::move(path)) {}

  // Makes it (0755) where it is missing. PermissionDenied if somebody else than we owns it or may write into it: they
  // could give themselves any device of the host.
  Status prepare() const;

  // Temp file, fsync, rename: a reader sees the old entry or the new one, also after a crash. 0644.
  Status write(const LeaseId& lease, std::string_view text) const;
  // Harmless if there is none.
  Status remove(const LeaseId& lease) const;

  // The UUIDs in each entry that is there; none where it cannot be read. Temp files that a crash left are removed.
  Result<std::map<LeaseId, std::vector<std::string>>> read() const;

 private:
  std::string path_;
};

}  // namespace ds01::cdi
