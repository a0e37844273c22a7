// Records of pinned binds in the state directory, a file for each container, so that a create writes little.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "mounts/pin_record.h"

namespace ds01::daemon {

// All of these block on the disk.
class PinFiles {
 public:
  explicit PinFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  struct Saved {
    std::vector<mounts::PinRecord> records;
    std::vector<std::string> warnings;  // files that were set aside; their containers cannot start again
  };
  // Makes the directory if it is not there.
  Result<Saved> read() const;
  Status write(const mounts::PinRecord& record) const;
  void remove(const std::string& token) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace ds01::daemon
