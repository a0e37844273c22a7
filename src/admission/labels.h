// The labels that DS01 sets, in one place.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

namespace ds01::admission {

inline constexpr std::string_view kRequestProfile = "ds01.request.profile";

// Reserved keys are ds01.* but for ds01.request.*, and aime.mlc*: readers act on them, so only DS01 may say them. Those
// that an image brings are set to "", or the container would inherit a lease or an exemption from clean-up.

// Removes the reserved ones.
void removeReservedLabels(boost::json::object& labels);

}  // namespace ds01::admission
