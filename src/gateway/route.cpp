#include "gateway/route.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace ds01::gateway {

namespace {

using enum Rule;

constexpr BodyKind kJson = BodyKind::Json;
constexpr BodyKind kStream = BodyKind::Stream;
constexpr BodyKind kNone = BodyKind::None;

constexpr std::string_view kSwarm = "Swarm mode is managed by the administrators of this server.";
constexpr std::string_view kPlugins = "Engine plugins run as root and are managed by the administrators.";
constexpr std::string_view kUnpublished = "Not part of the published API.";

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/_ping", Pass},
    {"HEAD", "/_ping", Pass},
    {"GET", "/version", Pass},
    {"GET", "/info", Pass},
    {"POST", "/auth", Pass, kStream},
    {"GET", "/events", Events},
    {"GET", "/system/df", DiskUsage},
    {"POST", "/session", Session, kNone, UpgradeKind::H2c},
    {"POST", "/grpc", BuildKit, kNone, UpgradeKind::H2c},

    {"GET", "/containers/json", ContainerList},
    {"POST", "/containers/create", ContainerCreate, kJson},
    {"POST", "/containers/prune", ContainerPrune},
    {"GET", "/containers/{}/json", ContainerInspect},
    {"GET", "/containers/{}/top", Container},
    {"GET", "/containers/{}/logs", Container},
    {"GET", "/containers/{}/changes", Container},
    {"GET", "/containers/{}/export", Container},
    {"GET", "/containers/{}/stats", Container},
    {"POST", "/containers/{}/resize", Container},
    {"POST", "/containers/{}/start", ContainerStart},
    {"POST", "/containers/{}/stop", Container},
    {"POST", "/containers/{}/restart", ContainerStart},
    {"POST", "/containers/{}/kill", Container},
    {"POST", "/containers/{}/update", ContainerUpdate, kJson},
    {"POST", "/containers/{}/rename", ContainerRename},
    {"POST", "/containers/{}/pause", Container},
    {"POST", "/containers/{}/unpause", Container},
    {"POST", "/containers/{}/attach", Container, kNone, UpgradeKind::Tcp},
    {"GET", "/containers/{}/attach/ws", Container, kNone, UpgradeKind::WebSocket},
    {"POST", "/containers/{}/wait", Container},
    {"DELETE", "/containers/{}", ContainerRemove},
    {"HEAD", "/containers/{}/archive", Container},
    {"GET", "/containers/{}/archive", Container},
    {"PUT", "/containers/{}/archive", Container, kStream},
    {"POST", "/containers/{}/exec", ExecCreate, kJson},
    {"GET", "/containers/{}/checkpoints", Deny, kNone, UpgradeKind::None, kUnpublished},
    {"POST", "/containers/{}/checkpoints", Deny, kJson, UpgradeKind::None, kUnpublished},
    {"DELETE", "/containers/{}/checkpoints/{}", Deny, kNone, UpgradeKind::None, kUnpublished},
    {"POST", "/exec/{}/start", ExecStart, kJson, UpgradeKind::Tcp},
    {"POST", "/exec/{}/resize", Exec},
    {"GET", "/exec/{}/json", Exec},
    {"POST", "/commit", Commit, kJson},

    {"GET", "/images/json", Pass},
    {"GET", "/images/search", Pass},
    {"GET", "/images/get", Pass},
    {"POST", "/images/create", ImageCreate, kStream},
    {"POST", "/images/load", ImageLoad, kStream},
    {"POST", "/images/prune", ImagePrune},
    {"GET", "/images/{}/json", Pass},
    {"GET", "/images/{}/history", Pass},
    {"GET", "/images/{}/get", Pass},
    {"GET", "/images/{}/attestations", Pass},
    {"POST", "/images/{}/push", ImagePush, kStream},
    {"POST", "/images/{}/tag", ImageTag},
    {"DELETE", "/images/{}", ImageRemove},
    {"GET", "/distribution/{}/json", Pass},
    {"POST", "/build", Build, kStream},
    {"POST", "/build/cancel", BuildCancel},
    {"POST", "/build/prune", BuildPrune},

    {"GET", "/networks", NetworkList},
    {"GET", "/networks/{}", Network},
    {"DELETE", "/networks/{}", Network},
    {"POST", "/networks/create", NetworkCreate, kJson},
    {"POST", "/networks/{}/connect", NetworkContainer, kJson},
    {"POST", "/networks/{}/disconnect", NetworkContainer, kJson},
    {"POST", "/networks/prune", NetworkPrune},

    {"GET", "/volumes", VolumeList},
    {"POST", "/volumes/create", VolumeCreate, kJson},
    {"GET", "/volumes/{}", Volume},
    {"PUT", "/volumes/{}", Deny, kJson, UpgradeKind::None, kSwarm},
    {"DELETE", "/volumes/{}", Volume},
    {"POST", "/volumes/prune", VolumePrune},

