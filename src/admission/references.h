// How a create request names other containers and networks; shared by references() and the pass that resolves them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace ds01::admission {

inline constexpr std::string_view kContainerMode = "container:";
inline constexpr std::array<std::string_view, 3> kJoiningModes{"NetworkMode", "IpcMode", "PidMode"};

// Whether the Engine could take the name of a network for an id, or the beginning of one: hexadecimal digits only.
bool mayBeNetworkId(std::string_view network);

struct Link {
  std::string container;
  std::string alias;
};

// "REF" or "REF:ALIAS" as docker's opts.ParseLink reads it: without an alias it is REF, without slashes in front. Unset
// if there are more parts, or an empty one.
std::optional<Link> parseLink(std::string_view text);

}  // namespace ds01::admission
