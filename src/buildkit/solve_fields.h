// Fields of a SolveRequest that are only ever copied, or written by us for a client that does not speak BuildKit's API:
// they go into SolveRequest::rest.
#pragma once

#include <string>
#include <string_view>

namespace ds01::buildkit {

// The session by which the client serves its files.
std::string sessionField(std::string_view session);

// The image is to say what it was made of, so that later builds can begin from it.
std::string inlineCacheField();

}  // namespace ds01::buildkit
