#include "slices/names.h"

#include <algorithm>

#include <fmt/format.h>

#include "slices/md5.h"

namespace ds01::slices {
namespace {

constexpr std::size_t kLongest = 32;
constexpr std::size_t kKept = 27;
constexpr std::size_t kHashDigits = 4;

bool plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
}

void stripRight(std::string& name) {
  while (name.ends_with('_')) name.pop_back();
}

struct Parts {
  std::string group;
  std::string user;
};

Result<Parts> parts(std::string_view group, std::string_view login) {
  Result<std::string> group_part = sanitise(group);
  if (!group_part) return fail(group_part.error().context("group"));
  Result<std::string> user_part = sanitise(login);
  if (!user_part) return fail(std::move(user_part).error());
  return Parts{*std::move(group_part), *std::move(user_part)};
}

std::string nameOf(const Parts& parts) {
  return fmt::format("ds01-{}-{}.slice", parts.group, parts.user);
}

}  // namespace

Result<std::string> sanitise(std::string_view login) {
  std::string name;
  for (const char c : login.substr(0, login.find('@'))) {
    const char kept = plain(c) ? c : '_';
    if (kept != '_' || (!name.empty() && name.back() != '_')) name += kept;
  }
  stripRight(name);
  if (name.empty()) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("the name \"{}\" has no letter or digit before \"@\" to make a slice name from", login));
  }
  if (name.size() > kLongest) {
    name.resize(kKept);
    stripRight(name);
    name += '_' + md5Hex(login).substr(0, kHashDigits);
  }
  return name;
}

Result<std::string> sliceName(std::string_view group, std::string_view login) {
  const Result<Parts> known = parts(group, login);
  if (!known) return fail(known.error());
  return nameOf(*known);
}

Result<std::string> cgroupParent(CgroupDriver driver, std::string_view group, std::string_view login) {
  const Result<Parts> known = parts(group, login);
  if (!known) return fail(known.error());
  if (driver == CgroupDriver::Systemd) return nameOf(*known);
  return fmt::format("/ds01.slice/ds01-{}.slice/{}", known->group, nameOf(*known));
}

std::string buildCgroupParent(std::string_view parent) {
  static constexpr std::string_view kSlice = ".slice";
  if (parent.starts_with('/')) return std::string(parent) + "/build";
  if (parent.ends_with(kSlice)) parent.remove_suffix(kSlice.size());
  return std::string(parent) + "-build.slice";
}

bool sliceBelongsTo(std::string_view cgroup_parent, std::string_view login) {
  const Result<std::string> user = sanitise(login);
  if (!user) return false;
  const std::size_t slash = cgroup_parent.rfind('/');
  const bool is_path = slash != std::string_view::npos;
  std::string_view group = is_path ? cgroup_parent.substr(slash + 1) : cgroup_parent;
  const std::string tail = fmt::format("-{}.slice", *user);
  if (!group.starts_with("ds01-") || !group.ends_with(tail) || group.size() <= 5 + tail.size()) return false;
  group = group.substr(5, group.size() - 5 - tail.size());
  if (!std::ranges::all_of(group, plain)) return false;
  return !is_path || cgroup_parent.substr(0, slash) == fmt::format("/ds01.slice/ds01-{}.slice", group);
}

}  // namespace ds01::slices