    {"GET", "/plugins", Deny, kNone, UpgradeKind::None, kPlugins},
    {"GET", "/plugins/privileges", Deny, kNone, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/pull", Deny, kStream, UpgradeKind::None, kPlugins},
    {"GET", "/plugins/{}/json", Absent, kNone, UpgradeKind::None, "plugin"},
    {"DELETE", "/plugins/{}", Deny, kNone, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/{}/enable", Deny, kNone, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/{}/disable", Deny, kNone, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/{}/upgrade", Deny, kStream, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/create", Deny, kStream, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/{}/push", Deny, kStream, UpgradeKind::None, kPlugins},
    {"POST", "/plugins/{}/set", Deny, kStream, UpgradeKind::None, kPlugins},

    {"GET", "/nodes", Deny, kNone, UpgradeKind::None, kSwarm},
    {"GET", "/nodes/{}", Absent, kNone, UpgradeKind::None, "node"},
    {"DELETE", "/nodes/{}", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/nodes/{}/update", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/swarm", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/swarm/init", Deny, kStream, UpgradeKind::None, kSwarm},
    {"POST", "/swarm/join", Deny, kStream, UpgradeKind::None, kSwarm},
    {"POST", "/swarm/leave", Deny, kStream, UpgradeKind::None, kSwarm},
    {"POST", "/swarm/update", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/swarm/unlockkey", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/swarm/unlock", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/services", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/services/create", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/services/{}", Absent, kNone, UpgradeKind::None, "service"},
    {"DELETE", "/services/{}", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/services/{}/update", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/services/{}/logs", Deny, kNone, UpgradeKind::None, kSwarm},
    {"GET", "/tasks", Deny, kNone, UpgradeKind::None, kSwarm},
    {"GET", "/tasks/{}", Absent, kNone, UpgradeKind::None, "task"},
    {"GET", "/tasks/{}/logs", Deny, kNone, UpgradeKind::None, kSwarm},
    {"GET", "/secrets", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/secrets/create", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/secrets/{}", Absent, kNone, UpgradeKind::None, "secret"},
    {"DELETE", "/secrets/{}", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/secrets/{}/update", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/configs", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/configs/create", Deny, kStream, UpgradeKind::None, kSwarm},
    {"GET", "/configs/{}", Absent, kNone, UpgradeKind::None, "config"},
    {"DELETE", "/configs/{}", Deny, kNone, UpgradeKind::None, kSwarm},
    {"POST", "/configs/{}/update", Deny, kStream, UpgradeKind::None, kSwarm},
});

constexpr auto kSentences = std::to_array<std::pair<Rule, std::string_view>>({
    {Pass, "passes"},
    {Deny, "admins only"},
    {Absent, "admins only; 404 for others"},
    {ContainerList, "own containers only"},
    {ContainerCreate, "admission: checked, rewritten, GPU leased"},
    {ContainerPrune, "own containers only"},
    {Container, "own container"},
    {ContainerInspect, "own container; shows the restart policy that is wanted"},
    {ContainerStart, "own container; its GPU is still or again its own"},
    {ContainerUpdate, "own container; fields examined"},
    {ContainerRename, "own container"},
    {ContainerRemove, "own container; its lease ends"},
    {ExecCreate, "own container; fields examined"},
    {ExecStart, "exec in own container; fields examined"},
    {Exec, "exec in own container"},
    {Commit, "own container; fields checked; new tag or own"},
    {Build,
     "query checked; cgroup parent set; new tags or own; with BuildKit (version=2) only where the site opens it, and "
     "then "
     "asked for here, of Dockerfiles, as by `/grpc`"},
    {BuildCancel, "own build"},
    {ImageCreate,
     "pull, also over what came from that registry; or import of what the client sends, for a new tag or own"},
    {ImageLoad, "new tags or own; uncompressed"},
    {ImagePush, "own tags"},
    {ImageTag, "any image; new tag or own"},
    {ImagePrune, "own ones only, as by removal"},
    {ImageRemove, "own tag, or own image that has no other tag; without force"},
    {BuildPrune, "answered here: the build cache is nobody's own, nothing is removed"},
    {Session,
     "only as upgrade to h2c; of what a client gives the Engine for a build, files, directories and symbolic links "
     "below "
     "its context, without extended attributes, by a key of that session alone; credentials and secrets as they are"},
    {BuildKit,
     "closed unless the site opens BuildKit; then only as upgrade to h2c, and the calls of BuildKit's API one by one: "
     "builds "
     "of Dockerfiles, without entitlements, with new tags or own; the caller's own builds; not the cache, not the "
     "history"},
    {DiskUsage, "own containers and volumes; all images, with the caller's containers counted; no build cache"},
    {Events, "own containers, networks and volumes; images"},
    {NetworkList, "own and predefined networks; containers of others taken out"},
    {Network, "own network, or a predefined one; containers of others taken out"},
    {NetworkCreate, "fields examined; becomes the caller's"},
    {NetworkContainer, "own container and own network, or bridge or none; fields examined"},
    {VolumeList, "own volumes only"},
    {VolumeCreate, "fields examined; becomes the caller's; 409 for somebody else's name"},
    {Volume, "own volume"},
    {VolumePrune, "own ones only"},
    {NetworkPrune, "own ones only"},
});

std::vector<std::string_view> split(std::string_view pattern) {
  std::vector<std::string_view> out;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::size_t slash = pattern.find('/');
    out.push_back(pattern.substr(0, slash));
    pattern = slash == std::string_view::npos ? std::string_view() : pattern.substr(slash);
  }
  return out;
}

struct SplitRoute {
  const Route* route;
  std::vector<std::string_view> parts;
  bool literal;
  bool long_name;  // {} may stand for several segments
};

const std::vector<SplitRoute>& splitRoutes() {
  static const std::vector<SplitRoute> kTable = [] {
    std::vector<SplitRoute> out;
    for (const Route& route : kRoutes) {
      const std::string_view p = route.pattern;
      const bool long_name = p.starts_with("/images/") || p.starts_with("/distribution/") || p.starts_with("/plugins/");
      out.push_back({&route, split(p), p.find("{}") == std::string_view::npos, long_name});
    }
    std::ranges::stable_partition(out, &SplitRoute::literal);
    return out;
  }();
  return kTable;
}

std::optional<RouteMatch> matchOne(const SplitRoute& candidate, const std::vector<std::string>& segments) {
  const auto& parts = candidate.parts;
  if (segments.size() < parts.size() || (segments.size() > parts.size() && !candidate.long_name)) return std::nullopt;
  const std::size_t extra = segments.size() - parts.size();
  RouteMatch match{candidate.route, 0, 0};
  std::size_t at = 0;
  for (const std::string_view part : parts) {
    if (part == "{}") {
      const std::size_t count = match.name_count == 0 ? 1 + extra : 1;
      if (match.name_count == 0) match.name_at = at, match.name_count = count;
      at += count;
    } else if (at < segments.size() && segments[at] == part) {
      ++at;
    } else {
      return std::nullopt;
    }
  }
  if (at != segments.size()) return std::nullopt;
  return match;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

std::optional<RouteMatch> matchRoute(std::string_view method, const Target& target) {
  for (const SplitRoute& candidate : splitRoutes()) {
    if (candidate.route->method != method) continue;
    if (auto match = matchOne(candidate, target.segments)) return match;
  }
  return std::nullopt;
}

bool mustBeRecorded(const Route& route) {
  static constexpr std::array<std::string_view, 8> kPatterns{"/containers/create",
                                                             "/containers/{}/start",
                                                             "/containers/{}/restart",
                                                             "/containers/{}/unpause",
                                                             "/containers/{}/exec",
                                                             "/exec/{}/start",
                                                             "/build",
                                                             "/grpc"};
  return route.method == "POST" && std::ranges::find(kPatterns, route.pattern) != kPatterns.end();
}

bool onlyLooks(const Route& route) {
  return (route.method == "GET" || route.method == "HEAD") && route.upgrade == UpgradeKind::None;
}

std::string_view toString(Rule rule) {
  const auto* const found = std::ranges::find(kSentences, rule, &std::pair<Rule, std::string_view>::first);
  return found != kSentences.end() ? found->second : std::string_view();
}

std::string routesAsMarkdown() {
  std::string out =
      "# What users may ask of the Engine\n\n"
      "This is the route table (`src/gateway/route.cpp`); the test `ApiRules.documentIsCurrent` compares both. The "
      "rules\n"
      "are for everybody who is not an admin; admins pass, except that containers they create are admitted and leased "
      "like\n"
      "others. An endpoint that is not listed is refused, as is an API version before 1.24. `{}` is a name or id; "
      "with\n"
      "\"own container\" it is resolved once and sent on as the full id, and somebody else's container does not "
      "exist.\n"
      "A container that was not made through this socket is nobody's own; who is named in it may inspect (reduced), "
      "stop\n"
      "and remove it, read its stats and wait for it (`src/gateway/named_owner.cpp`).\n"
      "Body: *json* is read whole (at most 4 MiB), checked key by key and written anew; *stream* is relayed as it "
      "comes.\n"
      "\n| Method | Path | Rule | Body | Upgrade | Note |\n|---|---|---|---|---|---|\n";
  for (const Route& r : kRoutes) {
    const std::string_view body = r.body == kJson ? "json" : r.body == kStream ? "stream" : "";
    const std::string_view upgrade = r.upgrade == UpgradeKind::Tcp         ? "tcp"
                                     : r.upgrade == UpgradeKind::H2c       ? "h2c"
                                     : r.upgrade == UpgradeKind::WebSocket ? "websocket"
                                                                           : "";
    out += fmt::format("| {} | `{}` | {} | {} | {} | {} |\n", r.method, r.pattern, toString(r.rule), body, upgrade,
                       r.note);
  }
  return out;
}

}  // namespace ds01::gateway
