// What we need to know from the Docker Engine, reduced from its answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/units.h"
#include "model/restart_policy.h"

namespace ds01 {

struct ApiVersion {
  int major = 1;
  int minor = 24;
  friend constexpr auto operator<=>(ApiVersion, ApiVersion) = default;
};

// From GET /info and /version, fetched at each (re)connect.
struct EngineFacts {
  ApiVersion api;           // the newest the Engine speaks
  std::int64_t cpus = 0;    // NCPU; a container's NanoCpus may not exceed it
  bool swap_limit = false;  // without it, MemorySwap must not be sent
  bool pids_limit = true;
  bool systemd_cgroups = false;  // CgroupDriver == "systemd": cgroup parents are slice names, else paths
  bool cgroup_v2 = false;        // CgroupVersion == "2"; Engines before 20.10 do not say and know v1 only
  bool apparmor = false;         // containers run under the profile docker-default, unless they ask for another
  std::string default_runtime = "runc";
  std::vector<std::string> cdi_spec_dirs = {};  // where it looks for CDI devices; empty: it has no CDI, or it is off
};

// One of HostConfig.DeviceRequests.
struct DeviceRequestView {
  std::string driver;
  std::int64_t count = 0;        // -1: all
  std::vector<std::string> ids;  // indices, UUIDs or CDI names
  bool gpu = false;              // a set of its capabilities names "gpu"
};

// One of Mounts: what the Engine mounts into a container, whichever field of the request asked for it.
struct MountView {
  std::string type;    // volume, bind, tmpfs, image, …
  std::string name;    // of a volume
  std::string source;  // on the host
  std::string target;
  std::string propagation;
  bool writable = true;
  // Of the entry of HostConfig.Mounts with this target.
  std::string subpath;
  std::int64_t tmpfs_size = 0;
  std::int64_t tmpfs_mode = 0;
};

// From GET /containers/ID/json.
struct ContainerView {
  ContainerId id;
  std::string name;  // without the leading slash
  std::string image;
  std::string image_id;  // sha256:…, what it was made from; a tag may have moved since
  std::string created;   // RFC 3339 as the Engine wrote it
  std::string status;    // created, running, paused, restarting, removing, exited, dead
  std::int32_t pid = 0;  // State.Pid: its first process, in the Engine's pid namespace; 0 unless it runs
  std::map<std::string, std::string> labels;
  std::string cgroup_parent;  // HostConfig.CgroupParent: no image can set it
  std::string network_mode;   // HostConfig.NetworkMode
  std::string ipc_mode;       // HostConfig.IpcMode
  std::string started;        // State.StartedAt, RFC 3339; "0001-01-01T00:00:00Z" before the first start
  RestartPolicy restart;      // HostConfig.RestartPolicy

  // What leads to a GPU.
  bool privileged = false;
  std::string runtime;                    // HostConfig.Runtime
  std::vector<std::string> env;           // Config.Env: of the request and of the image
  std::vector<std::string> devices;       // HostConfig.Devices[].PathOnHost
  std::vector<std::string> device_rules;  // HostConfig.DeviceCgroupRules: "c 195:* rmw"
  std::vector<DeviceRequestView> device_requests;

  std::vector<std::string> bind_mounts;  // HostConfig.Mounts[].Source of binds
  std::vector<std::string> binds;        // sources of HostConfig.Binds that are paths of the host
  std::vector<MountView> mounts;

  // It has processes, or will have again in a moment without anybody's asking.
  bool up() const { return runs() || status == "restarting"; }
  bool runs() const { return status == "running" || status == "paused"; }

  // HostConfig's limits; 0 or negative: none. Units: bytes, 1e-9 CPUs, µs.
  std::int64_t memory = 0;
  std::int64_t shm_size = 0;
  std::int64_t nano_cpus = 0;
  std::int64_t cpu_quota = 0;
  std::int64_t cpu_period = 0;
  std::int64_t pids_limit = 0;
};

// From GET /containers/json: an item has labels but no HostConfig.CgroupParent.
struct ContainerSummary {
  ContainerId id;
  std::map<std::string, std::string> labels;  // DS01's own only: ds01.* without ds01.request.*
};

struct ImageView {
  std::string id;                // sha256:…
  std::vector<std::string> env;  // Config.Env
  std::map<std::string, std::string> labels;
  std::vector<std::string> tags = {};     // RepoTags: "busybox:latest"
  std::vector<std::string> digests = {};  // RepoDigests: "busybox@sha256:…", of repositories it was pulled from
  std::vector<std::string> volumes = {};  // keys of Config.Volumes: each becomes a volume of every container
  std::string user = {};                  // Config.User
};

// From GET /images/json.
struct ImageList {
  std::set<std::string> ids;   // sha256:…
  std::set<std::string> tags;  // as the Engine writes them: "busybox:latest"
};

// From GET /networks/ID.
struct NetworkView {
  std::string id;  // 64 hex digits
  std::string name;
  std::map<std::string, std::string> labels = {};
};

// From GET /volumes/NAME.
struct VolumeView {
  std::string name;
  std::map<std::string, std::string> labels = {};
};

struct ExecView {
  std::string id;
  ContainerId container;
};

// One line of GET /events.
struct EngineEvent {
  std::string type;                               // container, image, network, volume, daemon, …
  std::string action;                             // create, start, die, destroy, rename, exec_create: CMD, …
  std::string actor;                              // Actor.ID; for containers the full id
  std::map<std::string, std::string> attributes;  // Actor.Attributes
};

}  // namespace ds01
