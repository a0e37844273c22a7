// Looks through the tar that POST /images/load carries for the tags that it would set: in manifest.json (docker save),
// repositories (before Docker 1.10) and index.json (OCI image layout, read by Engines with containerd's image store).
// The Engine unpacks all of it before it sets any.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docker/image_reference.h"
#include "gateway/tar_guard.h"

namespace ds01::gateway {

class LoadGuard final : public TarGuard {
 public:
  static constexpr std::size_t kMaxIndex = 1024UL * 1024;  // bytes, of all of these files together

  // The names in what has been fed since the last call, before the Engine has the whole of the file that they stand in.
  std::vector<docker::ImageReference> takeNames() { return std::exchange(found_, {}); }

 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view bytes, bool last) override;
  Denial compressed() const override;

 private:
  std::optional<Denial> readIndex();

  bool is_index_ = false;  // the entry that is being read
  bool repositories_ = false;
  std::string index_;
  std::size_t index_bytes_ = 0;
  std::size_t names_ = 0;
  std::vector<docker::ImageReference> found_;  // not taken yet
};

}  // namespace ds01::gateway
