#include "gateway/archive_guard.h"

#include <algorithm>

namespace ds01::gateway {
namespace {

// But for the top, which the Engine leaves as it is. A name with a slash at its end may be a directory's whatever the
// type says.
bool isDirectoryBelow(const TarEntry& entry) {
  const auto is_top = [](const std::string& name) { return name == "." || name == "./"; };
  const auto has_slash = [](const std::string& name) { return name.ends_with('/'); };
  if (entry.type != '5' && std::ranges::none_of(entry.names, has_slash)) return false;
  return !std::ranges::all_of(entry.names, is_top);
}

}  // namespace

std::optional<Denial> ArchiveGuard::onEntry(const TarEntry& entry) {
  if (into_folders_ && (entry.type == '1' || isDirectoryBelow(entry))) {
    Denial denial{403, "archive_directory",
                  "directories and hard links cannot be copied into a container that has a folder of this machine "
                  "mounted writable; copy files, or copy into the folder itself"};
    denial.remedy = "tar -c . | docker exec -i CONTAINER tar -x -C DIRECTORY";
    return denial;
  }
  if (entry.type != '3' && entry.type != '4') return std::nullopt;
  return Denial{403, "archive_device",
                "the archive holds a device file, which may not be copied into a container here, because it would "
                "work outside of it; leave it out"};
}

}  // namespace ds01::gateway
