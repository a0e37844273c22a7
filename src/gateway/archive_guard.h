// Looks through the tar that PUT /containers/{}/archive carries. The Engine unpacks it as root of the host, also into a
// directory that is mounted from the host, so a device file in it would be open to its owner outside of any container.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/body_guard.h"
#include "model/denial.h"

namespace ds01::gateway {

// Holds one header at most, or one extended header (1 MiB). What Go's archive/tar could delimit otherwise than we do is
// refused: compression, sparse files, unknown types, extended headers that are doubled.
class ArchiveGuard : public BodyGuard {
 public:
  std::optional<Denial> feed(std::string_view piece) override;

 private:
  std::optional<Denial> header();
  std::optional<Denial> entry(char type, std::uint64_t size);
  std::optional<Denial> extended();

  bool first_ = true;  // the first header is not complete
  bool ended_ = false;
  std::string block_;
  std::uint64_t skip_ = 0;  // of contents and padding
  bool collecting_ = false;
  std::uint64_t extended_bytes_ = 0;
  std::string extended_;
  bool renamed_ = false;  // a long name waits for its entry
  bool amended_ = false;  // an extended header does
  std::optional<std::uint64_t> size_;
};

}  // namespace ds01::gateway
