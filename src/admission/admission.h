// Admission of POST /containers/create: a request and facts in, a rewritten request or a denial out. Pure: no I/O, no
// clock, no logging. The steps, in the order the gateway takes them:
//
//   guardBody    bytes → JSON that means to us what it means to Go (json_guard.h)
//   references   what the body names and the gateway must look up: image, containers, bind sources
//   examine      the checks, then labels, cgroup parent, limits; the GPU request is taken out
//   (the allocator reserves)
//   complete     the lease is written into the body by the emitter of this site
//
// What is sent to the Engine is the object that `complete` returns, serialised by us; nothing of the client's bytes.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/clock.h"
#include "base/ids.h"
#include "model/denial.h"
#include "model/engine.h"
#include "model/gpu.h"
#include "model/lease.h"
#include "model/limits.h"
#include "model/rollout.h"
#include "model/user.h"

namespace ds01::admission {

// What the body names. Strings stand exactly as in the body; each appears once.
struct References {
  std::string image;
  std::vector<std::string> containers;    // NetworkMode/IpcMode/PidMode "container:REF", Links (host part), VolumesFrom
  std::vector<std::string> bind_sources;  // host paths of HostConfig.Binds and of Mounts with Type "bind"
  std::vector<std::string> networks;      // NetworkMode, keys of EndpointsConfig: all that users can have made
  std::vector<std::string> volumes;       // names in HostConfig.Binds and of Mounts with Type "volume"
  std::vector<std::string> looked_into;   // those of `containers` of which more must be known than whose they are
};

// What is mounted in another container, as its owner would ask for it.
struct MountFact {
  std::string type;         // volume, bind or tmpfs; whoever asks for another cannot have it
  std::string source = {};  // the name of a volume, the path of a folder; empty: it cannot be asked for
  std::string target = {};
  bool read_only = false;
  std::string subpath = {};     // of a volume
  std::int64_t tmpfs_size = 0;  // 0: not said
  std::int64_t tmpfs_mode = 0;
};

struct ContainerFact {
  ContainerId id;
  bool own = false;          // the caller may use it, or the owner if another was named
  bool has_folders = false;  // of the host, by pins
  // Of References::looked_into only:
  bool host_ipc = false;  // it has the host's shared memory, or that of one that has
  std::vector<MountFact> mounts = {};
};

struct NetworkFact {
  std::string id;    // the full one
  std::string name;  // "host" is the machine's own
  bool own = false;  // as in ContainerFact
};

struct VolumeFact {
  bool own = false;  // as in ContainerFact
};

struct BindFact {
  std::string resolved = {};  // real path of what may be mounted
  std::string refusal = {};   // or why not, a sentence for the user; empty when `resolved` is set
  bool writable = true;       // false: the caller may only read there, so the mount must be read-only
  std::string warning = {};   // if something else is mounted than was asked for
  bool socket = false;        // our own socket, which is mounted as it is; all else is pinned
  bool shared = false;        // below a directory of the site
  bool mapped = true;         // false: its file system cannot map ids
};

// Everything examine() may know. References must have been looked up: what is missing from its map does not exist.
// Containers and networks that are not the caller's must look the same.
struct Facts {
  Caller caller;  // whose rights count
  // Whose the container will be, and so whose limits, group and cgroup parent stand below: set if an admin or a service
  // user is calling and names another user (named_owner.h), else it is the caller's.
  std::optional<User> owner;
  RuleSet excused;  // classes of rules that the site lets pass
  Limits limits;
  EngineFacts engine;
  std::vector<std::string> image_env;
  std::set<std::string> image_labels;  // the keys; a container inherits those it does not set
  std::string image_user;              // Config.User
  std::string image_dev_container;     // the label devcontainer.metadata
  std::vector<std::string> image_volumes;
  std::map<std::string, ContainerFact> containers;
  std::map<std::string, BindFact> binds;
  std::map<std::string, NetworkFact> networks;
  std::map<std::string, VolumeFact> volumes;
  std::string user_agent;
  std::string container_name;  // ?name=, may be empty
  std::string cgroup_parent;   // what HostConfig.CgroupParent must be; empty: left to the Engine
  TimePoint now;
};

inline const User& ownerOf(const Facts& facts) {
  return facts.owner ? *facts.owner : facts.caller.user;
}

// The login of the service user that makes it for its owner; empty: the owner does, or an administrator.
inline std::string madeBy(const Facts& facts) {
  const bool for_another = facts.owner && facts.caller.service && !facts.caller.admin;
  return for_another ? facts.caller.user.login : std::string();
}

// A bind that the container gets by way of a pin (mounts/pins): the Engine is told of the pin and not of the folder.
struct PinnedBind {
  std::string source;     // as asked for
  std::string bind = {};  // the entry of HostConfig.Binds that it was; empty: of HostConfig.Mounts
  bool create = false;    // the folder is made if it is not there
  bool read_only = false;
  bool shared = false;
  bool mapped = true;
  std::size_t mount = 0;  // its place in HostConfig.Mounts, where Source is the real path until complete()
};

// The label that says so.
inline constexpr std::string_view kRunsAs = "ds01.runs_as";
inline constexpr std::string_view kAsOwner = "owner";
// The login of the service user that made it for its owner; empty: nobody did.
inline constexpr std::string_view kMadeBy = "ds01.made_by";
// The classes of rules that were let pass when it was made: "host,mounts".
inline constexpr std::string_view kExcused = "ds01.excused";
// "apparmor": it has SYS_PTRACE, which opens the host to it where the Engine does not confine it.
inline constexpr std::string_view kConfinedBy = "ds01.confined_by";

using VolumeLabels = std::map<std::string, std::map<std::string, std::string>>;  // by name

struct Examined {
  boost::json::object body;           // rewritten, all but the GPU
  std::optional<GpuRequest> gpu;      // what must be reserved before complete()
  boost::json::array capabilities;    // DeviceRequests[0].Capabilities as asked, for the emitter
  std::vector<std::string> warnings;  // for the response's "Warnings"
  // All named volumes. Whoever sends this makes those that are missing, with these labels, before the Engine does,
  // which would not say whether it did; without labels it is the Engine's to make.
  VolumeLabels volumes;
  std::vector<PinnedBind> pins;
  bool as_owner = false;  // it runs as its owner and without capabilities, and so must what is executed in it
  bool ptrace = false;    // it gets SYS_PTRACE
  // Who works in the container, USER[:GROUP], the first that its files know: as whom what is pinned must appear.
  std::vector<std::string> pin_users;
};

// Takes any object; what is malformed in it is left out here and refused by examine().
References references(const boost::json::object& body);

std::expected<Examined, Denial> examine(boost::json::object body, const Facts& facts);

// 409: the name is held by somebody else, of whom nothing is said.
Denial volumeTaken(std::string_view name);

// How a lease gets into the container.
enum class Emitter {
  Sim,     // environment and labels only
  Nvidia,  // a DeviceRequest with the UUIDs, and the device files, so that a reload of systemd or an update can't take
           // them away
  Cdi,     // the lease's own CDI device, whose content the daemon writes for each start: nothing about slots is in the
           // body, because they may be others next time
};

struct Completion {
  Emitter emitter = Emitter::Sim;
  std::optional<Lease> lease;             // unset: NVIDIA_VISIBLE_DEVICES=void
  std::vector<GpuSlot> slots;             // in the order of lease->uuids
  std::vector<std::string> device_nodes;  // Nvidia: device files of the slots, and shared ones, that exist on the host
  std::vector<std::string> pins = {};     // where Examined::pins are, in their order; empty: in a dry run
};

boost::json::object complete(Examined examined, const Completion& completion);

}  // namespace ds01::admission
