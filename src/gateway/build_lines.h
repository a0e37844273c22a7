// What a client of Docker's own reads while BuildKit builds for it: JSON documents, as the Engine writes them
// (moby's pkg/streamformatter). Pure.
#pragma once

#include <string>
#include <string_view>

namespace ds01::gateway {

// A StatusResponse of BuildKit's, as it came.
std::string traceLine(std::string_view message);
std::string imageLine(std::string_view id);
// In place of both, where only the id was asked for.
std::string quietLine(std::string_view id);
// Bytes that are no UTF-8 are replaced.
std::string errorLine(std::string_view text);

}  // namespace ds01::gateway
