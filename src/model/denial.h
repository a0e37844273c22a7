// A refusal that a user reads. Not an Error: nothing went wrong, the answer is no.
#pragma once

#include <string>

namespace ds01 {

struct Denial {
  int http_status = 403;  // 403 not allowed, 409 over quota or no GPU, 400 malformed, 503 a needed part is away
  std::string reason;     // stable, for events and metrics: "privileged", "gpu_quota", …
  std::string text;       // one sentence or two, without the "ds01: " in front and the decision behind
};

}  // namespace ds01
