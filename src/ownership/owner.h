// Whose container it is. The label ds01.user alone proves nothing: an image carries labels too, so a container started
// outside our path from an image with LABEL ds01.user=alice would be alice's. HostConfig.CgroupParent is set by who
// creates the container and by no image; through the gateway that is only us. So the label counts if the container was
// put into a slice of that login, and all other ds01 labels count only then.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "model/engine.h"
#include "ownership/record.h"

namespace ds01::ownership {

// Whether HostConfig.CgroupParent is a slice of this login. Never asked with an empty argument.
using SliceCheck = std::function<bool(std::string_view cgroup_parent, std::string_view login)>;

std::optional<std::string> ownerOf(const ContainerView& container, const SliceCheck& slice_belongs_to);

// `owner` is what ownerOf() said.
Record recordOf(const ContainerView& container, std::optional<std::string> owner);

}  // namespace ds01::ownership
