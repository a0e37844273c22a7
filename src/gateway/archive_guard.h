// Looks through the tar that PUT /containers/{}/archive carries. The Engine unpacks it as root of the host, also into a
// directory that is mounted from the host, so a device file in it would be open to its owner outside of any container.
#pragma once

#include "gateway/tar_guard.h"

namespace ds01::gateway {

class ArchiveGuard final : public TarGuard {
 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view, bool) override { return std::nullopt; }
};

}  // namespace ds01::gateway
