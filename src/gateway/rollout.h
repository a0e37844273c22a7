// Which refusals a site may let pass while it rolls the rules out. What is not named here is refused in every mode:
// what is malformed, who is not known, what cannot be had, and names that somebody else has.
#pragma once

#include <optional>

#include "model/denial.h"
#include "model/rollout.h"

namespace ds01::gateway {

// The class of rules that refused; unset: no rule that can be let pass.
std::optional<RuleClass> classOf(const Denial& denial);

}  // namespace ds01::gateway
