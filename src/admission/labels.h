// The labels that DS01 sets, in one place.
#pragma once

#include <array>
#include <string_view>

#include <boost/json/object.hpp>

namespace ds01::admission {

inline constexpr std::string_view kRequestProfile = "ds01.request.profile";

// A container inherits its image's labels unless it sets the same keys. These are set to "" where they do not apply,
// because readers act on them: no image may name a lease, or exempt its containers from clean-up.
inline constexpr std::array<std::string_view, 11> kNeutralised{
    "ds01.lease",         "ds01.gpu.uuid",         "ds01.gpu.uuids", "ds01.gpu.slots",
    "ds01.gpu.allocated", "ds01.gpu.allocated_at", "ds01.gpu_slot",  "ds01.gpu_ephemeral",
    "ds01.interface",     "ds01.protected",        "ds01.monitoring"};

// Removes what only DS01 may say: ds01.* but for ds01.request.*, and aime.mlc*.
void removeReservedLabels(boost::json::object& labels);

}  // namespace ds01::admission
