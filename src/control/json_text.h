// Writes JSON as people like to read it: 0.285714 and not 2.85714E-1, and safe to print. Code points that steer a
// terminal are written as \uXXXX and bytes that are not UTF-8 as U+FFFD, so the output is always valid JSON.
#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace ds01::control {

// `indent` spaces a level, each member on a line of its own; 0: all on one line. No newline at the end.
std::string jsonText(const boost::json::value& value, int indent = 0);

}  // namespace ds01::control
