#include <algorithm>
#include <array>
#include <expected>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/pass.h"
#include "admission/references.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

struct ModeField {
  std::string_view field;  // of HostConfig
  std::string_view flag;
  bool may_join;  // "container:REF" is understood
  std::array<std::string_view, 4> allowed;
};

constexpr std::array kModes{
    ModeField{"IpcMode", "--ipc", true, {"", "none", "private", "shareable"}},
    ModeField{"PidMode", "--pid", true, {"", "", "", ""}},
    ModeField{"UTSMode", "--uts", false, {"", "", "", ""}},
    ModeField{"UsernsMode", "--userns", false, {"", "", "", ""}},
    ModeField{"CgroupnsMode", "--cgroupns", false, {"", "private", "private", "private"}},
};

// What to put instead of `ref`, or a refusal. For admins the Engine answers for what is missing.
std::expected<std::string, Denial> resolve(const Context& context, const std::string& ref) {
  const auto found = context.facts.containers.find(ref);
  if (found != context.facts.containers.end() && (found->second.own || context.admin())) return found->second.id.str();
  if (context.admin()) return ref;
  return std::unexpected(noSuchContainer(ref));
}

// A network as it is sent on.
struct Network {
  std::string name;     // by which it stands in the request; for what could be an id, the full one
  std::string id = {};  // empty for a predefined one
};

constexpr std::string_view kHostNetwork = "host";

// The Engine looks networks up anew at each start, by id only where one was given: without it, somebody else's of the
// same name would do, once the one that was meant is gone.
std::expected<Network, Denial> resolveNetwork(const Context& context, std::string_view network,
                                              std::string_view where) {
  const auto hosts = [&context, where]() -> std::expected<Network, Denial> {
    const bool free = context.facts.limits.host_network || context.excused(RuleClass::Host);
    if (free) return Network{std::string(kHostNetwork)};
    return std::unexpected(explained(
        forbidden("host_namespace",
                  fmt::format("--network host ({}) is not allowed here; publish ports with -p instead", where)),
        {std::string(where), "host", "bridge, none, a network by name, container:NAME of your own"},
        "Replace --network host by -p PORT:PORT for each port that others need."));
  };
  if (network == kHostNetwork) return hosts();
  if (isPredefinedNetwork(network)) return Network{std::string(network)};
  const auto found = context.facts.networks.find(std::string(network));
  // Not the Engine's 404: a create that is answered so makes clients pull the image and try again.
  Denial not_found = malformed("network", fmt::format("network {} not found ({})", network, where));
  not_found.rules = RuleClass::Ownership;
  const auto missing = std::unexpected(std::move(not_found));
  if (found == context.facts.networks.end()) return missing;
  if (found->second.name == kHostNetwork) return hosts();
  if (isPredefinedNetwork(found->second.name)) return Network{found->second.name};
  if (!found->second.own && !context.excused(RuleClass::Ownership)) return missing;
  return Network{mayBeNetworkId(network) ? found->second.id : std::string(network), found->second.id};
}

// The endpoint under `network`, with the id of that network.
json::object pinned(const json::value& endpoint, const Network& network) {
  json::object out = endpoint.is_object() ? endpoint.get_object() : json::object();
  if (!network.id.empty()) out["NetworkID"] = network.id;
  return out;
}

// The Engine connects a container to the network of its mode only if nothing else is asked for.
void pinMode(json::object& body, const Network& network) {
  if (network.id.empty()) return;
  json::value& networking = body["NetworkingConfig"];
  if (!networking.is_object()) networking = json::object();
  json::value& endpoints = networking.get_object()["EndpointsConfig"];
  if (!endpoints.is_object()) endpoints = json::object();
  json::object& list = endpoints.get_object();
  if (list.empty()) list[network.name] = pinned(nullptr, network);
}

// The names of the networks in EndpointsConfig, judged and resolved.
Verdict resolveEndpoints(Context& context, json::object& endpoints) {
  static constexpr std::string_view kWhere = "NetworkingConfig.EndpointsConfig";
  json::object resolved;
  for (auto& entry : endpoints) {
    auto network = resolveNetwork(context, {entry.key().data(), entry.key().size()}, kWhere);
    if (!network) return network.error();
    const json::object* endpoint = entry.value().if_object();
    if (endpoint != nullptr && !context.excused(RuleClass::Host)) {
      if (Verdict denial = checkEndpoint(*endpoint, fmt::format("{}[]", kWhere))) return denial;
    }
    json::value sent = network->id.empty() ? entry.value() : json::value(pinned(entry.value(), *network));
    if (!resolved.emplace(network->name, std::move(sent)).second) {
      return malformed("network", fmt::format("the network {} stands there twice ({})", network->name, kWhere));
    }
  }
  endpoints = std::move(resolved);
  return std::nullopt;
}

// In the host's /dev/shm root of a container would be root on what all others keep there. While folders are only
// watched nobody is made to run as their owner.
bool mayHaveHostIpc(const Context& context) {
  const Limits& limits = context.facts.limits;
  return limits.host_ipc && limits.run_as_owner && !context.excused(RuleClass::Mounts);
}

Denial noHostIpc(const Context& context) {
  const bool alone = context.facts.limits.host_ipc;
  return explained(
      forbidden("host_namespace",
                alone
                    ? "--ipc host (HostConfig.IpcMode) is for containers that run as their owner, which those of your "
                      "group do not (run_as_owner); leave it out"
                    : "--ipc host (HostConfig.IpcMode) is not allowed here; leave it out"),
      {"HostConfig.IpcMode", "host", "nothing, or container:NAME of your own"},
      "Leave --ipc out; for more shared memory use --shm-size.");
}

