#include "cdi/file/vendor.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "cdi/spec.h"
#include "config/yaml/document.h"

namespace ds01::cdi {
namespace {

namespace json = boost::json;

constexpr std::string_view kVendorKind = "nvidia.com/gpu";
constexpr std::size_t kMostFiles = 64;

std::unexpected<Error> malformed(const config::Node& node, std::string_view what) {
  return fail(ErrorCode::Malformed, fmt::format("line {}: {}", node.at.line, what));
}

Result<json::value> scalarToJson(const config::Node& node) {
  const std::string& text = node.text;
  if (node.quoted) return json::value(text);
  if (text == "true" || text == "True" || text == "TRUE") return json::value(true);
  if (text == "false" || text == "False" || text == "FALSE") return json::value(false);
  if (text == "null" || text == "~" || text.empty()) return json::value(nullptr);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  const bool octal = text.size() > 1 && text.front() == '0';
  if (whole && !octal) return json::value(number);
  const bool like_number =
      text.find_first_not_of("+-.0123456789") == std::string::npos || text.starts_with("0x") || text.starts_with("0o");
  // A version such as 0.5.0 has two points and is no number; 0.5 is one.
  if (like_number && std::ranges::count(text, '.') < 2) {
    return malformed(node, fmt::format("{} is a number in a form that is not understood", text));
  }
  return json::value(text);
}

Result<json::value> toJson(const config::Node& node);

Result<json::value> mapToJson(const config::Node& node) {
  json::object object;
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const config::Node& key = node.items[i];
    if (key.kind != config::Node::Kind::Scalar) return malformed(key, "a key that is no text");
    Result<json::value> value = toJson(node.items[i + 1]);
    if (!value) return value;
    if (!object.emplace(key.text, std::move(*value)).second) {
      return malformed(key, fmt::format("the key {} stands twice", key.text));
    }
  }
  return json::value(std::move(object));
}

Result<json::value> toJson(const config::Node& node) {
  switch (node.kind) {
    case config::Node::Kind::Null:
      return json::value(nullptr);
    case config::Node::Kind::Scalar:
      return scalarToJson(node);
    case config::Node::Kind::Map:
      return mapToJson(node);
    case config::Node::Kind::Sequence:
      break;
  }
  json::array array;
  for (const config::Node& item : node.items) {
    Result<json::value> value = toJson(item);
    if (!value) return value;
    array.push_back(std::move(*value));
  }
  return json::value(std::move(array));
}

Result<json::object> readDescription(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail(Error::fromErrno(errno, "cannot be read"));
  if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::PermissionDenied, "others than root may change it");
  }
  const Result<std::optional<std::string>> text = config::yaml::readFile(path);
  if (!text) return fail(text.error());
  if (!*text) return fail(ErrorCode::NotFound, "is gone");
  Result<json::value> value = yamlToJson(**text, path.native());
  if (!value) return fail(value.error());
  if (!value->is_object()) return fail(ErrorCode::Malformed, "is no map");
  return std::move(value->get_object());
}

std::vector<std::filesystem::path> candidatesIn(const std::string& directory) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator files(directory, error);
       !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    const std::string name = files->path().filename();
    if ((name.ends_with(".yaml") || name.ends_with(".json")) && !leaseOf(name)) paths.push_back(files->path());
  }
  std::ranges::sort(paths);
  if (paths.size() > kMostFiles) paths.resize(kMostFiles);
  return paths;
}

}  // namespace

std::vector<std::string> existingNodes(const std::vector<std::string>& paths) {
  std::vector<std::string> existing;
  for (const std::string& path : paths) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0 && S_ISCHR(status.st_mode)) existing.push_back(path);
  }
  return existing;
}

Result<std::optional<json::object>> vendorDescription(const std::vector<std::string>& directories) {
  for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory) {
    for (const std::filesystem::path& path : candidatesIn(*directory)) {
      Result<json::object> description = readDescription(path);
      if (!description) return fail(description.error().context(path.native()));
      const json::value* kind = description->if_contains("kind");
      if (kind != nullptr && kind->is_string() && std::string_view(kind->get_string()) == kVendorKind) {
        return std::optional(std::move(*description));
      }
    }
  }
  return std::nullopt;
}

Result<json::value> yamlToJson(std::string_view text, const std::string& file) {
  const std::expected<config::Node, config::Diagnostic> root = config::yaml::parse(text, file);
  if (!root) return fail(ErrorCode::Malformed, config::toString(root.error()));
  return toJson(*root);
}

}  // namespace ds01::cdi
