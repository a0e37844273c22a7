#include "identity/posix/user_lookup.h"

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

namespace ds01::identity::posix {

namespace {

constexpr std::size_t kFirstBuffer = 4096;
constexpr std::size_t kMaxBuffer = 16 * 1024 * 1024;  // a group with 200,000 members
constexpr int kMaxGroups = 65'536;                    // NGROUPS_MAX

bool meansNobody(int error) {
  return error == 0 || error == ENOENT || error == ESRCH;
}

// Calls `ask(buffer, size)`, which returns an errno, with a buffer that grows as long as it is too small.
template <typename Ask>
int withBuffer(std::vector<char>& buffer, Ask ask) {
  for (buffer.resize(kFirstBuffer);; buffer.resize(buffer.size() * 4)) {
    int error = 0;
    do error = ask(buffer.data(), buffer.size());
    while (error == EINTR);
    if (error != ERANGE || buffer.size() >= kMaxBuffer) return error;
  }
}

// False: there are more groups than a process can have.
bool groupsOf(const User& user, std::vector<gid_t>& gids) {
  for (int room = 64;; room *= 4) {
    int count = room;
    gids.resize(static_cast<std::size_t>(room));
    if (::getgrouplist(user.login.c_str(), user.gid, gids.data(), &count) >= 0) {
      gids.resize(static_cast<std::size_t>(count));
      return true;
    }
    if (room > kMaxGroups) return false;
  }
}

}  // namespace

Result<std::optional<User>> lookUpUser(std::uint32_t uid) {
  std::vector<char> buffer;
  passwd entry{};
  passwd* found = nullptr;
  int error =
      withBuffer(buffer, [&](char* data, std::size_t size) { return ::getpwuid_r(uid, &entry, data, size, &found); });
  if (found == nullptr) {
    if (meansNobody(error)) return std::optional<User>();
    return fail(ErrorCode::Unavailable, fmt::format("look up uid {}: {}", uid, std::generic_category().message(error)));
  }
  User user;
  user.uid = uid;
  user.gid = entry.pw_gid;
  user.login = entry.pw_name;
  user.home = entry.pw_dir == nullptr ? "" : entry.pw_dir;

  std::vector<gid_t> gids;
  if (!groupsOf(user, gids)) {
    return fail(ErrorCode::Unavailable, fmt::format("look up the groups of {}: too many", user.login));
  }
  for (const gid_t gid : gids) {
    user.gids.push_back(gid);
    group group_entry{};
    group* group_found = nullptr;
    error = withBuffer(buffer, [&](char* data, std::size_t size) {
      return ::getgrgid_r(gid, &group_entry, data, size, &group_found);
    });
    if (group_found != nullptr) {
      user.groups.emplace_back(group_entry.gr_name);
    } else if (!meansNobody(error)) {
      return fail(ErrorCode::Unavailable,
                  fmt::format("look up gid {}: {}", gid, std::generic_category().message(error)));
    }
  }
  return std::optional<User>(std::move(user));
}

}  // namespace ds01::identity::posix
