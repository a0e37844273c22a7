// How a create request names other containers and networks; shared by references() and the pass that resolves them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "model/denial.h"

namespace ds01::admission {

inline constexpr std::string_view kContainerMode = "container:";
inline constexpr std::string_view kIpcMode = "IpcMode";
inline constexpr std::array<std::string_view, 3> kJoiningModes{"NetworkMode", kIpcMode, "PidMode"};

// Networks that every Engine has, so that they are nobody's: by these names it finds no others.
bool isPredefinedNetwork(std::string_view network);

// The names of volumes, each once, in HostConfig.Binds and HostConfig.Mounts.
std::vector<std::string> namedVolumes(const boost::json::object& host);

// Whether the Engine could take the name of a network for an id, or the beginning of one: hexadecimal digits only.
bool mayBeNetworkId(std::string_view network);

// For all that is not the caller's, the Engine's own words: it must look like what is missing.
Denial noSuchContainer(std::string_view ref);

struct Link {
  std::string container;
  std::string alias;
};

// "REF" or "REF:ALIAS" as docker's opts.ParseLink reads it: without an alias it is REF, without slashes in front. Unset
// if there are more parts, or an empty one.
std::optional<Link> parseLink(std::string_view text);

}  // namespace ds01::admission
