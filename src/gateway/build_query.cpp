#include "gateway/build_query.h"

#include <algorithm>

#include <fmt/format.h>

#include "admission/endpoints.h"

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

// The Engine finds networks by id as well, also the host's.
bool mayBeId(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool given(const Target& target, std::string_view key) {
  const std::string* value = target.get(key);
  return value != nullptr && !value->empty();
}

}  // namespace

std::optional<Denial> checkBuildQuery(const Target& target, std::string_view default_runtime) {
  // The classic builder's steps run under the default runtime, and NVIDIA's gives GPUs to whoever sets a variable in a
  // Dockerfile. BuildKit (version=2) has a runtime of its own.
  const std::string* version = target.get("version");
  const bool buildkit = version != nullptr && *version == "2";
  if (!buildkit && default_runtime != "runc") {
    return Denial{
        403, "build_runtime",
        fmt::format("the classic builder is closed here, because its steps would run under the runtime \"{}\"; "
                    "build with BuildKit: DOCKER_BUILDKIT=1 docker build",
                    default_runtime)};
  }
  const std::string* mode = target.get("networkmode");
  if (mode != nullptr && !mode->empty() && (*mode == "host" || !isPlainName(*mode) || mayBeId(*mode))) {
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
  if (given(target, "ulimits")) {
    if (std::optional<Denial> denial = admission::examineBuildUlimits(*target.get("ulimits"))) return denial;
  }
  // BuildKit's clients name their own session here; anything else is an address that the Engine would open.
  const std::string* remote = target.get("remote");
  if (remote != nullptr && !remote->empty() && *remote != "client-session") {
    return Denial{403, "build_remote",
                  "the Engine may not fetch a build context by itself; clone or download it and build from the folder"};
  }
  return std::nullopt;
}

std::optional<Denial> checkImageCreateQuery(const Target& target) {
  const std::string* source = target.get("fromSrc");
  if (source == nullptr || source->empty() || *source == "-") return std::nullopt;
  return Denial{
      403, "import_url",
      "the Engine may not fetch an archive by itself, because it would do so as root of this server; download it "
      "and give it to docker import"};
}

}  // namespace ds01::gateway
