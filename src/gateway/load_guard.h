// Looks through the tar that POST /images/load carries for the tags that it would set: in manifest.json (docker save),
// repositories (before Docker 1.10) and index.json (OCI image layout, read by Engines with containerd's image store).
// The Engine unpacks all of it before it sets any.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "docker/image_reference.h"
#include "gateway/tar_guard.h"

namespace ds01::gateway {

class LoadGuard final : public TarGuard {
 public:
  // Of each tag, before the Engine has the whole of the file that names it; a denial ends the request. Must not block.
  using Judge = std::function<std::optional<Denial>(const docker::ImageReference&)>;
  static constexpr std::size_t kMaxIndex = 4UL * 1024 * 1024;  // bytes of one of these files

  explicit LoadGuard(Judge judge) : judge_(std::move(judge)) {}

 protected:
  std::optional<Denial> onEntry(const TarEntry& entry) override;
  std::optional<Denial> onContents(std::string_view bytes, bool last) override;
  Denial compressed() const override;

 private:
  std::optional<Denial> judgeIndex() const;

  Judge judge_;
  bool is_index_ = false;  // the entry that is being read
  bool repositories_ = false;
  std::string index_;
};

}  // namespace ds01::gateway
