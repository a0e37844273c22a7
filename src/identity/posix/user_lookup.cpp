#include "identity/posix/user_lookup.h"

#include <cerrno>
#include <cstddef>
#include <string_view>
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

Result<User> userOf(const passwd& entry) {
  User user;
  user.uid = entry.pw_uid;
  user.gid = entry.pw_gid;
  user.login = entry.pw_name;
  user.home = entry.pw_dir == nullptr ? "" : entry.pw_dir;

  std::vector<gid_t> gids;
  if (!groupsOf(user, gids)) {
    return fail(ErrorCode::Unavailable, fmt::format("look up the groups of {}: too many", user.login));
  }
  std::vector<char> buffer;
  for (const gid_t gid : gids) {
    user.gids.push_back(gid);
    group group_entry{};
    group* found = nullptr;
    const int error = withBuffer(
        buffer, [&](char* data, std::size_t size) { return ::getgrgid_r(gid, &group_entry, data, size, &found); });
    if (found != nullptr) {
      user.groups.emplace_back(group_entry.gr_name);
    } else if (!meansNobody(error)) {
      return fail(ErrorCode::Unavailable,
                  fmt::format("look up gid {}: {}", gid, std::generic_category().message(error)));
    }
  }
  return user;
}

// `ask(entry, buffer, size, found)` is getpwuid_r or getpwnam_r; `whom` stands in the error.
template <typename Ask>
Result<std::optional<User>> lookUp(std::string_view whom, Ask ask) {
  std::vector<char> buffer;
  passwd entry{};
  passwd* found = nullptr;
  const int error = withBuffer(buffer, [&](char* data, std::size_t size) { return ask(&entry, data, size, &found); });
  if (found != nullptr) return userOf(entry);
  if (meansNobody(error)) return std::optional<User>();
  return fail(ErrorCode::Unavailable, fmt::format("look up {}: {}", whom, std::generic_category().message(error)));
}

}  // namespace

Result<std::optional<User>> lookUpUser(std::uint32_t uid) {
  return lookUp(fmt::format("uid {}", uid), [uid](passwd* entry, char* data, std::size_t size, passwd** found) {
    return ::getpwuid_r(uid, entry, data, size, found);
  });
}

Result<std::optional<User>> lookUpLogin(const std::string& login) {
  if (login.empty() || login.find('\0') != std::string::npos) return std::optional<User>();
  auto user = lookUp(login, [&login](passwd* entry, char* data, std::size_t size, passwd** found) {
    return ::getpwnam_r(login.c_str(), entry, data, size, found);
  });
  if (user && *user && (*user)->login != login) return std::optional<User>();
  return user;
}

}  // namespace ds01::identity::posix
