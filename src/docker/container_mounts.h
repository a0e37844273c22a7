// What an inspect answer says is mounted in a container.
#pragma once

#include <vector>

#include <boost/json/object.hpp>

#include "model/engine.h"

namespace ds01::docker {

// Of GET /containers/ID/json. What is no object in the list is left out, since the Engine writes none.
std::vector<MountView> mountsOf(const boost::json::object& container);

}  // namespace ds01::docker
