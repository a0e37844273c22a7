// DIRECTORY/TOKEN/NUMBER: where pins are. The directory is root's alone and a private mount, so that pins spread into
// no other mount namespace and nobody on the host sees through them. Blocks.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ds01::mounts::pins {

// Held while what is in a directory is changed; another process waits.
class PinLock {
 public:
  static Result<PinLock> take(const std::string& directory);

 private:
  explicit PinLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// Makes it and a directory for the token, as far as they are not there.
Status preparePinDirectory(const std::string& directory, const std::string& token);

// 1 to 64 of [0-9a-f]: what may stand in a path.
bool isToken(const std::string& token);

// A place for a pin, DIRECTORY/NAME, made if it is not there: of the kind that a mount needs.
Status preparePlace(const std::string& directory, const std::string& name, bool for_directory);

// Whether something is mounted at `pin`, and that is the same file or directory as `fd`.
bool isMounted(const std::string& pin);
bool showsSame(const std::string& pin, const Fd& fd);

// Takes away all that is mounted there; users of it keep what they have.
void unmountAll(const std::string& pin);

// Unmounts and removes what is below DIRECTORY/TOKEN. Never removes what is not empty.
void removeToken(const std::string& directory, const std::string& token);

// False: a place of the token has nothing mounted, or there is none.
bool allMounted(const std::string& directory, const std::string& token);

// The tokens that have a directory.
std::vector<std::string> tokensIn(const std::string& directory);

}  // namespace ds01::mounts::pins
