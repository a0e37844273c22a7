// What a policy said.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::policy {

enum class Verdict {
  Allow,
  Deny,
  None,  // it has no opinion: the built-in rules decide alone
};

struct Answer {
  Verdict verdict = Verdict::Deny;
  std::string reason;    // for the user, a sentence without a full stop; empty: none was given
  std::string decision;  // the policy server's own id of this decision, for its log; empty: it gave none
};

// The body of a 200 of OPA's POST /v1/data/PATH: {"decision_id":"…","result":{"verdict":"allow|deny|none",
// "reason":"…"}}; `result` may be true or false instead. Malformed: anything else; above all an answer without result,
// which is what OPA says when it has no such policy.
Result<Answer> decodeAnswer(std::string_view body);

}  // namespace ds01::policy
