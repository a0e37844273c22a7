// A refusal that a user reads. Not an Error: nothing went wrong, the answer is no.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/rollout.h"

namespace ds01 {

// A name and what it was, for people: {"limit", "2 GPUs"}.
using Facts = std::vector<std::pair<std::string, std::string>>;

struct Denial {
  int http_status = 403;  // 403 not allowed, 409 over quota or no GPU, 400 malformed, 503 a needed part is away
  std::string reason;     // stable, for events and metrics: "privileged", "gpu_quota", …
  std::string text;       // one sentence or two, without the "ds01: " in front and the decision behind

  // For `ds01 explain`; may be empty. They are kept in the log of events and shown to the user who was refused, so
  // nothing of others belongs here.
  std::string part = {};                // which part decided: "quota", "admission: binds", …
  Facts facts = {};                     // named inputs and numbers that decided, in reading order
  std::string remedy = {};              // the smallest change that would work, a sentence
  std::optional<RuleClass> rules = {};  // the class of rules that refused, where the part says so itself
};

}  // namespace ds01
