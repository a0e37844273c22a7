#include "events/event.h"

#include <cstddef>
#include <string_view>

#include <boost/json/serialize.hpp>

#include "base/time_text.h"
#include "base/utf8.h"
#include "events/details.h"

namespace ds01::events {
namespace {

constexpr std::size_t kLongestLine = 4000;
// Of type and user, in bytes. Even if JSON makes six of each byte (\u0001), a line without details stays below
// kLongestLine.
constexpr std::size_t kLongestName = 256;

std::string shortened(std::string_view text) {
  if (text.size() <= kLongestName) return std::string(text);
  std::size_t size = kLongestName;
  // Not in the middle of a character, which has at most four bytes.
  while (size > kLongestName - 3 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  return std::string(text.substr(0, size));
}

std::string line(const Event& event, const boost::json::object& details) {
  boost::json::object out;
  out["timestamp"] = toRfc3339(event.at);
  out["event_type"] = shortened(event.type);
  out["schema_version"] = "1";
  if (!event.user.empty()) out["user"] = shortened(event.user);
  if (!details.empty()) out["details"] = details;
  return replaceInvalidUtf8(boost::json::serialize(out));
}

}  // namespace

std::string encode(const Event& event) {
  std::string text = line(event, event.details);
  if (text.size() <= kLongestLine) return text;
  // A decision must stay readable: facts go first, then the ends of long texts.
  if (event.details.contains("decision")) {
    boost::json::object shorter = event.details;
    const std::size_t around = line(event, {}).size() + sizeof R"(,"details":)";
    if (shrink(shorter, kLongestLine - around)) {
      std::string fitting = line(event, shorter);
      if (fitting.size() <= kLongestLine) return fitting;
    }
  }
  boost::json::object instead;
  if (!event.details.empty()) instead = {{"truncated", true}, {"original_size", text.size()}};
  return line(event, instead);
}

}  // namespace ds01::events
