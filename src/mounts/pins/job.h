// What ds01d asks of the process that looks at users' folders and pins them (child.h), and what that answers: one job
// and one report over a socket pair, each a JSON text that ends where its sender shuts its side down. Both ends are one
// program; what does not read as we write it is Malformed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/user.h"
#include "mounts/lexical.h"
#include "mounts/pin_record.h"

namespace ds01::mounts::pins {

inline constexpr std::size_t kLongestText = 16 * 1024 * 1024;  // 256 sources and pins of 4 KiB each, escaped

struct Step {
  std::string source;      // as the user wrote it
  std::string pin;         // Pin: the absolute path at which it shall be mounted
  bool create = false;     // make what is missing of the source, as the user; else a missing one is an error
  bool read_only = false;  // Pin: with all that is mounted below
  bool map = true;         // Pin: a source whose file system cannot map ids is an error
};

struct Job {
  enum class What {
    Look,     // resolve each source, change nothing
    Pin,      // all steps or none: mount each source at its pin, in place of what is mounted there
    Release,  // unmount and remove `tokens`
    Sweep,    // remove all but `tokens`, of which Report::missing are not all mounted
    Check,    // the same without removing
  };
  What what = What::Look;
  User user;  // Look, Pin: with whose rights
  Roots roots;
  std::string listen;  // our socket and the Engine's
  std::string engine;
  std::string directory;  // absolute, ours alone: pins are at DIRECTORY/TOKEN/NUMBER
  ViewIds view;           // Pin
  // Pin: what is mounted at a pin already, and is still the same file or directory, stays. To be set only if the ids
  // are those with which it was mounted.
  bool keep_same = false;
  std::vector<Step> steps;
  std::vector<std::string> tokens;
};

// Of one step.
struct Found {
  std::optional<Error> error = std::nullopt;
  std::string path = {};  // real; of a socket: ours
  bool socket = false;    // `source` is one of the two sockets: nothing to be pinned
  bool replaced = false;  // the Engine's was asked for
  bool writable = true;
  bool shared = false;      // below a directory of the site
  bool mapped = true;       // the file system can map ids (Look), or the pin does (Pin)
  bool alone = false;       // what is mounted below does not come along, since not all of it can map ids
  std::uint32_t owner = 0;  // uid of what exists of it (Look); not of sockets
};

struct Report {
  std::optional<Error> error;             // of the whole job; `found` is empty then
  std::vector<Found> found;               // in the order of the steps
  std::vector<std::string> missing = {};  // Sweep, Check: the tokens of which not all is mounted
};

std::string encode(const Job& job);
std::string encode(const Report& report);
Result<Job> decodeJob(std::string_view text);
Result<Report> decodeReport(std::string_view text);

}  // namespace ds01::mounts::pins
