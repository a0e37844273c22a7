#include "gateway/build_query.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::gateway {

namespace {

// As the Engine checks names of networks: [a-zA-Z0-9][a-zA-Z0-9_.-]*.
bool isPlainName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, plain) && name.find_first_of("_.-") != 0;
}

bool given(const Target& target, std::string_view key) {
  const std::string* value = target.get(key);
  return value != nullptr && !value->empty();
}

}  // namespace

std::optional<Denial> checkBuildQuery(const Target& target) {
  const std::string* mode = target.get("networkmode");
  if (mode != nullptr && !mode->empty() && (*mode == "host" || !isPlainName(*mode))) {
    return Denial{
        403, "build_network",
        fmt::format("a build may not use the network \"{}\"; leave --network away, or name a network of yours", *mode)};
  }
  if (given(target, "securityopt")) {
    return Denial{403, "build_security_opt", "security options are not open to builds here; leave --security-opt away"};
  }
  if (given(target, "cgroupparent")) {
    return Denial{403, "build_cgroup_parent",
                  "the cgroup of a build is set by this server; leave --cgroup-parent away"};
  }
  // BuildKit's clients name their own session here; anything else is an address that the Engine would open.
  const std::string* remote = target.get("remote");
  if (remote != nullptr && !remote->empty() && *remote != "client-session") {
    return Denial{403, "build_remote",
                  "the Engine may not fetch a build context by itself; clone or download it and build from the folder"};
  }
  return std::nullopt;
}

}  // namespace ds01::gateway
