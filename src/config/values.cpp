#include "config/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/time_text.h"
#include "config/daemon_settings.h"

namespace ds01::config {
namespace {

// Bounds far above any machine and far below what overflows when multiplied into the unit of the result.
constexpr double kMostShares = 100'000;
constexpr double kMostCpus = 100'000;
constexpr double kMostBytes = 1e18;
constexpr double kMostSeconds = 3.2e9;  // a hundred years
constexpr std::int64_t kMostCount = 1'000'000'000'000;
constexpr double kLeastBytes = 6 << 20;  // the Engine refuses less; "32" is a forgotten unit

using Refusal = std::unexpected<std::string>;

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// [-+]digits[.digits][e[-+]digits] and nothing else: no nan, inf, hex, octal, underscores.
std::optional<double> decimal(std::string_view text) {
  std::string_view body = text;
  if (body.starts_with('-') || body.starts_with('+')) body.remove_prefix(1);
  if (body.empty() || (!digit(body.front()) && body.front() != '.')) return std::nullopt;
  if (body.size() > 1 && body[0] == '0' && digit(body[1])) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole(std::string_view text) {
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Splits "1.5 gb" into the number and the lower-cased rest.
struct WithUnit {
  double number = 0;
  std::string unit;
};

std::optional<WithUnit> withUnit(std::string_view text) {
  const std::size_t split = text.find_first_not_of("0123456789.-+");
  const std::optional<double> number = decimal(text.substr(0, split));
  if (!number) return std::nullopt;
  WithUnit result{*number, split == std::string_view::npos ? "" : std::string(text.substr(split))};
  return result;
}

// Docker's sizes (go-units RAMInBytes: 32g, 32GB, 32 GiB) and systemd's (86G), which agree: powers of 1024.
std::optional<double> sizeInBytes(std::string_view text) {
  std::optional<WithUnit> parsed = withUnit(text);
  if (!parsed) return std::nullopt;
  std::string unit = parsed->unit;
  if (unit.starts_with(' ')) unit.erase(0, 1);
  std::ranges::transform(unit, unit.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  static constexpr std::string_view kPrefixes = "kmgtp";
  double factor = 1;
  if (!unit.empty() && kPrefixes.contains(unit[0])) {
    factor = std::pow(1024.0, static_cast<double>(kPrefixes.find(unit[0]) + 1));
    unit.erase(0, 1);
    if (unit.starts_with('i')) unit.erase(0, 1);
  }
  if (!unit.empty() && unit != "b") return std::nullopt;
  return parsed->number * factor;
}

double secondsIn(char unit) {
  switch (unit) {
    case 'd':
      return 86400;
    case 'h':
      return 3600;
    case 'm':
      return 60;
    default:
      return 1;
  }
}

std::optional<double> durationInSeconds(std::string_view text, char unit_in_key) {
  if (unit_in_key != 0) {
    const std::optional<double> number = decimal(text);
    return number ? std::optional(*number * secondsIn(unit_in_key)) : std::nullopt;
  }
  const std::optional<WithUnit> parsed = withUnit(text);
  if (!parsed || parsed->unit.size() != 1 || !std::string_view("hmsd").contains(parsed->unit[0])) return std::nullopt;
  return parsed->number * secondsIn(parsed->unit[0]);
}

// RFC 3339, or the day alone for its first moment in UTC.
std::optional<TimePoint> instant(std::string_view text) {
  const bool day_only = text.size() == std::string_view("2027-01-31").size();
  return parseRfc3339(day_only ? fmt::format("{}T00:00:00Z", text) : std::string(text));
}

bool oneOf(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const std::size_t bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    if (bar == std::string_view::npos) break;
    choices.remove_prefix(bar + 1);
  }
  return false;
}

Refusal unexpected(const KeyMatch& match, const Node& node) {
  return Refusal(fmt::format("expected {}, found {}", expectation(match), describe(node)));
}

// The checks that all amounts share. `value` is in the unit of `most`.
std::expected<double, std::string> amount(const KeyMatch& match, const Node& node, std::optional<double> value,
                                          double most) {
  if (!value) return unexpected(match, node);
  if (*value < 0) return Refusal(fmt::format("must not be negative, found {}", node.text));
  if (*value == 0 && match.key->positive) {
    return Refusal(match.key->nullable ? "must be more than 0; for no limit write null" : "must be more than 0");
  }
  if (*value > most) return Refusal(fmt::format("{} is too large to be meant", node.text));
  return *value;
}

std::int64_t rounded(double value) {
  return static_cast<std::int64_t>(std::llround(value));
}

using Parsed = std::expected<Scalar, std::string>;

Parsed parseFlag(const KeyMatch& match, const Node& node) {
  if (node.quoted) return unexpected(match, node);
  if (node.text == "true" || node.text == "True" || node.text == "TRUE") return true;
  if (node.text == "false" || node.text == "False" || node.text == "FALSE") return false;
  return unexpected(match, node);
}

Parsed parseCount(const KeyMatch& match, const Node& node) {
  const std::optional<std::int64_t> value = node.quoted ? std::nullopt : whole(node.text);
  const auto checked = amount(match, node, value ? std::optional(static_cast<double>(*value)) : std::nullopt,
                              static_cast<double>(kMostCount));
  if (!checked) return Refusal(checked.error());
  return *value;
}

Parsed parseSize(const KeyMatch& match, const Node& node) {
  const auto bytes = amount(match, node, sizeInBytes(node.text), kMostBytes);
  if (!bytes) return Refusal(bytes.error());
  if (*bytes < kLeastBytes) {
    return Refusal(
        fmt::format("{} is less than the 6 MiB a container needs; is a unit missing, as in 32g?", node.text));
  }
  return Bytes{rounded(*bytes)};
}

Parsed parseDuration(const KeyMatch& match, const Node& node) {
  const bool wrong_quotes = node.quoted && match.unit != 0;
  const auto value =
      amount(match, node, wrong_quotes ? std::nullopt : durationInSeconds(node.text, match.unit), kMostSeconds);
  if (!value) return Refusal(value.error());
  if (*value > 0 && *value < 1) return Refusal(fmt::format("{} is less than one second", node.text));
  return std::chrono::seconds(rounded(*value));
}

Parsed parsePercent(const KeyMatch& match, const Node& node) {
  std::optional<double> percent;
  if (node.text.ends_with('%')) percent = decimal(std::string_view(node.text).substr(0, node.text.size() - 1));
  const auto value = amount(match, node, percent, kMostCpus * 100);
  if (!value) return Refusal(value.error());
  return CpuMillis{std::max<std::int64_t>(rounded(*value * 10), match.key->positive ? 1 : 0)};
}

Parsed parseDecimal(const KeyMatch& match, const Node& node) {
  const auto value = amount(match, node, node.quoted ? std::nullopt : decimal(node.text), kMostBytes);
  if (!value) return Refusal(value.error());
  switch (match.key->type) {
    case ValueType::GpuShare:
      if (*value > kMostShares) return Refusal(fmt::format("{} is too large to be meant", node.text));
      return GpuEq{rounded(*value * 1e6)};
    case ValueType::Cpus:
      if (*value > kMostCpus) return Refusal(fmt::format("{} is too large to be meant", node.text));
      if (*value < 0.01) return Refusal(fmt::format("{} is less than 0.01, the least the Engine takes", node.text));
      return CpuMillis{rounded(*value * 1e3)};
    default:
      return *value;
  }
}

Parsed parseMode(const KeyMatch& match, const Node& node) {
  std::int64_t mode = 0;
  const auto [end, failure] = std::from_chars(node.text.data(), node.text.data() + node.text.size(), mode, 8);
  const bool whole_text = failure == std::errc() && end == node.text.data() + node.text.size();
  if (!whole_text || mode < 0 || mode > 0777 || node.text.size() < 3 || node.text.size() > 4) {
    return unexpected(match, node);
  }
  return mode;
}

Parsed parseSocket(const Node& node) {
  std::expected<std::string, std::string> path = unixSocketPath(node.text);
  if (!path) return Refusal(std::move(path).error());
  if (!isCleanPath(*path)) return Refusal(fmt::format("{} is not a path without . and ..", *path));
  return *std::move(path);
}

Parsed parseSource(const KeyMatch& match, const Node& node) {
  const std::optional<GpuSource> source = parseGpuSource(node.text);
  // Relative to what would be anybody's guess in a file.
  if (!source || (!source->file.empty() && !isCleanPath(source->file))) return unexpected(match, node);
  return node.text;
}

}  // namespace

bool isCleanPath(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; })) return false;
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || slash == rest.size() - 1) return false;
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return true;
}

