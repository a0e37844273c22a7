#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMostFiles = 100;  // dockerd renames each of them at every turn
constexpr std::int64_t kMostBufferMiB = 16;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && rest == end && value >= 0 ? std::optional(value) : std::nullopt;
}

// "4m", "4MB", "512k", bytes: the forms that people write. Others are refused though Docker reads them.
bool bufferFits(std::string_view text) {
  std::string_view unit = text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
  const std::optional<std::int64_t> amount = number(text.substr(0, text.size() - unit.size()));
  if (!amount) return false;
  if (unit.empty() || unit == "b") return *amount <= kMostBufferMiB << 20;
  if (unit == "k" || unit == "K" || unit == "kb" || unit == "KB") return *amount <= kMostBufferMiB << 10;
  if (unit == "m" || unit == "M" || unit == "mb" || unit == "MB") return *amount <= kMostBufferMiB;
  return false;
}

// dockerd runs a tag as a Go template, which can pad a word to any length. Plain fields are what the manual shows.
bool plainTag(std::string_view tag) {
  static constexpr std::array<std::string_view, 7> kFields{
      "{{.ID}}", "{{.FullID}}", "{{.Name}}", "{{.ImageID}}", "{{.ImageFullID}}", "{{.ImageName}}", "{{.DaemonName}}"};
  while (!tag.empty()) {
    const std::size_t open = tag.find("{{");
    if (open == std::string_view::npos) return true;
    tag.remove_prefix(open);
    const auto field = std::ranges::find_if(kFields, [tag](std::string_view name) { return tag.starts_with(name); });
    if (field == kFields.end()) return false;
    tag.remove_prefix(field->size());
  }
  return true;
}

// What `value` may be, if it is not that.
std::optional<std::string> wrongOption(std::string_view key, std::string_view value) {
  static constexpr std::array<std::string_view, 7> kFree{"max-size",     "compress", "mode",     "labels",
                                                         "labels-regex", "env",      "env-regex"};
  if (std::ranges::find(kFree, key) != kFree.end()) return std::nullopt;
  if (key == "max-file") {
    const std::optional<std::int64_t> files = number(value);
    if (files && *files <= kMostFiles) return std::nullopt;
    return fmt::format("a number up to {}", kMostFiles);
  }
  if (key == "max-buffer-size") {
    if (bufferFits(value)) return std::nullopt;
    return fmt::format("up to {}m", kMostBufferMiB);
  }
  if (key == "tag") {
    if (plainTag(value)) return std::nullopt;
    return "plain text with fields like {{.Name}} and {{.ID}}";
  }
  return "";
}

Verdict checkOption(std::string_view key, const json::value& value) {
  const std::string_view given = value.is_string() ? view(value.get_string()) : std::string_view{};
  const std::optional<std::string> allowed = wrongOption(key, given);
  if (!allowed) return std::nullopt;
  if (!allowed->empty()) {
    return explained(forbidden("log_option", fmt::format("--log-opt {}={} (HostConfig.LogConfig.Config) is not allowed "
                                                         "here; it may be {}",
                                                         key, shown(given), *allowed)),
                     {fmt::format("HostConfig.LogConfig.Config.{}", key), shown(given), *allowed},
                     fmt::format("Leave --log-opt {} out, or set it to {}.", key, *allowed));
  }
  return explained(
      forbidden("log_option", fmt::format("--log-opt {} (HostConfig.LogConfig.Config) is not allowed here; "
                                          "use max-size, max-file and their like",
                                          shown(key))),
      {fmt::format("HostConfig.LogConfig.Config.{}", shown(key)), shown(given),
       "max-size, max-file, compress, mode, max-buffer-size, tag, labels, env"},
      fmt::format("Leave --log-opt {} out.", shown(key)));
}

}  // namespace

Verdict checkLogging(Context& context) {
  static constexpr std::array<std::string_view, 4> kDrivers{"", "json-file", "local", "none"};
  const json::object* log = object(std::as_const(context.host()), "LogConfig");
  if (log == nullptr) return std::nullopt;
  const std::string_view driver = text(*log, "Type");
  if (std::ranges::find(kDrivers, driver) == kDrivers.end()) {
    return explained(forbidden("log_driver", fmt::format("--log-driver {} (HostConfig.LogConfig.Type) is not allowed "
                                                         "here; use json-file, local or none",
                                                         shown(driver))),
                     {"HostConfig.LogConfig.Type", shown(driver), "json-file, local, none"},
                     "Leave --log-driver out; docker logs then shows the output.");
  }
  const json::object* options = object(*log, "Config");
  if (options == nullptr) return std::nullopt;
  for (const auto& option : *options) {
    // Without a driver these go to the Engine's default one, whatever it sends where.
    if (Verdict denial = checkOption({option.key().data(), option.key().size()}, option.value())) return denial;
  }
  return std::nullopt;
}

}  // namespace ds01::admission
