// Looks through tars that the Engine unpacks as root of the host.
#pragma once

#include "gateway/tar_guard.h"

namespace ds01::gateway {

// Of PUT /containers/{}/archive. It may be unpacked into a directory that is mounted from the host, so a device file in
// it would be open to its owner outside of any container.
class ArchiveGuard final : public TarGuard {
 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view, bool) override { return std::nullopt; }
};

// Of POST /build: a build's context. The Engine opens the Dockerfile as root, whatever it is: a disk, a watchdog, or a
// FIFO that nobody writes to.
class ContextGuard final : public TarGuard {
 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view, bool) override { return std::nullopt; }
  Denial compressed() const override;
};

}  // namespace ds01::gateway