// One that was made while it was allowed keeps it.
Verdict checkJoinedIpc(const Context& context) {
  const std::string_view mode = text(context.host(), kIpcMode);
  if (!mode.starts_with(kContainerMode) || mayHaveHostIpc(context)) return std::nullopt;
  const auto joined = context.facts.containers.find(std::string(mode.substr(kContainerMode.size())));
  if (joined == context.facts.containers.end() || !joined->second.own || !joined->second.host_ipc) return std::nullopt;
  return explained(forbidden("host_namespace", fmt::format("--ipc {} (HostConfig.IpcMode) is not allowed here, because "
                                                           "that container has the host's; leave it out",
                                                           shown(mode))),
                   {"HostConfig.IpcMode", shown(mode), "nothing, or container:NAME of your own"}, "Leave --ipc out.");
}

bool sharesHostNetwork(const Context& context) {
  const std::string_view mode = text(context.host(), "NetworkMode");
  if (mode == kHostNetwork) return true;
  // Whose network that is is not looked up; who may have the host's may have joined it there.
  if (mode.starts_with(kContainerMode)) return context.facts.limits.host_network;
  const json::object* const networking = object(std::as_const(context.body()), "NetworkingConfig");
  const json::object* const endpoints = networking == nullptr ? nullptr : object(*networking, "EndpointsConfig");
  return endpoints != nullptr && endpoints->contains(kHostNetwork);
}

Verdict resolveModes(Context& context) {
  for (const std::string_view field : kJoiningModes) {
    const std::string_view mode = text(context.host(), field);
    if (!mode.starts_with(kContainerMode)) continue;
    auto id = resolve(context, std::string(mode.substr(kContainerMode.size())));
    if (!id) return id.error();
    context.host()[field] = std::string(kContainerMode) + *id;
  }
  return std::nullopt;
}

Verdict resolveLinks(Context& context) {
  const auto links = strings(context.host(), "Links", "HostConfig.");
  if (!links) return links.error();
  if (links->empty()) return std::nullopt;
  json::array resolved;
  for (const std::string& text : *links) {
    const std::optional<Link> link = parseLink(text);
    if (!link) return malformed("link", fmt::format("bad format for --link (HostConfig.Links): {}", shown(text)));
    auto id = resolve(context, link->container);
    if (!id) return id.error();
    resolved.emplace_back(*id + ":" + link->alias);
  }
  context.host()["Links"] = std::move(resolved);
  return std::nullopt;
}

}  // namespace

// Not the Engine's 404: a create that is answered so makes clients pull the image and try again.
Denial noSuchContainer(std::string_view ref) {
  return {400, "container", fmt::format("No such container: {}", ref)};
}

Verdict checkNamespaces(Context& context) {
  for (const ModeField& mode : kModes) {
    const std::string_view value = text(context.host(), mode.field);
    if (std::ranges::find(mode.allowed, value) != mode.allowed.end()) continue;
    if (mode.may_join && value.starts_with(kContainerMode)) continue;  // resolveContainers() judges whose
    if (mode.field == kIpcMode && value == "host") {
      if (mayHaveHostIpc(context)) continue;
      return noHostIpc(context);
    }
    return explained(forbidden(value == "host" ? "host_namespace" : "namespace",
                               fmt::format("{} {} (HostConfig.{}) is not allowed here; leave it out", mode.flag,
                                           shown(value), mode.field)),
                     {fmt::format("HostConfig.{}", mode.field), shown(value),
                      mode.may_join ? "nothing, or container:NAME of your own" : "nothing"},
                     fmt::format("Leave {} out.", mode.flag));
  }
  return checkJoinedIpc(context);
}

Verdict checkNetworks(Context& context) {
  const std::string mode(text(context.host(), "NetworkMode"));
  Network of_mode;
  if (!mode.empty() && !mode.starts_with(kContainerMode)) {
    auto network = resolveNetwork(context, mode, "HostConfig.NetworkMode");
    if (!network) return network.error();
    of_mode = std::move(*network);
    context.host()["NetworkMode"] = of_mode.name;
  }
  json::object* networking = object(context.body(), "NetworkingConfig");
  if (json::object* endpoints = networking == nullptr ? nullptr : object(*networking, "EndpointsConfig")) {
    if (Verdict denial = resolveEndpoints(context, *endpoints)) return denial;
  }
  pinMode(context.body(), of_mode);
  if (!sharesHostNetwork(context) || context.excused(RuleClass::Host)) return std::nullopt;
  // Root in the container would read the traffic of everybody, and take the places of the machine's own services.
  return withoutCapabilities(context, {"NET_RAW", "NET_BIND_SERVICE"}, "--network host");
}

Verdict checkEndpoint(const json::object& endpoint, std::string_view where) {
  if (isSet(endpoint, "NetworkID")) {
    return explained(
        forbidden("network_id", fmt::format("{}.NetworkID is not allowed here, because the Engine prefers it to the "
                                            "network's name; leave it out",
                                            where)),
        {fmt::format("{}.NetworkID", where), shown(text(endpoint, "NetworkID")), "nothing"},
        "Leave NetworkID out; the network is the one by whose name it stands.");
  }
  if (isSet(endpoint, "DriverOpts")) {
    return explained(forbidden("network_driver_options",
                               fmt::format("driver options of a network connection ({}.DriverOpts) are not "
                                           "allowed here, because they can set sysctls; leave them out",
                                           where)),
                     {fmt::format("{}.DriverOpts", where), "", "nothing"}, "Leave the driver options out.");
  }
  return std::nullopt;
}

Verdict resolveContainers(Context& context) {
  if (Verdict denial = resolveModes(context)) return denial;
  return resolveLinks(context);
}

}  // namespace ds01::admission
