// What there is to say about the configuration files: errors, warnings and notes, each at its place.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ds01::config {

// Where in a file; counted from 1. Line 0 means the file as a whole.
struct Position {
  int line = 0;
  int column = 0;
};

enum class Severity {
  Note,     // works as written, but the reader may expect more of it
  Warning,  // probably not what was meant; has no effect
  Error,    // the configuration must not be used
};

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;
  int line = 0;
  int column = 0;
  std::string key;  // with its path, "groups.student.memory"; may be empty
  std::string message;
};

// "FILE:LINE:COLUMN: error: KEY: MESSAGE", the parts that are unknown left out.
std::string toString(const Diagnostic& diagnostic);

bool hasErrors(const std::vector<Diagnostic>& diagnostics);

// Collects what is said about one file.
class Report {
 public:
  // `out` must outlive the report.
  Report(std::vector<Diagnostic>& out, std::string file)
      : out_(out), file_(std::make_shared<const std::string>(std::move(file))) {}

  void error(Position at, std::string_view key, std::string message);
  void warning(Position at, std::string_view key, std::string message);
  void note(Position at, std::string_view key, std::string message);
  // Only the first note with this `id` is kept: a key that stands in every group is worth one line.
  void noteOnce(const void* id, Position at, std::string_view key, std::string message);

  // For what is read from the file and remembers where it stood.
  const std::shared_ptr<const std::string>& sharedFile() const { return file_; }

 private:
  void add(Severity severity, Position at, std::string_view key, std::string message);

  std::vector<Diagnostic>& out_;  // the caller's, see the constructor
  std::shared_ptr<const std::string> file_;
  std::set<const void*> noted_;
};

}  // namespace ds01::config
