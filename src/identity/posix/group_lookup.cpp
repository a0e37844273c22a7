#include "identity/posix/group_lookup.h"

#include <cerrno>
#include <vector>

#include <grp.h>

namespace ds01::identity::posix {

std::optional<std::uint32_t> groupId(const std::string& name) {
  static constexpr std::size_t kLargestBuffer = 1 << 20;  // a group of some ten thousand members
  for (std::vector<char> buffer(4096); buffer.size() <= kLargestBuffer; buffer.resize(buffer.size() * 2)) {
    group entry{};
    group* found = nullptr;
    const int error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (error != 0 || found == nullptr) return std::nullopt;
    return found->gr_gid;
  }
  return std::nullopt;
}

}  // namespace ds01::identity::posix
