// The part of the rule for bind mounts that needs no look at the file system: a source must stand below the home.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::mounts {

// `path` without empty and "." components and without a slash at the end. InvalidArgument: not absolute, or with a NUL.
// PermissionDenied: it has a ".." component, which does not mean what it says where there are links.
Result<std::string> normalise(std::string_view path);

// Whether `path` is `top` or below it; both normalised. Nothing is below "/" here: a home that is the root of the file
// system gives access to nothing.
bool isWithin(std::string_view top, std::string_view path);

// The normalised source. PermissionDenied, with a sentence for the user, unless it is `home` or below.
Result<std::string> lexicalBind(std::string_view home, std::string_view source);

// The same refusal for whoever has looked at the file system: it says nothing about what is there.
Error notBelowHome(std::string_view source, std::string_view home);

}  // namespace ds01::mounts
