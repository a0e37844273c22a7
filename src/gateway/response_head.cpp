#include "gateway/response_head.h"

#include <algorithm>

namespace ds01::gateway {

const std::string* ResponseHead::find(std::string_view name) const {
  const auto it = std::ranges::find_if(fields, [&](const HeaderField& f) { return equalsFolded(f.name, name); });
  return it == fields.end() ? nullptr : &it->value;
}

}  // namespace ds01::gateway