std::string expectation(const KeyMatch& match) {
  switch (match.key->type) {
    case ValueType::Flag:
      return "true or false";
    case ValueType::Count:
      return "a whole number";
    case ValueType::Number:
      return "a number";
    case ValueType::GpuShare:
      return "a number of GPUs such as 2.0";
    case ValueType::Cpus:
      return "a number of CPUs such as 32";
    case ValueType::CpuPercent:
      return "a percentage such as 9600%, where 100% is one CPU";
    case ValueType::Size:
      return "a size such as 32g or 86G, in units of 1024";
    case ValueType::Duration:
      if (match.unit != 0) return fmt::format("a number without a unit, which is the _{} of the key", match.unit);
      return "a time with its unit, such as 24h, 30m or 90s";
    case ValueType::Instant:
      return "a time in UTC such as 2027-01-31T00:00:00Z";
    case ValueType::FileMode:
      return "a file mode in octal such as 0660";
    case ValueType::UnixSocket:
      return "unix:///PATH";
    case ValueType::Path:
      return "an absolute path without . and ..";
    case ValueType::GpuSource:
      return "nvml, none or sim:/PATH";
    case ValueType::Text:
      return "a text";
    case ValueType::TextList:
      return "a list of texts";
    case ValueType::Choice: {
      std::string choices(match.key->choices);
      for (std::size_t bar = 0; (bar = choices.find('|', bar)) != std::string::npos;) choices.replace(bar, 1, " or ");
      return choices;
    }
    case ValueType::Mapping:
      return "a mapping of keys to values";
    case ValueType::MappingList:
      return "a list of mappings";
    case ValueType::Anything:
      return "anything";
  }
  return {};
}

