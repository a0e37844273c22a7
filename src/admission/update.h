// The body of POST /containers/{}/update by a user: limits within theirs, and the restart policy. Pure.
//
// Other than at a create, what is absent, null or 0 stays as it is, so nothing is filled in; but what depends on a
// field that is set comes along: swap with memory, a period with a quota.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "model/denial.h"
#include "model/engine.h"
#include "model/limits.h"

namespace ds01::admission {

struct ExaminedUpdate {
  boost::json::object body;
  std::vector<std::string> warnings;  // for the response's "Warnings"
};

// `limits`: those of the container's owner.
std::expected<ExaminedUpdate, Denial> examineUpdate(boost::json::object body, const Limits& limits,
                                                    const EngineFacts& engine);

}  // namespace ds01::admission
