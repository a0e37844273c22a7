// The `filters` query parameter of the Engine's API: {"label": {"a=b": true}} or, from old clients, {"label": ["a=b"]}.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/denial.h"

namespace ds01::gateway {

using Filters = std::map<std::string, std::vector<std::string>>;

// Empty text means no filters. A Denial is a 400.
std::expected<Filters, Denial> parseFilters(std::string_view text);
std::string serialise(const Filters& filters);

}  // namespace ds01::gateway
