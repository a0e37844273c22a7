// The rows of the key table for the files that are ours alone: ds01d.yaml and simulated inventories.
#include <array>

#include "config/key_rows.h"

namespace ds01::config {
namespace {

using enum Block;
using T = ValueType;
using S = KeyStatus;

constexpr auto kRows = std::to_array<Key>({
    {.block = DaemonFile,
     .name = "sockets",
     .type = T::Mapping,
     .child = DaemonSockets,
     .doc = "Where people connect, and where the Engine is."},
    {.block = DaemonFile,
     .name = "gpu",
     .type = T::Mapping,
     .child = DaemonGpu,
     .doc = "How GPUs are found and given."},
    {.block = DaemonFile,
     .name = "mounts",
     .type = T::Mapping,
     .child = DaemonMounts,
     .doc = "What of the host containers may mount."},
    {.block = DaemonFile, .name = "queue", .type = T::Mapping, .child = DaemonQueue, .doc = "Waiting for a GPU."},
    {.block = DaemonFile,
     .name = "service_users",
     .type = T::TextList,
     .doc = "Logins of programs such as dashboards: they see everybody's containers (list, inspect, stats), and do no "
            "more to them."},
    {.block = DaemonFile,
     .name = "identity",
     .type = T::Mapping,
     .child = DaemonIdentity,
     .doc =
         "Who calls from containers that are not this Engine's (podman, LXC). Refused unless something stands here."},
    {.block = DaemonFile,
     .name = "fail",
     .type = T::Mapping,
     .child = DaemonFail,
     .doc = "What happens when something could not be asked; closed refuses, open goes on without."},

    {.block = DaemonSockets,
     .name = "listen",
     .type = T::UnixSocket,
     .doc = "The socket for everybody; --listen wins. unix:///run/ds01/docker.sock if absent."},
    {.block = DaemonSockets,
     .name = "engine",
     .type = T::UnixSocket,
     .doc = "The Engine's own socket; --engine wins. unix:///var/run/docker.sock if absent."},
    {.block = DaemonSockets,
     .name = "group",
     .type = T::Text,
     .doc = "Unix group of the listening socket; root's if absent."},
    {.block = DaemonSockets,
     .name = "mode",
     .type = T::FileMode,
     .doc = "Mode of the listening socket. 0666 if absent: identity decides, not the file."},

    {.block = DaemonGpu,
     .name = "source",
     .type = T::GpuSource,
     .doc = "Where the GPUs come from: nvml, none or sim:/PATH; --gpus wins. nvml if its library loads, else none, if "
            "absent."},
    {.block = DaemonGpu,
     .name = "emitter",
     .type = T::Choice,
     .choices = "sim|nvidia|cdi",
     .doc = "How a lease reaches the container; sim if the source is sim:FILE, else nvidia, if absent."},
    {.block = DaemonGpu,
     .name = "gpus_for_all",
     .type = T::Choice,
     .choices = "one|available",
     .doc = "What --gpus all means: one, or what is free within the limits. one if absent."},
    {.block = DaemonGpu,
     .name = "cdi_dir",
     .type = T::Path,
     .doc = "Where the emitter cdi writes one file per lease; the Engine must read it. /var/run/cdi if absent."},

    {.block = DaemonGpu,
     .name = "read_every",
     .type = T::Duration,
     .positive = true,
     .unit = 's',
     .doc = "How often the NVIDIA driver is asked which GPUs there are. 10 s if absent."},
    {.block = DaemonGpu,
     .name = "read_limit",
     .type = T::Duration,
     .positive = true,
     .unit = 's',
     .doc = "A driver that takes longer to answer counts as hung: the inventory is stale. 20 s if absent."},

    {.block = DaemonMounts,
     .name = "roots",
     .type = T::TextList,
     .doc = "Directories below which binds are allowed; home is the caller's own. [home] if absent."},

    {.block = DaemonQueue,
     .name = "wait",
     .type = T::Duration,
     .unit = 's',
     .doc = "How long a request waits for a GPU; 0: not at all. 180 s if absent."},
    {.block = DaemonQueue,
     .name = "continue_every",
     .type = T::Duration,
     .positive = true,
     .unit = 's',
     .doc = "How often a client that waits is sent 100 Continue, so that its own time limit starts anew; at most four "
            "times. 40 s if absent."},

    {.block = DaemonIdentity,
     .name = "user_namespaces",
     .type = T::Choice,
     .choices = "refuse|owner",
     .doc = "A caller in a user namespace of its own (rootless podman): owner lets it act as the login that made the "
            "namespace. refuse if absent."},
    {.block = DaemonIdentity,
     .name = "cgroups",
     .type = T::MappingList,
     .child = DaemonIdentityCgroup,
     .doc = "Callers in other namespaces by their cgroup; the first that fits counts."},
    {.block = DaemonIdentityCgroup,
     .name = "cgroup",
     .type = T::Path,
     .doc = "Callers at or below this cgroup, as /proc/PID/cgroup shows it, and only where nobody but root can make "
            "cgroups; say /lxc.payload.web."},
    {.block = DaemonIdentityCgroup,
     .name = "login",
     .type = T::Text,
     .doc = "Act as this login, without its rights as an admin."},

    {.block = DaemonFail,
     .name = "gpu_inventory",
     .type = T::Choice,
     .choices = "closed|open",
     .doc = "While the GPU driver does not answer: closed gives no GPU, open goes by what was last seen. closed if "
            "absent."},
    {.block = DaemonFail,
     .name = "events",
     .type = T::Choice,
     .choices = "closed|open",
     .doc = "While events.jsonl cannot be written: closed refuses create, start and exec, open goes on without the "
            "record. open if absent."},
    {.block = DaemonFail,
     .name = "user_database",
     .type = T::Choice,
     .choices = "closed|open",
     .doc = "While the user database (NSS) does not answer: closed refuses everything, open lets those whom it knew "
            "within the last hour look at what is theirs and change nothing. closed if absent."},

    {.block = GpuFile, .name = "gpus", .type = T::MappingList, .child = GpuFileGpu, .doc = "The GPUs."},
    {.block = GpuFileGpu, .name = "index", .type = T::Count, .doc = "Index of the GPU, from 0."},
    {.block = GpuFileGpu, .name = "uuid", .type = T::Text, .doc = "GPU-…"},
    {.block = GpuFileGpu, .name = "model", .type = T::Text, .doc = "As the driver names it."},
    {.block = GpuFileGpu, .name = "memory_mib", .type = T::Count, .positive = true, .doc = "Memory in MiB."},
    {.block = GpuFileGpu,
     .name = "slices",
     .type = T::Count,
     .positive = true,
     .doc = "Compute slices that MIG can cut it into. 7 if absent."},
    {.block = GpuFileGpu,
     .name = "mig",
     .type = T::MappingList,
     .child = GpuFileMig,
     .doc = "MIG instances; absent: the GPU is whole; empty: MIG is on and nothing can be given."},
    {.block = GpuFileGpu,
     .name = "device_nodes",
     .type = T::TextList,
     .doc = "Device nodes on this host that the nvidia emitter gives with the GPU, or with any instance of it."},
    {.block = GpuFileMig, .name = "profile", .type = T::Text, .doc = "2g.20gb"},
    {.block = GpuFileMig, .name = "uuid", .type = T::Text, .doc = "MIG-…"},
    {.block = GpuFileMig,
     .name = "memory_mib",
     .type = T::Count,
     .positive = true,
     .doc = "Memory in MiB; as the profile says if absent."},
    {.block = GpuFileMig,
     .name = "device_nodes",
     .type = T::TextList,
     .doc = "Device nodes on this host that come beside those of the GPU."},
});

}  // namespace

std::span<const Key> daemonRows() {
  return kRows;
}

}  // namespace ds01::config
