#include "gateway/handlers.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "admission/endpoints.h"
#include "admission/json_access.h"
#include "admission/json_guard.h"
#include "admission/references.h"
#include "gateway/archive_guard.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/create_plan.h"
#include "gateway/docker_filters.h"
#include "gateway/event_filter.h"
#include "gateway/named_owner.h"
#include "gateway/owned_objects.h"
#include "gateway/pin_views.h"
#include "gateway/service_view.h"
#include "gateway/session_build.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

std::string_view upgradeToken(UpgradeKind kind) {
  switch (kind) {
    case UpgradeKind::Tcp:
      return "tcp";
    case UpgradeKind::H2c:
      return "h2c";
    case UpgradeKind::WebSocket:
      return "websocket";
    case UpgradeKind::None:
      break;
  }
  return {};
}

asio::awaitable<Flow> pass(Exchange& exchange) {
  // What images are made of says which containers there are of each part, everybody's.
  const bool images = exchange.match() && exchange.match()->route->pattern.starts_with("/images/");
  if (images && !exchange.caller().admin) exchange.target().erase("manifests");
  Outgoing out = plainOutgoing(exchange);
  co_return co_await exchange.forward(std::move(out));
}

// Bodies that mean nothing pass for none; others are refused, because the Engine might make something of them.
asio::awaitable<std::optional<Denial>> checkNoBody(Exchange& exchange) {
  if (!exchange.head().hasBody()) co_return std::nullopt;
  const std::expected<std::string, Denial> body = co_await exchange.readWholeBody();
  if (!body) co_return body.error();
  const std::size_t first = body->find_first_not_of(" \t\r\n");
  const std::string text =
      first == std::string::npos ? "" : body->substr(first, body->find_last_not_of(" \t\r\n") - first + 1);
  if (text.empty() || text == "{}" || text == "null") co_return std::nullopt;
  co_return Denial{400, "unexpected_body", "this request takes no body"};
}

asio::awaitable<std::optional<Flow>> addOwnerFilter(Exchange& exchange) {
  const std::string* text = exchange.target().get("filters");
  auto filters = parseFilters(text != nullptr ? *text : "");
  if (!filters) co_return co_await exchange.deny(std::move(filters.error()));
  for (const char* const key : {"before", "since"}) {
    const auto it = filters->find(key);
    if (it == filters->end()) continue;
    for (std::string& ref : it->second) {
      Resolved found = co_await resolveContainer(exchange, ref);
      if (!found.container) co_return found.flow;
      ref = found.container->id.str();
    }
  }
  (*filters)["label"].push_back("ds01.user=" + exchange.caller().user.login);
  exchange.target().set("filters", serialise(*filters));
  co_return std::nullopt;
}

asio::awaitable<Flow> handleContainerList(Exchange& exchange) {
  if (const std::optional<Flow> answered = co_await addOwnerFilter(exchange)) co_return *answered;
  // Of what the caller is shown: the Engine would count what is taken out of its answer, and so tell of it.
  const std::size_t limit = limitOf(exchange.target());
  if (limit > 0) {
    exchange.target().erase("limit");
    exchange.target().set("all", "1");
  }
  const std::vector<ContainerId> named = exchange.ports().ownership.namedFor(exchange.caller().user.login);
  if (!named.empty()) {
    // As it was resolved, without what was added.
    auto filters = parseFilters(*exchange.target().get("filters"));
    if (!filters) co_return co_await exchange.deny(std::move(filters.error()));
    auto& labels = (*filters)["label"];
    std::erase(labels, "ds01.user=" + exchange.caller().user.login);
    if (labels.empty()) filters->erase("label");
    std::optional<Filters> asked = filtersForNamed(std::move(*filters), named);
    if (asked) co_return co_await listWithNamed(exchange, std::move(asked), limit);
  }
  std::optional<Filters> nothing;
  if (limit > 0) co_return co_await listWithNamed(exchange, std::move(nothing), limit);
  co_return co_await askAndView(exchange, keepOwnContainers);
}

// dockerd reads and writes archives as root, and sets owners and modes by paths that may lead elsewhere by then.
std::optional<Denial> refuseArchive(Exchange& exchange, const ContainerId& container) {
  const bool archive = exchange.match() && exchange.match()->route->pattern == "/containers/{}/archive";
  if (!archive || exchange.mayIgnore(RuleClass::Mounts)) return std::nullopt;
  const Pins& pins = exchange.ports().pins;
  if (pins.unmapped(container)) {
    Denial denial{403, "archive_unmapped",
                  "this container has a folder mounted whose file system cannot map ids, so the Docker Engine may not "
                  "copy into it or out of it"};
    denial.remedy = "docker exec CONTAINER tar -c -C DIRECTORY . | tar -x";
    return denial;
  }
  if (exchange.head().method != "PUT" || !pins.writable(container)) return std::nullopt;
  Denial denial{403, "archive_folder",
                "the Docker Engine may not copy into a container that has a folder of this machine mounted writable; "
                "put it into that folder, or send it through docker exec"};
  denial.remedy = "tar -c . | docker exec -i CONTAINER tar -x -C DIRECTORY";
  return denial;
}

