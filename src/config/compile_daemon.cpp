// ds01d.yaml.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "config/compile_parts.h"

namespace ds01::config {
namespace {

// sun_path holds 108 bytes with the closing NUL (unix(7)).
constexpr std::size_t kLongestSocketPath = 107;

// Directories that hold what runs the machine: who mounts one, or what lies above it, has the host.
constexpr std::array<std::string_view, 13> kNeverRoots{"/bin",  "/boot", "/dev",  "/etc", "/lib", "/lib64", "/proc",
                                                       "/root", "/run",  "/sbin", "/sys", "/usr", "/var"};

void readSockets(const Section& section, SocketSettings& sockets, Report& report) {
  take(section, "listen", sockets.listen_path);
  take(section, "engine", sockets.engine_path);
  takeGroupName(section, "group", sockets.group, report);
  std::int64_t mode = sockets.mode;
  take(section, "mode", mode);
  sockets.mode = static_cast<unsigned>(mode);
  const Entry* listen = section.find("listen");
  if (listen != nullptr && sockets.listen_path == sockets.engine_path) {
    report.error(listen->value_at, listen->path, "is the Engine's own socket; expected another one");
  }
}

void readGpu(const Section& section, GpuSettings& gpu) {
  std::string source;
  take(section, "source", source);
  if (!source.empty()) gpu.source = parseGpuSource(source);
  std::string emitter;
  take(section, "emitter", emitter);
  if (emitter == "sim") gpu.emitter = Emitter::Sim;
  if (emitter == "nvidia") gpu.emitter = Emitter::Nvidia;
  if (emitter == "cdi") gpu.emitter = Emitter::Cdi;
  std::string for_all;
  take(section, "gpus_for_all", for_all);
  if (for_all == "available") gpu.gpus_for_all = GpusForAll::Available;
  take(section, "cdi_dir", gpu.cdi_dir);
  take(section, "read_every", gpu.read_every);
  take(section, "read_limit", gpu.read_limit);
}

// Whether `path` is `top` or below it; both absolute and clean.
bool isWithin(std::string_view top, std::string_view path) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

// Empty if a mount root may be `path`, else the end of a sentence.
std::string whyNoRoot(std::string_view path) {
  if (!isCleanPath(path)) return fmt::format("\"{}\" is not home and not an absolute path without . and ..", path);
  if (path == "/") return "/ is the whole host; expected a directory for users' data";
  const auto* system = std::ranges::find_if(kNeverRoots, [path](std::string_view top) { return isWithin(top, path); });
  if (system == kNeverRoots.end()) return {};
  return fmt::format("{} is part of the system, as everything below {} is; expected a directory for users' data", path,
                     *system);
}

void readMounts(const Section& section, MountSettings& mounts, Report& report) {
  const Entry* roots = section.find("roots");
  if (roots == nullptr) return;
  mounts.home = false;
  for (const TextItem& item : std::get<std::vector<TextItem>>(roots->value)) {
    if (item.text == "home") {
      mounts.home = true;
    } else if (const std::string reason = whyNoRoot(item.text); !reason.empty()) {
      report.error(item.at, roots->path, reason);
    } else {
      mounts.directories.push_back(item.text);
    }
  }
}

void readIdentity(const Section& section, IdentitySettings& identity, Report& report) {
  std::string spaces;
  take(section, "user_namespaces", spaces);
  identity.user_namespaces_of_owner = spaces == "owner";
  const Entry* list = section.find("cgroups");
  if (list == nullptr) return;
  for (const Section& place : std::get<std::vector<Section>>(list->value)) {
    IdentitySettings::Cgroup cgroup;
    take(place, "cgroup", cgroup.path);
    take(place, "login", cgroup.login);
    if (place.find("cgroup") == nullptr) {
      report.error(place.at, "identity.cgroups.cgroup", "is missing; expected a cgroup's path");
    } else if (cgroup.path == "/") {
      report.error(place.at, "identity.cgroups.cgroup", "/ is everybody; expected a cgroup of one container");
    }
    if (cgroup.login.empty()) report.error(place.at, "identity.cgroups.login", "is missing; expected a login");
    identity.cgroups.push_back(std::move(cgroup));
  }
}

// Goes into the target of a request as it is: letters, digits and _ between slashes.
bool isRulePath(std::string_view text) {
  bool begins = true;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    const bool of_a_name = letter || (digit && !begins);
    if (c == '/' ? begins : !of_a_name) return false;
    begins = c == '/';
  }
  return !begins;
}

// Headers of requests that mean something already: what clients may send (gateway/head_writer.cpp), what HTTP goes by,
// what ds01d writes itself, and what dockerd does not show to plugins.
constexpr auto kTakenHeaders = std::to_array<std::string_view>(
    {"accept", "authorization", "connection", "cookie", "expect", "host", "http2-settings", "keep-alive", "origin",
     "te", "trailer", "transfer-encoding", "upgrade", "user-agent"});
constexpr auto kTakenBeginnings =
    std::to_array<std::string_view>({"accept-", "content-", "proxy-", "sec-", "x-docker-", "x-ds01-", "x-registry-"});

// RFC 9110, 5.6.2.
bool isToken(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || kMarks.contains(c);
  });
}