std::string describe(const Node& node) {
  static constexpr std::size_t kShown = 60;
  switch (node.kind) {
    case Node::Kind::Null:
      return "nothing (null)";
    case Node::Kind::Sequence:
      return "a list";
    case Node::Kind::Map:
      return "a mapping";
    case Node::Kind::Scalar:
      break;
  }
  const std::string shown = node.text.size() > kShown ? node.text.substr(0, kShown) + "…" : node.text;
  return node.quoted ? fmt::format("the quoted text \"{}\"", shown) : shown;
}

std::expected<Scalar, std::string> parseScalar(const KeyMatch& match, const Node& node) {
  const bool is_null = node.kind == Node::Kind::Null;
  if (match.key->nullable && (is_null || (node.kind == Node::Kind::Scalar && node.text == "unlimited"))) {
    return Unlimited{};
  }
  if (node.kind != Node::Kind::Scalar) return unexpected(match, node);
  switch (match.key->type) {
    case ValueType::Flag:
      return parseFlag(match, node);
    case ValueType::Count:
      return parseCount(match, node);
    case ValueType::Size:
      return parseSize(match, node);
    case ValueType::Duration:
      return parseDuration(match, node);
    case ValueType::CpuPercent:
      return parsePercent(match, node);
    case ValueType::Number:
    case ValueType::GpuShare:
    case ValueType::Cpus:
      return parseDecimal(match, node);
    case ValueType::FileMode:
      return parseMode(match, node);
    case ValueType::Instant: {
      const std::optional<TimePoint> time = instant(node.text);
      if (!time) return unexpected(match, node);
      return *time;
    }
    case ValueType::Choice:
      if (!oneOf(match.key->choices, node.text)) return unexpected(match, node);
      return node.text;
    case ValueType::UnixSocket:
      return parseSocket(node);
    case ValueType::Path:
      if (!isCleanPath(node.text)) return unexpected(match, node);
      return node.text;
    case ValueType::GpuSource:
      return parseSource(match, node);
    case ValueType::Text:
      if (node.text.empty()) return unexpected(match, node);
      return node.text;
    default:
      return Refusal("is not a plain value");
  }
}

}  // namespace ds01::config
