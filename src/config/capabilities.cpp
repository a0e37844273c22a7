// Which capabilities a site may open to a group. Those of which nobody has shown that they stay within the container's
// own namespaces stay closed, whatever the file says: containers have no user namespace of their own, so a capability
// that the kernel asks for there is the host's.
#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/compile_parts.h"

namespace ds01::config {
namespace {

// What they reach is the container's own: its IPC namespace, memory that its cgroup counts (RDMA and pinned buffers
// need IPC_LOCK; huge pages, which come with it, no cgroup of ours counts).
constexpr std::array<std::string_view, 4> kOpenable{"BLOCK_SUSPEND", "IPC_LOCK", "IPC_OWNER", "WAKE_ALARM"};

// Docker's own; MKNOD is not among them here.
constexpr std::array<std::string_view, 13> kGranted{
    "AUDIT_WRITE", "CHOWN",   "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",      "NET_BIND_SERVICE",
    "NET_RAW",     "SETFCAP", "SETGID",       "SETPCAP", "SETUID", "SYS_CHROOT"};

struct Closed {
  std::string_view name;
  std::string_view because;  // ends "can never be opened: "
};

constexpr std::array kClosed{
    Closed{"AUDIT_CONTROL", "it switches off the host's audit"},
    Closed{"AUDIT_READ", "it reads the host's audit log, with what everybody does"},
    Closed{"BPF", "it puts programs into the host's kernel"},
    Closed{"CHECKPOINT_RESTORE", "it opens files by way of other processes' memory"},
    Closed{"DAC_READ_SEARCH", "it opens any file of the host by its handle"},
    Closed{"LEASE", "it makes others wait for files that they share"},
    Closed{"LINUX_IMMUTABLE", "it makes files that neither their owner nor the Engine can remove"},
    Closed{"MAC_ADMIN", "it changes the host's security rules"},
    Closed{"MAC_OVERRIDE", "it passes the host's security rules"},
    Closed{"MKNOD", "it makes device nodes, of disks and of GPUs without a lease"},
    // By the id that a veth has for the other side's namespace: RTM_NEWLINK and RTM_DELLINK with IFLA_TARGET_NETNSID
    // were tried, rtnetlink(7).
    Closed{"NET_ADMIN", "it reaches the host's network from any other that is connected to it"},
    Closed{"NET_BROADCAST", "it is of no use, since nothing in the kernel asks for it"},
    Closed{"PERFMON", "it watches the processes of everybody and the host's kernel"},
    Closed{"SYSLOG", "it reads the host's kernel log, and addresses in its kernel"},
    Closed{"SYS_ADMIN", "it mounts, enters namespaces and rules the host"},
    Closed{"SYS_BOOT", "it restarts the host"},
    Closed{"SYS_MODULE", "it loads code into the host's kernel"},
    Closed{"SYS_NICE", "it lets processes go before everybody's, and no cgroup limits real-time scheduling"},
    Closed{"SYS_PACCT", "it is the host's accounting"},
    Closed{"SYS_PTRACE",
           "it reaches into runc, which enters a container with all rights of the host's root at each exec; where "
           "AppArmor keeps it from that, everybody may have it"},
    Closed{"SYS_RAWIO", "it reads and writes the host's memory and disks"},
    Closed{"SYS_RESOURCE", "it lifts limits, and has others killed first when memory is short"},
    Closed{"SYS_TIME", "it sets the host's clock"},
    Closed{"SYS_TTY_CONFIG", "it rules the host's terminals"},
};

// As Docker takes it: any case, with or without CAP_ in front.
std::string plainName(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (name.starts_with("CAP_")) name.erase(0, 4);
  return name;
}

bool isOneOf(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Empty: it may be opened.
std::string whyNot(std::string_view name) {
  if (isOneOf(kOpenable, name)) return {};
  if (const auto* closed = std::ranges::find(kClosed, name, &Closed::name); closed != kClosed.end()) {
    return fmt::format("{} can never be opened: {}", name, closed->because);
  }
  if (isOneOf(kGranted, name)) {
    return fmt::format("{} is one of those that Docker grants by itself; leave it out", name);
  }
  if (name == "ALL")
    return fmt::format("expected single capabilities; those that can be opened are {}", fmt::join(kOpenable, ", "));
  return fmt::format("there is no capability {}; those that can be opened are {}", name, fmt::join(kOpenable, ", "));
}

}  // namespace

void takeCapabilities(const Section& section, Setting<std::vector<std::string>>& out, Report& report) {
  const Entry* entry = section.find("capabilities");
  if (entry == nullptr) return;
  std::vector<std::string> names;
  for (const TextItem& item : std::get<std::vector<TextItem>>(entry->value)) {
    std::string name = plainName(item.text);
    const std::string why = whyNot(name);
    if (!why.empty()) {
      report.error(item.at, entry->path, why);
    } else if (std::ranges::find(names, name) != names.end()) {
      report.warning(item.at, entry->path, fmt::format("{} stands there twice", name));
    } else {
      names.push_back(std::move(name));
    }
  }
  out = {.present = true, .value = std::move(names), .at = {.file = section.file, .line = entry->name_at.line}};
}

}  // namespace ds01::config
