// The key that ds01d signs tickets with and the plugin checks them with: RUN_DIR/authz.key, for root alone. The plugin
// makes it, anew at each boot, since RUN_DIR is in memory; that it is there is what makes ds01d send tickets.
#pragma once

#include <optional>
#include <string>

#include <sys/stat.h>

#include "authz/ticket.h"
#include "base/result.h"

namespace ds01::authz::posix {

inline constexpr std::string_view kKeyFileName = "authz.key";

// Keeps what it has read and looks, before each use, whether the file is still the same: a stat(2) of a file in memory.
// One thread.
class KeyFile {
 public:
  explicit KeyFile(std::string path);

  // The key as it is now; nullptr without an error: there is no file. PermissionDenied: not a regular file of this
  // process's user that is closed to everybody else. Malformed: not a key.
  Result<const MacFunction*> current();

  // As above, but where there is no file one is made: the key of before if there was one, so that tickets stay good
  // when somebody empties RUN_DIR, else a new one. Of several who begin at once one wins, and all use its key.
  Result<const MacFunction*> currentOrNew();

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t changed_s = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identityOf(const struct stat& found);
  Status read();
  Status make();

  const std::string path_;
  std::optional<Identity> read_;
  std::string key_;
  MacFunction mac_;
};

}  // namespace ds01::authz::posix
