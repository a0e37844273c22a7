// What a build's client sends of its files (fsutil's Packet and Stat, types/{wire,stat}.proto of tonistiigi/fsutil, as
// the answers to FileSync/DiffCopy of moby/buildkit). The Engine makes these files as root of the host, so each is
// written anew and only what a build context is made of passes: plain files, directories and symbolic links, by clean
// names below directories that have been sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ds01::buildkit {

// A packet of file contents has 32 KiB, one of metadata a path or two.
inline constexpr std::size_t kMaxPacket = 256UL * 1024;

// The packets of one call, in their order.
class SentFiles {
 public:
  // What goes on instead of this packet; never longer. Extended attributes are left out, and a hard link becomes a file
  // of its own, whose contents the Engine asks for. Malformed: no such packet, with the reason; nothing more may pass.
  Result<std::string> next(std::string_view packet);

 private:
  Status fits(std::string_view path, std::uint32_t mode);

  std::vector<std::string> parents_;  // the directories that the next entry may be in, outermost first
};

}  // namespace ds01::buildkit
