#include "admission/endpoints.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admission/body_schema.h"
#include "admission/json_access.h"
#include "admission/labels.h"
#include "admission/mount_spec.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

std::unexpected<Denial> refuse(std::string reason, std::string sentence) {
  return std::unexpected(forbidden(std::move(reason), std::move(sentence)));
}

// Takes out what only we may say.
Verdict cleanLabels(json::object& body) {
  json::object* labels = object(body, "Labels");
  if (labels == nullptr) return std::nullopt;
  removeReservedLabels(*labels);
  return checkLabelSize(*labels);
}

// Options that shape the network alone. Others name interfaces or addresses of the host.
Verdict checkBridgeOptions(const json::object& body) {
  static constexpr std::array<std::string_view, 3> kAllowed{"com.docker.network.driver.mtu",
                                                            "com.docker.network.bridge.enable_icc",
                                                            "com.docker.network.bridge.enable_ip_masquerade"};
  const json::object* options = object(body, "Options");
  if (options == nullptr) return std::nullopt;
  for (const auto& option : *options) {
    const std::string_view key(option.key().data(), option.key().size());
    if (std::ranges::find(kAllowed, key) != kAllowed.end()) continue;
    return forbidden("network_option",
                     fmt::format("the network option {} (-o, Options) is not allowed here; only {} are", shown(key),
                                 fmt::join(kAllowed, ", ")));
  }
  return std::nullopt;
}

Verdict checkIpam(const json::object& body) {
  const json::object* ipam = object(body, "IPAM");
  if (ipam == nullptr) return std::nullopt;
  const std::string_view driver = text(*ipam, "Driver");
  if (!driver.empty() && driver != "default") {
    return forbidden("network_ipam",
                     fmt::format("--ipam-driver {} (IPAM.Driver) is not allowed here; leave it out", shown(driver)));
  }
  if (isSet(*ipam, "Options")) {
    return forbidden("network_ipam", "--ipam-opt (IPAM.Options) is not allowed here; leave it out");
  }
  return std::nullopt;
}

Verdict checkNetworkKind(const json::object& body) {
  const std::string_view driver = text(body, "Driver");
  if (!driver.empty() && driver != "bridge") {
    return forbidden(
        "network_driver",
        fmt::format("--driver {} (Driver) is not allowed here; use bridge, or leave it out", shown(driver)));
  }
  const std::string_view scope = text(body, "Scope");
  if (!scope.empty() && scope != "local") {
    return forbidden("network_scope",
                     fmt::format("--scope {} (Scope) is not allowed here; leave it out", shown(scope)));
  }
  const json::object* from = object(body, "ConfigFrom");
  if (isSet(body, "Ingress") || isSet(body, "ConfigOnly") || (from != nullptr && isSet(*from, "Network"))) {
    return forbidden(
        "network_scope",
        "--ingress, --config-only and --config-from (Ingress, ConfigOnly, ConfigFrom) are not allowed here; "
        "leave them out");
  }
  return std::nullopt;
}

}  // namespace

BodyVerdict examineExec(json::object body, bool admin) {
  if (!admin && isSet(body, "Privileged")) {
    return refuse("privileged", "--privileged (Privileged) is not allowed here for exec either; leave it out");
  }
  return body;
}

std::optional<Denial> execAsOwner(json::object& body, const User& owner) {
  const std::string user(text(std::as_const(body), "User"));
  if (user.empty()) return std::nullopt;  // the container's own, which is the owner
  const std::optional<std::string> own = asOwner(user, owner);
  if (!own) {
    return explained(forbidden("runs_as_owner", fmt::format("--user {} (User) is not allowed here: this container and "
                                                            "all that is executed in it run as you; leave it out",
                                                            shown(user))),
                     {"User", shown(user), fmt::format("{}:{}", owner.uid, owner.gid)},
                     fmt::format("Leave --user {} out.", shown(user)));
  }
  body["User"] = *own;
  return std::nullopt;
}

BodyVerdict examineExecStart(json::object body, bool) {
  // Detach, Tty and ConsoleSize say how to attach; the command was decided when the exec was made.
  return body;
}

BodyVerdict examineNetworkCreate(json::object body, bool admin) {
  if (Verdict denial = cleanLabels(body)) return std::unexpected(std::move(*denial));
  if (admin) return body;
  for (const auto check : {checkNetworkKind, checkBridgeOptions, checkIpam}) {
    if (Verdict denial = check(body)) return std::unexpected(std::move(*denial));
  }
  return body;
}

BodyVerdict examineNetworkEndpoint(json::object body, bool admin) {
  if (endpointContainer(body).empty()) {
    return std::unexpected(malformed("container", "the request names no container (Container)"));
  }
  const json::object* endpoint = object(std::as_const(body), "EndpointConfig");
  if (admin || endpoint == nullptr) return body;
  if (Verdict denial = checkEndpoint(*endpoint, "EndpointConfig")) return std::unexpected(std::move(*denial));
  return body;
}

BodyVerdict examineVolumeCreate(json::object body, bool admin) {
  if (Verdict denial = cleanLabels(body)) return std::unexpected(std::move(*denial));
  if (admin) return body;
  const std::string_view driver = text(body, "Driver");
  if (!driver.empty() && driver != "local") {
    return refuse("volume_driver",
                  fmt::format("--driver {} (Driver) is not allowed here; leave it out", shown(driver)));
  }
  if (isSet(body, "DriverOpts")) {
    return refuse(
        "volume_options",
        "--opt (DriverOpts) is not allowed here, because it can mount anything of the host; use a plain volume, "
        "or mount a directory of your own with -v");
  }
  if (isSet(body, "ClusterVolumeSpec")) {
    return refuse("volume_cluster", "cluster volumes (ClusterVolumeSpec) are not allowed here; use a plain volume");
  }
  const std::string_view name = text(body, "Name");
  if (!name.empty() && !validVolumeName(name)) {
    return std::unexpected(malformed(
        "volume_name",
        fmt::format("{} is no name for a volume: two characters or more, letters, digits and _.- only", shown(name))));
  }
  return body;
}

std::optional<Denial> examineBuildUlimits(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(text, ec);
  const json::array* const ulimits = value.if_array();
  if (!ec && value.is_null()) return std::nullopt;  // docker build always sends some
  if (ec || ulimits == nullptr) return malformed("ulimit", "the ulimits of a build (--ulimit) must be a list");
  for (const json::value& element : *ulimits) {
    const json::object* const ulimit = element.if_object();
    if (ulimit == nullptr) return malformed("ulimit", "the ulimits of a build (--ulimit) must be a list of objects");
    for (const auto& [key, name] : *ulimit) {
      if (foldKey(key) != "name" || !name.is_string() || !outranksOthers(view(name.get_string()))) continue;
      return forbidden("ulimit", fmt::format("--ulimit {} is not allowed here, because it lets processes go before "
                                             "everybody else's; leave it out",
                                             shown(view(name.get_string()))));
    }
  }
  return std::nullopt;
}

std::string endpointContainer(const json::object& body) {
  return std::string(text(body, "Container"));
}

void pinEndpoint(json::object& body, std::string_view network_id) {
  json::value& endpoint = body["EndpointConfig"];
  if (!endpoint.is_object()) endpoint = json::object();
  endpoint.get_object()["NetworkID"] = network_id;
}

void replaceEndpointContainer(json::object& body, const ContainerId& id) {
  body["Container"] = id.str();
}

}  // namespace ds01::admission
