#include "admission/references.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <vector>

#include "admission/admission.h"
#include "admission/json_access.h"
#include "admission/mount_spec.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// One list of a request: each entry once, in order. A body has room for some 100,000 of them.
class Collected {
 public:
  explicit Collected(std::vector<std::string>& list) : list_(list) {}
  void add(std::string_view entry) {
    if (!entry.empty() && seen_.emplace(entry).second) list_.emplace_back(entry);
  }

 private:
  std::vector<std::string>& list_;
  std::set<std::string, std::less<>> seen_;
};

std::vector<std::string> stringsOrNone(const json::object& host, std::string_view field) {
  return strings(host, field, "HostConfig.").value_or(std::vector<std::string>{});
}

void collectContainers(const json::object& host, References& found) {
  Collected containers(found.containers);
  Collected looked_into(found.looked_into);
  for (const std::string_view field : kJoiningModes) {
    const std::string_view mode = text(host, field);
    if (!mode.starts_with(kContainerMode)) continue;
    containers.add(mode.substr(kContainerMode.size()));
    if (field == kIpcMode) looked_into.add(mode.substr(kContainerMode.size()));
  }
  for (const std::string& entry : stringsOrNone(host, "Links")) {
    if (const std::optional<Link> link = parseLink(entry)) containers.add(link->container);
  }
  for (const std::string& entry : stringsOrNone(host, "VolumesFrom")) {
    const std::string_view container = std::string_view(entry).substr(0, entry.find(':'));  // "REF[:ro|rw]"
    containers.add(container);
    looked_into.add(container);
  }
}

void collectBindSources(const json::object& host, References& found) {
  Collected sources(found.bind_sources);
  for (const std::string& entry : stringsOrNone(host, "Binds")) {
    const auto spec = parseBind(entry);
    if (spec && spec->kind == BindSpec::Kind::HostPath) sources.add(spec->source);
  }
  const json::array* mounts = array(host, "Mounts");
  if (mounts == nullptr) return;
  for (const json::value& element : *mounts) {
    const json::object* mount = element.if_object();
    if (mount != nullptr && text(*mount, "Type") == "bind") sources.add(text(*mount, "Source"));
  }
}

void collectNetworks(const json::object& body, const json::object* host, References& found) {
  Collected networks(found.networks);
  const auto collect = [&](std::string_view network) {
    if (!isPredefinedNetwork(network) && !network.starts_with(kContainerMode)) networks.add(network);
  };
  if (host != nullptr) collect(text(*host, "NetworkMode"));
  const json::object* networking = object(body, "NetworkingConfig");
  const json::object* endpoints = networking == nullptr ? nullptr : object(*networking, "EndpointsConfig");
  if (endpoints == nullptr) return;
  for (const auto& endpoint : *endpoints) collect({endpoint.key().data(), endpoint.key().size()});
}

}  // namespace

bool isPredefinedNetwork(std::string_view network) {
  static constexpr std::array<std::string_view, 4> kPredefined{"default", "bridge", "none", "host"};
  return std::ranges::find(kPredefined, network) != kPredefined.end();
}

std::vector<std::string> namedVolumes(const json::object& host) {
  std::vector<std::string> names;
  Collected collected(names);
  for (const std::string& entry : stringsOrNone(host, "Binds")) {
    const auto spec = parseBind(entry);
    if (spec && spec->kind == BindSpec::Kind::Named) collected.add(spec->source);
  }
  const json::array* mounts = array(host, "Mounts");
  if (mounts == nullptr) return names;
  for (const json::value& element : *mounts) {
    const json::object* mount = element.if_object();
    if (mount != nullptr && text(*mount, "Type") == "volume") collected.add(text(*mount, "Source"));
  }
  return names;
}

bool mayBeNetworkId(std::string_view network) {
  return !network.empty() && network.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

std::optional<Link> parseLink(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view container = text.substr(0, colon);
  std::string_view alias = container;
  if (colon != std::string_view::npos) {
    alias = text.substr(colon + 1);
    if (alias.find(':') != std::string_view::npos) return std::nullopt;
  }
  // Docker's own listings write "/db:/web/db"; only the last part is the alias.
  alias = alias.substr(alias.rfind('/') == std::string_view::npos ? 0 : alias.rfind('/') + 1);
  if (container.empty() || alias.empty()) return std::nullopt;
  return Link{std::string(container), std::string(alias)};
}

References references(const json::object& body) {
  References found;
  found.image = text(body, "Image");
  const json::object* host = object(body, "HostConfig");
  collectNetworks(body, host, found);
  if (host == nullptr) return found;
  collectContainers(*host, found);
  collectBindSources(*host, found);
  found.volumes = namedVolumes(*host);
  return found;
}

}  // namespace ds01::admission
