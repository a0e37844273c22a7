// What a build's client sends of its files (fsutil's Packet and Stat, types/{wire,stat}.proto of tonistiigi/fsutil, as
// the answers to FileSync/DiffCopy of moby/buildkit). The Engine makes these files as root of the host, so each is
// written anew and only what a build context is made of passes: plain files, directories and symbolic links, by clean
// names below directories that have been sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ds01::buildkit {

// A packet of file contents has 32 KiB, one of metadata a path or two.
inline constexpr std::size_t kMaxPacket = 128UL * 1024;
inline constexpr std::size_t kMaxEntries = 1024UL * 1024;  // 256 KiB of memory here

struct FileStat {
  std::string path;
  std::uint64_t mode = 0;  // as Go's io/fs has it
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;
  std::uint64_t modified = 0;
  std::string link;
};

// The packets of one call, in their order.
class SentFiles {
 public:
  // What goes on instead of this packet; never longer. Extended attributes are left out, and a hard link becomes a file
  // of its own, whose contents the Engine asks for. Malformed: no such packet, with the reason; nothing more may pass.
  Result<std::string> next(std::string_view packet);

 private:
  Status examine(FileStat& stat);
  Status fits(std::string_view path, std::uint32_t mode);

  Status takesData(std::uint64_t entry, bool last);

  std::string folder_;                // the deepest directory that the next entry may be in
  std::vector<std::size_t> lengths_;  // of its path and those above it, outermost first
  // By the number of an entry: whether it is a file whose contents may come.
  std::vector<bool> open_;
  bool listed_ = false;    // all entries have come
  bool finished_ = false;  // all packets have
};

}  // namespace ds01::buildkit
