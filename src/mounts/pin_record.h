// What is kept about the pinned binds of one container, to pin them again: on disk, and in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ds01::mounts {

// The ids under which a container sees what belongs to its owner on the host.
struct ViewIds {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  friend bool operator==(const ViewIds&, const ViewIds&) = default;
};

struct PinnedSource {
  std::string source;   // as the user wrote it
  std::string bind;     // the entry of HostConfig.Binds that it was; empty: of HostConfig.Mounts
  bool create = false;  // what is missing is made, at each start
  bool read_only = false;
  bool mapped = true;  // false: its file system cannot map ids, and the container runs as its owner and without rights
  friend bool operator==(const PinnedSource&, const PinnedSource&) = default;
};

struct PinRecord {
  std::string token;  // their directory below that of all pins; hexadecimal digits
  std::string login;  // whose
  ViewIds view;
  std::vector<PinnedSource> sources;  // number 0, 1, …
  friend bool operator==(const PinRecord&, const PinRecord&) = default;
};

// TOKEN.json: {"version":1,"login":LOGIN,"view":[UID,GID],"sources":[{"source":…,"bind":…,"create":…,"read_only":…,
// "mapped":…}]}
std::string encodePins(const PinRecord& record);
// Malformed: not what we write.
Result<PinRecord> decodePins(std::string token, std::string_view text);

}  // namespace ds01::mounts