asio::awaitable<Flow> handleContainer(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  if (std::optional<Denial> denial = refuseArchive(exchange, found.container->id)) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  putName(exchange, found.container->id.str());
  ArchiveGuard guard;
  Outgoing out = plainOutgoing(exchange);
  // The only such request with a body that streams: PUT …/archive.
  co_return co_await exchange.forward(std::move(out), nullptr, &guard);
}

asio::awaitable<Flow> handleContainerRename(Exchange& exchange) {
  const std::string* const name = exchange.target().get("name");
  if (std::optional<Denial> denial = checkContainerName(exchange.caller(), name != nullptr ? *name : "")) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  Outgoing out = exchange.outgoing();
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  co_await hideConflict(exchange, *response);
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleContainerRemove(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  Outgoing out = exchange.outgoing();
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  // `link` removes a link between containers and leaves the container.
  const bool gone = response->head.status / 100 == 2 && !exchange.target().truthy("link");
  if (gone) co_await exchange.ports().ownership.removed(found.container->id);
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleEvents(Exchange& exchange) {
  EventFilter filter(exchange.ports(), exchange.objects(), exchange.caller().user.login);
  Outgoing out = exchange.outgoing();
  out.keep_accept = false;
  co_return co_await exchange.forward(std::move(out), &filter);
}

asio::awaitable<Flow> refuseForAdmins(Exchange& exchange) {
  if (exchange.mayIgnore(RuleClass::Api)) co_return co_await pass(exchange);
  Denial denial{403, "admins_only", "this is for the administrators of this server only. "};
  denial.text += exchange.match()->route->note;
  denial.remedy = exchange.match()->route->note;
  if (denial.text.ends_with('.')) denial.text.pop_back();
  co_return co_await exchange.deny(std::move(denial));
}

// Images, volumes and networks, and what they take.
asio::awaitable<Flow> byObjectRule(Exchange& exchange, Rule rule) {
  switch (rule) {
    case Rule::Commit:
      return handleCommit(exchange);
    case Rule::Build:
      return handleBuild(exchange);
    case Rule::BuildCancel:
      return handleBuildCancel(exchange);
    case Rule::ImageCreate:
      return handleImageCreate(exchange);
    case Rule::ImageLoad:
      return handleImageLoad(exchange);
    case Rule::ImagePush:
      return handleImagePush(exchange);
    case Rule::ImageTag:
      return handleImageTag(exchange);
    case Rule::ImageRemove:
      return handleImageRemove(exchange);
    case Rule::ImagePrune:
      return handleImagePrune(exchange);
    case Rule::BuildPrune:
      return handleBuildPrune(exchange);
    case Rule::DiskUsage:
      return handleDiskUsage(exchange);
    case Rule::NetworkList:
      return handleNetworkList(exchange);
    case Rule::Network:
      return handleNetwork(exchange);
    case Rule::NetworkCreate:
      return handleNetworkCreate(exchange);
    case Rule::NetworkContainer:
      return handleNetworkContainer(exchange);
    case Rule::VolumeList:
      return handleVolumeList(exchange);
    case Rule::VolumeCreate:
      return handleVolumeCreate(exchange);
    case Rule::Volume:
      return handleVolume(exchange);
    case Rule::VolumePrune:
      return handleVolumePrune(exchange);
    case Rule::NetworkPrune:
      return handleNetworkPrune(exchange);
    default:
      return refuseForAdmins(exchange);
  }
}

asio::awaitable<Flow> byRule(Exchange& exchange, Rule rule) {
  switch (rule) {
    case Rule::Pass:
      return pass(exchange);
    case Rule::ContainerList:
      return handleContainerList(exchange);
    case Rule::ContainerCreate:
      return handleCreate(exchange);
    case Rule::ContainerPrune:
      return handleContainerPrune(exchange);
    case Rule::Container:
      return handleContainer(exchange);
    case Rule::ContainerInspect:
      return handleInspect(exchange);
    case Rule::ContainerStart:
      return handleStart(exchange);
    case Rule::ContainerUpdate:
      return handleUpdate(exchange);
    case Rule::ContainerRename:
      return handleContainerRename(exchange);
    case Rule::ContainerRemove:
      return handleContainerRemove(exchange);
    case Rule::ExecCreate:
      return handleExecCreate(exchange);
    case Rule::ExecStart:
      return handleExecStart(exchange);
    case Rule::Exec:
      return handleExec(exchange);
    case Rule::Session:
      return handleSession(exchange);
    case Rule::BuildKit:
      return handleBuildKit(exchange);
    case Rule::Events:
      return handleEvents(exchange);
    case Rule::Absent:
      return exchange.message(404, fmt::format("No such {}: {}", exchange.match()->route->note, exchange.name()));
    case Rule::Deny:
      return refuseForAdmins(exchange);
    default:
      return byObjectRule(exchange, rule);
  }
}

asio::awaitable<Flow> handleForUser(Exchange& exchange) {
  const Target& target = exchange.target();
  if (target.version && *target.version < kOldestApi) {
    Denial denial{400, "old_api",
                  fmt::format("API version {}.{} is too old; the oldest that is served here is {}.{}",
                              target.version->major, target.version->minor, kOldestApi.major, kOldestApi.minor)};
    denial.remedy = "Use a newer client, or unset DOCKER_API_VERSION.";
    co_return co_await exchange.deny(std::move(denial));
  }
  if (!exchange.match() && exchange.mayIgnore(RuleClass::Api)) co_return co_await pass(exchange);
  if (!exchange.match()) {
    Denial denial{403, "unknown_endpoint",
                  fmt::format("{} {} is not an endpoint that users of this server may call", exchange.head().method,
                              target.path())};
    co_return co_await exchange.deny(std::move(denial));
  }
  const Route& route = *exchange.match()->route;
  if (route.body == BodyKind::None && route.rule != Rule::Deny) {
    std::optional<Denial> denial = co_await checkNoBody(exchange);
    if (denial) co_return co_await exchange.deny(std::move(*denial));
  }
  if (exchange.caller().service) {
    const std::optional<Flow> answered = co_await handleServiceView(exchange);
    if (answered) co_return *answered;
  }
  co_return co_await byRule(exchange, route.rule);
}

}  // namespace

Outgoing plainOutgoing(const Exchange& exchange) {
  Outgoing out = exchange.outgoing();
  const auto& match = exchange.match();
  const std::string& wanted = exchange.head().upgrade;
  if (match) {
    if (!wanted.empty() && wanted == upgradeToken(match->route->upgrade)) out.upgrade = wanted;
    const bool unexamined = match->route->rule == Rule::Deny && exchange.mayIgnore(RuleClass::Api);
    out.stream_body = match->route->body == BodyKind::Stream || exchange.caller().admin || unexamined;
  } else {
    if (wanted == "tcp" || wanted == "h2c" || wanted == "websocket") out.upgrade = wanted;
    out.stream_body = true;
  }
  return out;
}

Outgoing jsonOutgoing(const Exchange& exchange, std::string body) {
  Outgoing out = plainOutgoing(exchange);
  out.stream_body = false;
  out.body = std::move(body);
  return out;
}

asio::awaitable<Flow> handleListOfAll(Exchange& exchange) {
  SourceFilter filter(exchange.ports().pins, "");
  Outgoing out = exchange.outgoing();
  out.keep_accept = false;
  co_return co_await exchange.forward(std::move(out), &filter);
}

namespace {

asio::awaitable<Flow> handleOnce(Exchange& exchange) {
  if (exchange.caller().stale && !(exchange.match() && onlyLooks(*exchange.match()->route))) {
    Denial denial{
        503, "nss_unavailable",
        "the machine's user database does not answer; until it does, you can look at what is yours and change "
        "nothing"};
    co_return co_await exchange.deny(std::move(denial));
  }
  if (exchange.match() && mustBeRecorded(*exchange.match()->route)) {
    std::optional<Denial> denial = exchange.ports().site.refuseUnrecorded();
    if (denial) co_return co_await exchange.deny(std::move(*denial));
  }
  if (!exchange.caller().admin) co_return co_await handleForUser(exchange);
  if (!exchange.match()) co_return co_await pass(exchange);
  switch (exchange.match()->route->rule) {
    // Where the daemon must know what came of it, admins take the same way; who they are is weighed there.
    case Rule::ContainerList:
      co_return co_await handleListOfAll(exchange);
    case Rule::ContainerCreate:
    case Rule::ContainerInspect:
    case Rule::ContainerStart:
    case Rule::ContainerUpdate:
    case Rule::ContainerRemove:
    case Rule::ExecCreate:
    case Rule::ImageRemove:
      co_return co_await byRule(exchange, exchange.match()->route->rule);
    case Rule::Commit:
    case Rule::Build:
    case Rule::ImageCreate:
    case Rule::ImageLoad:
    case Rule::ImageTag:
    case Rule::ImagePrune:
      co_return co_await handleImagesOfAdmin(exchange);
    default:
      co_return co_await pass(exchange);
  }
}

}  // namespace

asio::awaitable<Flow> handle(Exchange& exchange) {
  // Each time with one more class of rules excused, so it ends.
  while (true) {
    exchange.startAgain();
    const Flow flow = co_await handleOnce(exchange);
    if (flow != Flow::Again) co_return flow;
  }
}

}  // namespace ds01::gateway