bool isTaken(std::string_view header) {
  std::string name(header);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return std::ranges::find(kTakenHeaders, name) != kTakenHeaders.end() ||
         std::ranges::any_of(kTakenBeginnings, [&](std::string_view begin) { return name.starts_with(begin); });
}

void checkUserHeader(const Entry& entry, std::string_view name, Report& report) {
  if (!isToken(name)) {
    report.error(entry.value_at, entry.path, fmt::format("\"{}\" is no name of a header, such as Authz-User", name));
  } else if (isTaken(name)) {
    report.error(
        entry.value_at, entry.path,
        fmt::format("{} has a meaning already; expected a name that nobody else uses, such as Authz-User", name));
  }
}

void readPolicy(const Section& section, PolicySettings& policy, Report& report) {
  take(section, "opa", policy.opa);
  take(section, "decision", policy.decision);
  take(section, "limit", policy.limit);
  take(section, "ask_about_looking", policy.ask_look);
  take(section, "engine_user_header", policy.engine_user_header);
  const Entry* const user_header = section.find("engine_user_header");
  if (user_header != nullptr && policy.engine_user_header) {
    checkUserHeader(*user_header, *policy.engine_user_header, report);
  }
  const Entry* const decision = section.find("decision");
  if (decision != nullptr && !isRulePath(policy.decision)) {
    report.error(
        decision->value_at, decision->path,
        fmt::format("\"{}\" is not a package and a rule by slashes, such as docker/authz/verdict", policy.decision));
  }
}

void takeDirection(const Section& section, std::string_view name, FailDirection& out) {
  std::string text;
  take(section, name, text);
  if (text == "closed") out = FailDirection::Closed;
  if (text == "open") out = FailDirection::Open;
}

}  // namespace

std::expected<std::string, std::string> unixSocketPath(std::string_view url) {
  static constexpr std::string_view kScheme = "unix://";
  if (!url.starts_with(kScheme) || url.size() <= kScheme.size() + 1 || url[kScheme.size()] != '/') {
    return std::unexpected(fmt::format("\"{}\" is not a Unix socket; write unix:///PATH", url));
  }
  std::string path(url.substr(kScheme.size()));
  if (path.size() > kLongestSocketPath) {
    return std::unexpected(
        fmt::format("the path has {} bytes; a Unix socket's may have {}", path.size(), kLongestSocketPath));
  }
  return path;
}

std::optional<GpuSource> parseGpuSource(std::string_view text) {
  static constexpr std::string_view kSim = "sim:";
  if (text == "nvml") return GpuSource{.kind = GpuSource::Kind::Nvml, .file = {}};
  if (text == "none") return GpuSource{.kind = GpuSource::Kind::None, .file = {}};
  if (!text.starts_with(kSim) || text.size() == kSim.size()) return std::nullopt;
  return GpuSource{.kind = GpuSource::Kind::Sim, .file = std::string(text.substr(kSim.size()))};
}

void readDaemon(const Section& file, Config& config, Report& report) {
  DaemonSettings& daemon = config.daemon;
  if (const Section* sockets = below(file, "sockets")) readSockets(*sockets, daemon.sockets, report);
  if (const Section* gpu = below(file, "gpu")) readGpu(*gpu, daemon.gpu);
  if (const Section* mounts = below(file, "mounts")) readMounts(*mounts, daemon.mounts, report);
  if (const Section* queue = below(file, "queue")) {
    take(*queue, "wait", daemon.queue.wait);
    take(*queue, "continue_every", daemon.queue.continue_every);
  }
  if (const Section* policy = below(file, "policy")) readPolicy(*policy, daemon.policy, report);
  if (const Section* identity = below(file, "identity")) readIdentity(*identity, daemon.identity, report);
  if (const Section* fail = below(file, "fail")) {
    takeDirection(*fail, "gpu_inventory", daemon.fail.gpu_inventory);
    takeDirection(*fail, "events", daemon.fail.events);
    takeDirection(*fail, "user_database", daemon.fail.user_database);
    takeDirection(*fail, "policy_look", daemon.policy.fail_look);
    takeDirection(*fail, "policy_change", daemon.policy.fail_change);
    takeDirection(*fail, "policy_make", daemon.policy.fail_make);
  }
  takeLogins(file, "service_users", daemon.service_users, report);
  takeLogins(file, "launchers", daemon.launchers, report);
  for (const std::string& login : daemon.launchers) {
    if (daemon.service_users.contains(login)) continue;
    report.error(file.find("launchers")->value_at, "launchers",
                 fmt::format("names {}, which service_users does not; a launcher stands in both", login));
  }
}

}  // namespace ds01::config
