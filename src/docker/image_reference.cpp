#include "docker/image_reference.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace ds01::docker {
namespace {

constexpr std::size_t kMaxName = 255;  // registry and path
constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kSha256 = "sha256:";
constexpr std::string_view kHub = "docker.io";

bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
bool isLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool isUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool isLowerOrDigit(char c) {
  return isLower(c) || isDigit(c);
}
bool isAlphanumeric(char c) {
  return isLowerOrDigit(c) || isUpper(c);
}
bool isHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return isDigit(c) || (c >= 'a' && c <= 'f'); });
}

std::unexpected<Error> malformed(std::string_view text, std::string_view why) {
  return fail(ErrorCode::InvalidArgument, fmt::format("{:?} is not a valid repository/tag: {}", text, why));
}

// Between letters and digits: one dot, one or two underscores, any number of dashes.
bool isSeparator(std::string_view text) {
  if (text == "." || text == "_" || text == "__") return true;
  return !text.empty() && text.find_first_not_of('-') == std::string_view::npos;
}

bool isPathComponent(std::string_view text) {
  if (text.empty() || !isLowerOrDigit(text.front()) || !isLowerOrDigit(text.back())) return false;
  while (!text.empty()) {
    const auto* const plain = std::ranges::find_if_not(text, isLowerOrDigit);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) return true;
    const auto* const next = std::ranges::find_if(text, isLowerOrDigit);
    const auto length = static_cast<std::size_t>(next - text.begin());
    if (!isSeparator(text.substr(0, length))) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool isPath(std::string_view text) {
  for (;;) {
    const std::size_t slash = text.find('/');
    if (!isPathComponent(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool isDomainComponent(std::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return isAlphanumeric(c) || c == '-'; });
}

// HOST[:PORT].
bool isDomain(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || !std::ranges::all_of(port, isDigit)) return false;
  }
  std::string_view host = text.substr(0, colon);
  for (;;) {
    const std::size_t dot = host.find('.');
    if (!isDomainComponent(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

bool isTag(std::string_view text) {
  const auto word = [](char c) { return isAlphanumeric(c) || c == '_'; };
  const auto inner = [word](char c) { return word(c) || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kMaxTag && word(text.front()) && std::ranges::all_of(text, inner);
}

// The registry in front, if there is one.
std::optional<std::string_view> registryOf(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view first = name.substr(0, slash);
  const bool is_registry = first.find_first_of(".:") != std::string_view::npos || first == "localhost";
  return is_registry ? std::optional(first) : std::nullopt;
}

}  // namespace

bool isImageId(std::string_view text) {
  return text.size() == kSha256.size() + kDigestDigits && text.starts_with(kSha256) &&
         isHex(text.substr(kSha256.size()));
}

Result<ImageReference> parseImageReference(std::string_view text) {
  ImageReference out;
  std::string_view rest = text;
  if (rest.size() == kDigestDigits && isHex(rest)) return malformed(text, "it cannot be 64 hexadecimal digits");
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    if (!isImageId(rest.substr(at + 1))) return malformed(text, "invalid digest, use sha256:<64 hexadecimal digits>");
    out.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
  }
  std::string_view domain = registryOf(rest).value_or(std::string_view());
  std::string_view path = domain.empty() ? rest : rest.substr(domain.size() + 1);
  if (const std::size_t colon = path.find(':'); colon != std::string_view::npos) {
    if (!isTag(path.substr(colon + 1))) return malformed(text, "invalid reference format");
    out.tag = path.substr(colon + 1);
    path = path.substr(0, colon);
  }
  if (std::ranges::any_of(path, isUpper)) return malformed(text, "repository name must be lowercase");
  if (!isPath(path) || (!domain.empty() && !isDomain(domain))) return malformed(text, "invalid reference format");
  if (domain.empty() || domain == "index.docker.io") domain = kHub;
  const bool official = domain == kHub && path.find('/') == std::string_view::npos;
  out.repository = fmt::format("{}/{}{}", domain, official ? "library/" : "", path);
  if (out.repository.size() > kMaxName) return malformed(text, "repository name must not be more than 255 characters");
  return out;
}

Result<ImageReference> parseImageReference(std::string_view name, std::string_view tag) {
  Result<ImageReference> out = parseImageReference(name);
  if (!out || tag.empty()) return out;
  out->tag.clear();
  out->digest.clear();
  if (tag.find(':') != std::string_view::npos) {
    if (!isImageId(tag)) return malformed(tag, "invalid digest, use sha256:<64 hexadecimal digits>");
    out->digest = tag;
  } else {
    if (!isTag(tag)) return malformed(tag, "invalid tag format");
    out->tag = tag;
  }
  return out;
}

}  // namespace ds01::docker
