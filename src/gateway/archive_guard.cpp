#include "gateway/archive_guard.h"

#include <string>

#include <fmt/format.h>

namespace ds01::gateway {

std::optional<Denial> ArchiveGuard::onEntry(const TarEntry& entry) {
  if (entry.type != '3' && entry.type != '4') return std::nullopt;
  return Denial{403, "archive_device",
                "the archive holds a device file, which may not be copied into a container here, because it would "
                "work outside of it; leave it out"};
}

std::optional<Denial> ContextGuard::onEntry(const TarEntry& entry) {
  if (entry.type != '3' && entry.type != '4' && entry.type != '6') return std::nullopt;
  const std::string name = entry.names.empty() ? "" : entry.names.back();
  return Denial{
      403, "build_file",
      fmt::format("\"{}\" is a device file or a FIFO, which the Engine would open as root of this server; leave "
                  "it out of the build context (.dockerignore)",
                  name)};
}

Denial ContextGuard::compressed() const {
  Denial denial = notUnderstood("docker build takes no compressed contexts on this server, because it looks at them");
  denial.remedy = "Leave --compress away, or decompress it on the way: gunzip -c FILE | docker build -";
  denial.text += "; leave --compress away, or decompress it on the way, as in gunzip -c FILE | docker build -";
  return denial;
}

}  // namespace ds01::gateway
