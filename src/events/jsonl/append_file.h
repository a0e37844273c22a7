// A log file that others may rotate: opened for appending, opened again when its name leads to another file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/fd.h"

namespace ds01::events {

// One thread.
class AppendFile {
 public:
  // A regular file gets mode 0640 and, if given, this group (as far as we may: what fails is left as it is).
  AppendFile(std::string path, std::optional<gid_t> group) : path_(std::move(path)), group_(group) {}

  // Makes sure that what is written now ends up under the path. False if it cannot be opened.
  bool prepare();

  // How many bytes of `text`, which ends in a newline, have been appended: all in one write(2), or as many as the disk
  // took. After a text that was cut short (also by a crash before our time) the next one begins on a line of its own.
  std::size_t append(std::string_view text);

 private:
  bool current();
  bool endsMidLine(off_t size) const;

  std::string path_;
  std::optional<gid_t> group_;
  Fd file_;
  bool torn_ = false;  // the last byte of the file is no newline
};

}  // namespace ds01::events
