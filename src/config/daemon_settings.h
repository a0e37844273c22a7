// The settings of the daemon itself, from ds01d.yaml, which is ours alone. What the command line may say too is unset
// if the file does not have it.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ds01::config {

struct SocketSettings {
  std::optional<std::string> listen_path;
  std::optional<std::string> engine_path;
  std::string group;  // empty: root's
  unsigned mode = 0666;
};

struct GpuSource {
  enum class Kind {
    Auto,  // NVML if its library loads, else none
    Nvml,
    None,
    Sim,  // from `file`
  };
  Kind kind = Kind::Auto;
  std::string file;
  friend bool operator==(const GpuSource&, const GpuSource&) = default;
};

enum class Emitter { Sim, Nvidia, Cdi };
enum class GpusForAll { One, Available };

struct GpuSettings {
  std::optional<GpuSource> source;
  std::optional<Emitter> emitter;  // unset: follows the source
  GpusForAll gpus_for_all = GpusForAll::One;
  std::string cdi_dir = "/var/run/cdi";
  std::chrono::seconds read_every{10};  // the driver
  std::chrono::seconds read_limit{20};  // a reading that takes longer hangs
};

struct MountSettings {
  bool home = true;                      // whether the caller's own home is a root
  std::vector<std::string> directories;  // the other roots, absolute and clean, in the order of the file
};

struct QueueSettings {
  std::chrono::seconds wait{180};
  std::chrono::seconds continue_every{40};
};

// Callers from other engines' containers.
struct IdentitySettings {
  struct Cgroup {
    std::string path;  // absolute and clean, not "/"
    std::string login;
  };
  bool user_namespaces_of_owner = false;
  std::vector<Cgroup> cgroups;  // in the order of the file
};

enum class FailDirection { Closed, Open };

// What happens while something cannot be asked. Where only one direction is sane there is no setting.
struct FailSettings {
  FailDirection gpu_inventory = FailDirection::Closed;
  FailDirection events = FailDirection::Open;
  FailDirection user_database = FailDirection::Closed;
};

// A policy server that decides beside the built-in rules.
struct PolicySettings {
  std::optional<std::string> opa;                 // path of its socket; unset: there is none
  std::string decision = "docker/authz/verdict";  // package and rule, by slashes
  std::chrono::seconds limit{1};
  bool ask_look = true;  // whether it is asked about requests that only look
  // Name of the header that tells the Engine's own plugins whose request it is; unset: none.
  std::optional<std::string> engine_user_header;
  // While it cannot be asked; administrators go on.
  FailDirection fail_look = FailDirection::Open;
  FailDirection fail_change = FailDirection::Closed;
  FailDirection fail_make = FailDirection::Closed;
};

struct DaemonSettings {
  SocketSettings sockets;
  GpuSettings gpu;
  MountSettings mounts;
  QueueSettings queue;
  IdentitySettings identity;
  FailSettings fail;
  PolicySettings policy;
  std::set<std::string, std::less<>> service_users;
  std::set<std::string, std::less<>> launchers;  // of the service users
};

// The path of "unix:///PATH"; the error is the end of a sentence: what was expected.
std::expected<std::string, std::string> unixSocketPath(std::string_view url);

// "nvml", "none" or "sim:FILE". Unset for anything else.
std::optional<GpuSource> parseGpuSource(std::string_view text);

}  // namespace ds01::config
