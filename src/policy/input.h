// The document that a policy decides on. Its form is documented in docs/admin/policy.md and has a version: a member may
// be added to a version, none is removed or changed.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "policy/question.h"

namespace ds01::policy {

inline constexpr int kInputVersion = 1;

// {"input":{"version":1,…}}. What may be a secret is left out, because policies and their logs are read by more people
// than root: values of environment variables, build arguments and registry or driver options; headers and streamed
// bodies are not in it at all. Takes time in proportion to the body. InvalidArgument: `question.body` is not JSON of
// objects and lists up to kDeepestBody deep, so nobody may be asked as if there were none.
inline constexpr std::size_t kDeepestBody = 128;  // more than any that the gateway sends
Result<std::string> encodeInput(const Question& question);

}  // namespace ds01::policy
