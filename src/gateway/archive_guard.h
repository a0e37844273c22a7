// Looks through the tar that PUT /containers/{}/archive carries. The Engine unpacks it as root of the host, also into a
// directory that is mounted from the host, so a device file in it would be open to its owner outside of any container.
#pragma once

#include "gateway/tar_guard.h"

namespace ds01::gateway {

class ArchiveGuard final : public TarGuard {
 public:
  // `into_folders`: the container has folders of the host that it may write to. The Engine gives directories that are
  // there already, and what a hard link leads to, the owner and mode that the archive says, also those of somebody
  // else.
  explicit ArchiveGuard(bool into_folders = false) : into_folders_(into_folders) {}

 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view, bool) override { return std::nullopt; }

 private:
  bool into_folders_;
};

}  // namespace ds01::gateway
