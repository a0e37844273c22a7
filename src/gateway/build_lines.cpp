#include "gateway/build_lines.h"

#include <cstdint>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/utf8.h"

namespace ds01::gateway {

namespace json = boost::json;

namespace {

// RFC 4648, with padding.
void appendBase64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8U | (i < group.size() ? static_cast<std::uint8_t>(group[i]) : 0U);
    for (unsigned digit = 0; digit < 4; ++digit) {
      out += digit <= group.size() ? kDigits[bits >> (18U - 6U * digit) & 0x3FU] : '=';
    }
  }
}

}  // namespace

std::string traceLine(std::string_view message) {
  std::string out = R"({"id":"moby.buildkit.trace","aux":")";
  out.reserve(out.size() + (message.size() + 2) / 3 * 4 + 2);
  appendBase64(out, message);
  out += R"("})";
  return out;
}

std::string imageLine(std::string_view id) {
  return json::serialize(json::object{{"id", "moby.image.id"}, {"aux", {{"ID", id}}}});
}

std::string quietLine(std::string_view id) {
  return json::serialize(json::object{{"stream", std::string(id) + "\n"}});
}

std::string errorLine(std::string_view text) {
  const std::string valid = replaceInvalidUtf8(text);
  return json::serialize(json::object{{"errorDetail", {{"message", valid}}}, {"error", valid}});
}

}  // namespace ds01::gateway
