// The labels that DS01 sets, in one place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "model/denial.h"
#include "model/user.h"

namespace ds01::admission {

inline constexpr std::string_view kRequestProfile = "ds01.request.profile";

// Reserved keys are ds01.* but for ds01.request.*, and aime.mlc*: readers act on them, so only DS01 may say them. Those
// that an image brings are set to "", or the container would inherit a lease or an exemption from clean-up.

// What says whose a volume or a network is: set when it is made, by us alone, and by nobody later.
std::map<std::string, std::string> ownerLabels(const User& owner);

// 400 if they have more bytes together than is kept of them: each event of a container repeats all of its labels to all
// who follow, and whoever looks at a volume or a network is read all of its.
std::optional<Denial> checkLabelSize(const boost::json::object& labels);

// Removes the reserved ones.
void removeReservedLabels(boost::json::object& labels);

}  // namespace ds01::admission
