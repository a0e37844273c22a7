// MD5, for a suffix that must come out as it always has; not for anything that needs a secure hash.
#pragma once

#include <string>
#include <string_view>

namespace ds01::slices {

// 32 lower-case hex digits (RFC 1321).
std::string md5Hex(std::string_view bytes);

}  // namespace ds01::slices
