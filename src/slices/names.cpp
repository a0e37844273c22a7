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

std::string nameOf(std::string_view group, std::string_view user) {
  return fmt::format("ds01-{}-{}.slice", group, user);
}

std::string hashed(std::string name, std::string_view login, std::size_t digits) {
  if (name.size() > kKept) {
    name.resize(kKept);
    stripRight(name);
  }
  return name + '_' + md5Hex(login).substr(0, digits);
}

// What the part is made of, at any length.
Result<std::string> plainPart(std::string_view login) {
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
  return name;
}

}  // namespace

Result<std::string> sanitise(std::string_view login) {
  Result<std::string> name = plainPart(login);
  if (name && name->size() > kLongest) return hashed(*std::move(name), login, kHashDigits);
  return name;
}

Result<std::string> sanitiseWithHash(std::string_view login, std::size_t hash_digits) {
  Result<std::string> name = plainPart(login);
  if (!name) return name;
  return hashed(*std::move(name), login, hash_digits);
}

Result<std::string> cgroupParent(CgroupDriver driver, std::string_view group, std::string_view user_part) {
  const Result<std::string> group_part = sanitise(group);
  if (!group_part) return fail(group_part.error().context("group"));
  if (user_part.empty() || !std::ranges::all_of(user_part, plain)) {
    return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no part of a slice name", user_part));
  }
  const std::string name = nameOf(*group_part, user_part);
  if (driver == CgroupDriver::Systemd) return name;
  return fmt::format("/ds01.slice/ds01-{}.slice/{}", *group_part, name);
}

std::string buildCgroupParent(std::string_view parent) {
  static constexpr std::string_view kSlice = ".slice";
  if (parent.starts_with('/')) return std::string(parent) + "/build";
  if (parent.ends_with(kSlice)) parent.remove_suffix(kSlice.size());
  return std::string(parent) + "-build.slice";
}

std::optional<std::string> userPartOf(std::string_view cgroup_parent) {
  static constexpr std::string_view kPrefix = "ds01-";
  static constexpr std::string_view kSlice = ".slice";
  const std::size_t slash = cgroup_parent.rfind('/');
  const bool is_path = slash != std::string_view::npos;
  std::string_view name = is_path ? cgroup_parent.substr(slash + 1) : cgroup_parent;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSlice)) return std::nullopt;
  name = name.substr(kPrefix.size());
  if (name.size() <= kSlice.size()) return std::nullopt;
  name.remove_suffix(kSlice.size());
  const std::size_t hyphen = name.find('-');
  if (hyphen == std::string_view::npos) return std::nullopt;
  const std::string_view group = name.substr(0, hyphen);
  const std::string_view user = name.substr(hyphen + 1);
  if (group.empty() || user.empty() || !std::ranges::all_of(group, plain) || !std::ranges::all_of(user, plain)) {
    return std::nullopt;
  }
  if (is_path && cgroup_parent.substr(0, slash) != fmt::format("/ds01.slice/ds01-{}.slice", group)) return std::nullopt;
  return std::string(user);
}

}  // namespace ds01::slices
