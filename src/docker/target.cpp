#include "docker/target.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace ds01::docker {

namespace json = boost::json;

namespace {

std::string percentEncode(std::string_view text, std::string_view also_plain) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos || also_plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

bool isDotSegment(std::string_view segment) {
  return segment == "." || segment == "..";
}

Status checkRef(std::string_view ref) {
  bool ok = !ref.empty() && !isDotSegment(ref) && ref.find_first_of("?#") == std::string_view::npos;
  for (const char c : ref) ok = ok && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  if (ok) return {};
  return fail(ErrorCode::InvalidArgument, "not a name, an id or an image reference of Docker's");
}

Result<std::string> segmentTarget(std::string_view collection, std::string_view ref, std::string_view end) {
  if (const Status ok = checkRef(ref); !ok) return fail(ok.error());
  // The Engine's router would decode it, and send whoever asks elsewhere.
  if (ref.find('/') != std::string_view::npos)
    return fail(ErrorCode::InvalidArgument, "not a name or an id of Docker's");
  return fmt::format("/{}/{}{}", collection, percentEncode(ref, ""), end);
}

}  // namespace

Result<std::string> containerTarget(std::string_view ref) {
  if (ref.starts_with('/')) ref.remove_prefix(1);
  return segmentTarget("containers", ref, "/json");
}

Result<std::string> containerActionTarget(std::string_view ref, std::string_view what) {
  return segmentTarget("containers", ref, fmt::format("/{}", what));
}

Result<std::string> archiveTarget(std::string_view ref, std::string_view path) {
  return segmentTarget("containers", ref, "/archive?path=" + percentEncode(path, ""));
}

Result<std::string> execTarget(std::string_view id) {
  return segmentTarget("exec", id, "/json");
}

Result<std::string> networkTarget(std::string_view ref) {
  return segmentTarget("networks", ref, "");
}

Result<std::string> volumeTarget(std::string_view name) {
  return segmentTarget("volumes", name, "");
}

Result<std::string> imageTarget(std::string_view ref) {
  if (const Status ok = checkRef(ref); !ok) return fail(ok.error());
  const std::string framed = fmt::format("/{}/", ref);
  for (const char* const bad : {"//", "/./", "/../"}) {
    if (framed.find(bad) == std::string::npos) continue;
    return fail(ErrorCode::InvalidArgument, "not an image reference: it has an empty or a dot part");
  }
  return fmt::format("/images/{}/json", percentEncode(ref, "/:@"));
}

std::string listTarget(std::string_view label) {
  if (label.empty()) return "/containers/json?all=1";
  const json::object filters{{"label", json::array{json::string(label)}}};
  return fmt::format("/containers/json?all=1&filters={}", percentEncode(json::serialize(filters), ""));
}

std::string listRunningTarget() {
  return "/containers/json";
}

std::string imagesTarget() {
  return "/images/json?all=1";
}

std::string eventsTarget() {
  return fmt::format("/events?filters={}", percentEncode(R"({"type":["container"]})", ""));
}

}  // namespace ds01::docker
