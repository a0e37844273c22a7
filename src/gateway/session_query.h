// The query of POST /build?version=2, by which a client of Docker's own (docker build, 20.10) asks for a build with
// BuildKit, in BuildKit's own words: as the Engine would put it (moby's builder/builder-next, 20.10 to 28). Pure.
#pragma once

#include <expected>

#include "buildkit/control.h"
#include "gateway/target.h"
#include "model/denial.h"

namespace ds01::gateway {

struct SessionQuery {
  buildkit::SolveRequest request;  // without a ref
  bool quiet = false;              // the id of the image alone is to be told
  bool image = false;              // there will be one
};

// A Denial (400, 403): what this server does not know or cannot put in these words. What is not open to users is for
// examineSolveRequest() to find, but for host-gateway, upload-request and the like, which have no words here.
std::expected<SessionQuery, Denial> readSessionQuery(const Target& target);

}  // namespace ds01::gateway
