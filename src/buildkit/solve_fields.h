// Fields of a SolveRequest that are only ever copied, or written by us for a client that does not speak BuildKit's API:
// they go into SolveRequest::rest.
#pragma once

#include <string>
#include <string_view>

namespace ds01::buildkit {

// The session by which the client serves its files.
std::string sessionField(std::string_view session);

}  // namespace ds01::buildkit
