// What the control API says: the daemon fills these, the CLI and the exporter read them. On the wire they are JSON
// objects with the same names (codec.h); what is absent is null there and unset here.
//
// Who sees what: everybody sees slot, user and since when ("who is on GPU 3"); container names and ids only their owner
// and admins. The two visibleTo() functions are the only place of that rule.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/units.h"

namespace ds01::control {

inline constexpr int kApiVersion = 1;  // field "api" of every reply; raised when a reader of the old form would err

enum class SlotState {
  Free,
  Reserved,  // granted; its container is being made
  Held,
  Foreign,  // used by somebody outside our path
  Stale,    // leased, but the inventory has no such slot any more
  Sick,     // the driver reports errors; nothing is placed there
};
std::string_view toString(SlotState state);  // "free", "reserved", …
std::optional<SlotState> parseSlotState(std::string_view text);

struct GpuRow {
  std::string slot;                        // "0", "1:0"
  std::string uuid;                        // "GPU-…", "MIG-…"
  std::string model;                       // "NVIDIA A100-SXM4-80GB"
  std::string profile;                     // "full" or "2g.20gb"
  std::optional<std::int32_t> gpu;         // index of the physical GPU; unset when the inventory lost it
  std::optional<std::int64_t> memory_mib;  // unset when not known
  GpuEq gpueq;
  SlotState state = SlotState::Free;
  std::optional<std::string> user;       // login of the holder
  std::optional<TimePoint> since;        // when the lease was granted
  std::optional<std::string> container;  // name; what follows from the rule above
  std::optional<std::string> container_id;
  std::optional<std::string> problem = {};  // of a sick slot: what the driver reports
  std::optional<TimePoint> until = {};      // the container has stopped: when its hold ends

  friend bool operator==(const GpuRow&, const GpuRow&) = default;
};

// One request that waits for a GPU.
struct QueueRow {
  std::string user;
  std::int64_t slots = 1;  // how many it asked for
  TimePoint since;
  std::int64_t place = 1;   // 1 is next
  std::string reason = {};  // why it waits: "all 4 that would do are held"

  friend bool operator==(const QueueRow&, const QueueRow&) = default;
};

struct UserRow {
  std::string user;
  std::string group;
  GpuEq gpueq;                 // held now
  std::optional<GpuEq> limit;  // unset: unlimited
  std::int64_t containers = 0;

  friend bool operator==(const UserRow&, const UserRow&) = default;
};

struct StatusSnapshot {
  std::vector<GpuRow> gpus;  // in inventory order: by physical index, then instance; stale ones last
  std::vector<QueueRow> queue;
  std::vector<UserRow> users;
  // Totals since the daemon started, by name ("requests", "denials", …). Shown to everybody: nothing per user in here.
  std::map<std::string, std::int64_t> counters;
  std::optional<std::string> gpu_problem = {};  // why nobody knows which GPUs there are; unset: the rows are true

  friend bool operator==(const StatusSnapshot&, const StatusSnapshot&) = default;
};

struct ContainerRow {
  std::string id;    // 64 hex digits
  std::string name;  // without the leading slash
  std::optional<std::string> user;
  std::string image;
  std::optional<TimePoint> created;
  std::optional<std::string> state;  // as the Engine says it: "running", "exited", …
  std::vector<std::string> gpus;     // slots it holds
  GpuEq gpueq;
  std::optional<std::string> type;  // "docker", "compose", "devcontainer", …
  std::optional<TimePoint> since;   // when its GPUs were granted
  // With `user` unset: whose it seems to be, and by what (detection_method in container-owners.json).
  std::optional<std::string> tracked_user = {};
  std::optional<std::string> tracked_by = {};

  friend bool operator==(const ContainerRow&, const ContainerRow&) = default;
};

// Reply to "which containers": `all` says that the asker sees everybody's, not only their own.
struct ContainerList {
  bool all = false;
  std::vector<ContainerRow> containers;

  friend bool operator==(const ContainerList&, const ContainerList&) = default;
};

// The part of a complete snapshot that `login` may see. An empty login owns nothing.
StatusSnapshot visibleTo(StatusSnapshot snapshot, const std::string& login, bool admin);
ContainerList visibleTo(std::vector<ContainerRow> containers, const std::string& login, bool admin);

}  // namespace ds01::control
