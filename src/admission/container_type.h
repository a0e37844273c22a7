// What kind of client made a container, in one place; lifetimes go by it (container_types.TYPE in
// resource-limits.yaml).
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

namespace ds01::admission {

// "devcontainer", "compose", "jupyter", "docker", "api" or "unknown", the first that matches. Goes by what the request
// says (`labels`, the name asked for, the User-Agent), not by the labels of its image: an image that somebody built
// from a running dev container is no dev container. A label that is empty counts as absent.
std::string_view containerType(const boost::json::object& labels, std::string_view name, std::string_view user_agent);

}  // namespace ds01::admission
