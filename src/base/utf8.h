// Text from outside (names, arguments) made fit for JSON.
#pragma once

#include <string>
#include <string_view>

namespace ds01 {

// The same text with each invalid byte sequence replaced by U+FFFD, as RFC 3629 has it: overlong forms, surrogates and
// values above U+10FFFF are invalid. Never touches ASCII, so it may be used on whole JSON documents.
std::string replaceInvalidUtf8(std::string_view text);

}  // namespace ds01
