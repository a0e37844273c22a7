// DIRECTORY/container-owners.json, readable by all, replaced as a whole under a lock that whoever else writes it takes
// too. Blocks, for kLockLimit at most if the lock is held.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::ownership {

class OwnersFile {
 public:
  static constexpr std::chrono::milliseconds kLockLimit{10'000};

  // `directory` is made (0755) at the first write, its parent must exist. It must be a place where only root, or who
  // runs this, makes files.
  explicit OwnersFile(std::string directory, std::chrono::milliseconds lock_limit = kLockLimit)
      : directory_(std::move(directory)), lock_limit_(lock_limit) {}

  // flock(2) of container-owners.lock, temporary file (0644), rename. Timeout: somebody else holds the lock; Io
  // and the like, with the path. What was there is untouched if it fails.
  Status write(std::string_view text) const;

  std::string path() const { return directory_ + "/container-owners.json"; }

 private:
  std::string directory_;
  std::chrono::milliseconds lock_limit_;
};

}  // namespace ds01::ownership
