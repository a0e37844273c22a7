#include "config/diagnostic.h"

#include <algorithm>

#include <fmt/format.h>

namespace ds01::config {
namespace {

std::string_view word(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Error:
      return "error";
  }
  return "error";
}

}  // namespace

std::string toString(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line > 0) text += fmt::format(":{}", diagnostic.line);
  if (diagnostic.line > 0 && diagnostic.column > 0) text += fmt::format(":{}", diagnostic.column);
  text += fmt::format(": {}: ", word(diagnostic.severity));
  if (!diagnostic.key.empty()) text += diagnostic.key + ": ";
  return text + diagnostic.message;
}

bool hasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

void Report::error(Position at, std::string_view key, std::string message) {
  add(Severity::Error, at, key, std::move(message));
}

void Report::warning(Position at, std::string_view key, std::string message) {
  add(Severity::Warning, at, key, std::move(message));
}

void Report::note(Position at, std::string_view key, std::string message) {
  add(Severity::Note, at, key, std::move(message));
}

void Report::noteOnce(const void* id, Position at, std::string_view key, std::string message) {
  if (noted_.insert(id).second) note(at, key, std::move(message));
}

void Report::add(Severity severity, Position at, std::string_view key, std::string message) {
  out_.push_back({severity, *file_, at.line, at.column, std::string(key), std::move(message)});
}

}  // namespace ds01::config
