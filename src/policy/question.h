// What a site's policy is asked about one request, as values. Only what has been decided on goes in: the request as it
// will be forwarded, not as it came.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "model/user.h"

namespace ds01::policy {

// By what is at stake if the policy cannot be asked.
enum class RequestClass {
  Look,    // reads and does nothing else
  Change,  // everything else
  Make,    // makes, starts or executes something
};
std::string_view toString(RequestClass what);

// What the request is about, once it has been resolved.
struct Target {
  std::string kind;                  // "container", "network", "volume", "image"
  std::string id;                    // full id; for a volume its name, for an image its reference
  std::string name;                  // without the leading slash; may be empty
  std::optional<std::string> owner;  // login; unset: the administrators' or, for an image, nobody's
  std::string made_by = {};          // login of the service user that made it for its owner; empty: nobody did
};

// What the allocator has decided; absent where no GPU was asked for.
struct Gpu {
  LeaseId lease;
  std::vector<std::string> slots;  // "0", "0:1"
  std::vector<std::string> uuids;
};

struct Question {
  RequestClass what = RequestClass::Change;
  DecisionId decision;
  Caller caller;
  std::string limits_group;  // empty: unknown
  std::string method;
  std::string path;     // canonical, decoded, without the API version
  std::string api;      // "1.41"; empty: the client did not say
  std::string pattern;  // the route's, "/containers/{}/start"; empty: none matched, which only admins get this far with
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::optional<std::string> body;  // JSON as the Engine will get it; unset: none, or one that streams
  std::optional<Target> target;
  std::optional<Gpu> gpu;
};

}  // namespace ds01::policy
