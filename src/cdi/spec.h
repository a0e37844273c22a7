// The Container Device Interface (github.com/cncf-tags/container-device-interface, SPEC.md) as far as we write it: one
// file per lease, in which the container runtime finds, at each start of a container that names the device
// "ds01.io/lease=ID", what to put into it. As long as there is no file the container cannot start.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/ids.h"
#include "base/result.h"
#include "model/gpu.h"
#include "model/lease.h"

namespace ds01::cdi {

inline constexpr std::string_view kKind = "ds01.io/lease";

// "ds01.io/lease=L0123456789abcdef", what a container asks for.
std::string deviceName(const LeaseId& lease);

// The name of a lease's file in the directory, and back. Unset for files that are not ours.
std::string fileName(const LeaseId& lease);
std::optional<LeaseId> leaseOf(std::string_view file_name);

// The device files that all NVIDIA GPUs share, beside those of a slot. A container needs those that exist.
std::vector<std::string> controlNodes();

struct EntryFacts {
  std::vector<std::string> nodes;  // device files on this host, of the slots and the shared ones
  // NVIDIA's own description of this host (nvidia-ctk cdi generate), which names libraries and hooks; unset: none.
  std::optional<boost::json::object> vendor = {};
};

struct Entry {
  std::string text;     // JSON
  std::string warning;  // what of the vendor's description was not used, and why; empty: nothing
};

// What the container gets: the files in `nodes` to read and write; libraries, hooks and environment of the vendor's
// description, both those for all devices and those of the slots' own. A device of the vendor's counts as a slot's (by
// UUID or by slot name) only if it has exactly the slot's GPU files: after a change of MIG a description may be old.
// Without a description NVIDIA_VISIBLE_DEVICES has the UUIDs.
Entry entryFor(const Lease& lease, std::span<const GpuSlot> slots, const EntryFacts& facts);

// The UUIDs in the text of an entry of ours. Errors: Malformed.
Result<std::vector<std::string>> uuidsIn(std::string_view text);

}  // namespace ds01::cdi
