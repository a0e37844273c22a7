// The part of the rule for bind mounts that needs no look at the file system: a source must stand below a root.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ds01::mounts {

// Below what binds are allowed.
struct Roots {
  bool home = true;                           // the user's own
  std::vector<std::string> directories = {};  // of the site, shared by many; normalised, never "/"
};

// `path` without empty and "." components and without a slash at the end. InvalidArgument: not absolute, or with a NUL.
// PermissionDenied: it has a ".." component, which does not mean what it says where there are links.
Result<std::string> normalise(std::string_view path);

// Whether `path` is `top` or below it; both normalised. Nothing is below "/" here: a home that is the root of the file
// system gives access to nothing.
bool isWithin(std::string_view top, std::string_view path);

// The normalised source. PermissionDenied, with a sentence for the user, unless it is one of the roots or below.
Result<std::string> lexicalBind(const Roots& roots, std::string_view home, std::string_view source);

// The same refusal for whoever has looked at the file system: it says nothing about what is there.
Error notBelowRoot(std::string_view source, const Roots& roots, std::string_view home);

}  // namespace ds01::mounts
