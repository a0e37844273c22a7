#include "mounts/container_user.h"

#include <charconv>
#include <system_error>
#include <vector>

namespace ds01::mounts {
namespace {

// As of the kernel: 0 to 2^32-2; runc takes 31 bits.
constexpr std::uint32_t kLargestId = 0x7fffffff;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || value > kLargestId) {
    return std::nullopt;
  }
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

struct Spec {
  std::string_view user;
  std::string_view group;
};

Spec parse(std::string_view spec) {
  const std::size_t colon = spec.find(':');
  if (colon == std::string_view::npos) return {spec, {}};
  return {spec.substr(0, colon), spec.substr(colon + 1)};
}

}  // namespace

std::optional<ViewIds> idsOfPlainUser(std::string_view text) {
  const Spec spec = parse(text);
  const bool root = spec.user.empty() || spec.user == "root" || spec.user == "0";
  const bool root_group = spec.group.empty() || spec.group == "root" || spec.group == "0";
  if (root && root_group) return ViewIds{};
  const auto uid = number(spec.user);
  const auto gid = number(spec.group);
  if (!uid || !gid) return std::nullopt;
  return ViewIds{*uid, *gid};
}

std::optional<ViewIds> idsOfUser(std::string_view text, std::string_view passwd, std::string_view group) {
  const Spec spec = parse(text);
  const std::string_view wanted = spec.user.empty() ? "0" : spec.user;
  ViewIds ids;
  bool found = false;
  for (const std::string_view line : split(passwd, '\n')) {
    const auto fields = split(line, ':');  // NAME:PASSWORD:UID:GID:…
    if (fields.size() < 4 || (fields[0] != wanted && fields[2] != wanted)) continue;
    const auto uid = number(fields[2]);
    const auto gid = number(fields[3]);
    if (!uid || !gid) continue;
    ids = {*uid, *gid};
    found = true;
    break;
  }
  if (!found) {
    const auto uid = number(wanted);
    if (!uid && wanted != "root") return std::nullopt;
    ids.uid = uid.value_or(0);
  }
  if (spec.group.empty()) return ids;
  for (const std::string_view line : split(group, '\n')) {
    const auto fields = split(line, ':');  // NAME:PASSWORD:GID:…
    if (fields.size() < 3 || (fields[0] != spec.group && fields[2] != spec.group)) continue;
    if (const auto gid = number(fields[2])) {
      ids.gid = *gid;
      return ids;
    }
  }
  const auto gid = number(spec.group);
  if (!gid && spec.group != "root") return std::nullopt;
  ids.gid = gid.value_or(0);
  return ids;
}

}  // namespace ds01::mounts
