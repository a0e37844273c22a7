// What must not reach a terminal as it is.
#pragma once

namespace ds01::control {

// Code points that steer a terminal or turn the reading direction, so that text shows other than it is: C0, DEL, C1,
// line and paragraph separators, bidirectional marks, embeddings, overrides and isolates, the byte order mark.
bool steersTerminal(char32_t code_point);

}  // namespace ds01::control
