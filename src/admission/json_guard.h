// Reads JSON so that it cannot mean one thing to us and another to dockerd's Go decoder, which folds case when it
// matches struct fields (also U+017F ſ for s and U+212A K for k), lets the last of several equal keys win and ignores
// unknown ones.
//
// Keys of structs: duplicates and spellings that only differ by Go's folding are refused; in maps (Labels, Volumes, …)
// only exact duplicates are. Known = every field that any published API version describes
// (data/docker-api/body-fields.tsv, corrected by body-fields-extra.tsv). A field newer than the Engine is dropped when
// it is null, 0, false, "", [] or {} and refused when set; a field nobody published is refused for non-admins. Null,
// absent, [] and 0 stay distinct; integers keep 64 bits.
#pragma once

#include <expected>
#include <string_view>

#include <boost/json/object.hpp>

#include "model/denial.h"
#include "model/engine.h"

namespace ds01::admission {

struct GuardOptions {
  bool admin = false;  // unpublished fields pass
  ApiVersion engine;   // the newest version the Engine speaks
};

// `method` and `path` name the endpoint as in the data: "POST", "/containers/create", "/containers/{}/exec".
// An endpoint without published body is refused. Empty bytes count as {}, and so does a bare null (what docker
// CLI 20.10 sends to /commit, and to Go the same). Every Denial is a 400 that names the key and, for syntax errors, the
// byte offset.
std::expected<boost::json::object, Denial> guardBody(std::string_view method, std::string_view path,
                                                     std::string_view bytes, const GuardOptions& options);

}  // namespace ds01::admission
