// Unix groups by name, through NSS. Blocks: at start and on reload only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ds01::identity::posix {

// getgrnam_r(3). Unset: no such group, or the database did not say.
std::optional<std::uint32_t> groupId(const std::string& name);

}  // namespace ds01::identity::posix
