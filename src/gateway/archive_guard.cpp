#include "gateway/archive_guard.h"

namespace ds01::gateway {

std::optional<Denial> ArchiveGuard::onEntry(const TarEntry& entry) {
  if (entry.type != '3' && entry.type != '4') return std::nullopt;
  return Denial{403, "archive_device",
                "the archive holds a device file, which may not be copied into a container here, because it would "
                "work outside of it; leave it out"};
}

}  // namespace ds01::gateway
