// A directory that is gone after the test. Its path is short (/tmp/ds.XXXXXX), because the path of a Unix socket may
// have 107 bytes at most.
#pragma once

#include <string>
#include <string_view>

namespace ds01::test {

class TempDir {
 public:
  TempDir();  // throws std::system_error
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }
  // The path of `name` below the directory; nothing is made.
  std::string file(std::string_view name) const;
  // Makes the file (and the directories above it) with this text; returns its path.
  std::string write(std::string_view name, std::string_view text) const;
  // Makes the directory and those above it; returns its path.
  std::string makeDir(std::string_view name) const;

 private:
  std::string path_;
};

// The whole file; empty if it cannot be read.
std::string readFile(const std::string& path);

}  // namespace ds01::test
