#include "daemon/explain_routes.h"

#include <utility>

#include <fmt/format.h>

#include "control/explanation_codec.h"
#include "control/json_text.h"
#include "daemon/explain.h"
#include "gateway/dry_run.h"

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxCreateBody = 4UL * 1024 * 1024;  // as the gateway takes it
constexpr std::size_t kMostTrying = 8;                     // dry runs at once, of all users
constexpr std::size_t kMostRecords = 64;                   // events that tell of one decision

template <typename T>
net::HttpReply reply(const T& value) {
  return {.status = 200, .body = control::jsonText(control::toJson(value)) + "\n"};
}

// The same for what does not exist and what is somebody else's.
net::HttpReply noDecision(const std::string& id) {
  return control::errorReply(404, fmt::format("ds01: no such decision: {}", id));
}
net::HttpReply noContainer(const std::string& ref) {
  return control::errorReply(404, fmt::format("ds01: no such container or decision: {}", ref));
}

bool isAway(ErrorCode code) {
  return code != ErrorCode::NotFound && code != ErrorCode::InvalidArgument && code != ErrorCode::Conflict;
}

// Takes a uid out again whichever way its dry run ends.
class Turn {
 public:
  Turn(std::shared_ptr<std::set<std::uint32_t>> all, std::uint32_t uid) : all_(std::move(all)), uid_(uid) {
    all_->insert(uid_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { all_->erase(uid_); }

 private:
  std::shared_ptr<std::set<std::uint32_t>> all_;
  std::uint32_t uid_;
};

}  // namespace

void ExplainRoutes::addTo(control::Router& router) {
  control::Handler explain_one = [this](control::Request request) { return explain(std::move(request)); };
  control::Handler try_one = [this](control::Request request) { return dryRun(std::move(request)); };
  control::Handler info = [this](control::Request) -> asio::awaitable<net::HttpAnswer> {
    const control::Info about{.version = DS01_VERSION, .listen = listen_path_};
    co_return reply(about);
  };
  router.add({.method = "GET", .pattern = "/v1/explain/{}", .handler = std::move(explain_one)});
  router.add({.method = "POST",
              .pattern = "/v1/dry-run",
              .query = {"target", "agent"},
              .max_body_bytes = kMaxCreateBody,
              .handler = std::move(try_one)});
  router.add({.method = "GET", .pattern = "/v1/info", .handler = std::move(info)});
}

asio::awaitable<net::HttpAnswer> ExplainRoutes::explain(control::Request request) {
  std::string subject = std::move(request.names.front());
  if (isDecisionId(subject)) return explainDecision(std::move(subject), std::move(request.caller));
  return explainContainer(std::move(subject), std::move(request.caller));
}

asio::awaitable<net::HttpAnswer> ExplainRoutes::explainDecision(std::string id, Caller caller) {
  EventSearch search;
  search.login = caller.user.login;
  search.admin = caller.admin;
  search.limit = kMostRecords;
  search.decision = id;
  Result<FoundEvents> found = co_await log_.find(std::move(search), caller.user.uid);
  if (!found) co_return control::errorReply(503, "ds01: " + found.error().message());
  const std::optional<control::Explanation> explanation = daemon::explainDecision(id, found->records);
  if (explanation) co_return reply(*explanation);
  if (caller.admin && found->compressed > 0) {
    co_return control::errorReply(404, fmt::format("ds01: no such decision: {}; {} compressed log files were not "
                                                   "searched (zgrep them)",
                                                   id, found->compressed));
  }
  co_return noDecision(id);
}

asio::awaitable<net::HttpAnswer> ExplainRoutes::explainContainer(std::string ref, Caller caller) {
  const Result<gateway::OwnedContainer> found = co_await ports_.ownership.find(ref);
  if (!found && isAway(found.error().code())) {
    co_return control::errorReply(503, "ds01: the Docker Engine does not answer: " + found.error().message());
  }
  if (!found || (!caller.admin && found->owner != caller.user.login)) co_return noContainer(ref);
  Result<ContainerView> view = co_await ports_.engine.inspectContainer(found->id.str());
  if (!view) co_return noContainer(ref);
  ContainerFacts facts{.view = std::move(*view), .owner = found->owner, .lease = {}, .slots = {}, .limits = {}};
  if (const Lease* lease = ledger_.ledger().findByContainer(found->id)) {
    facts.lease = *lease;
    for (const std::string& uuid : lease->uuids) {
      const GpuSlot* slot = ledger_.ledger().slotByUuid(uuid);
      facts.slots.push_back(slot != nullptr ? slot->slot : uuid);
    }
  }
  if (facts.owner) {
    User owner;
    owner.login = *facts.owner;
    facts.limits = ports_.site.limitsFor(owner);
  }
  co_return reply(daemon::explainContainer(facts));
}

asio::awaitable<net::HttpAnswer> ExplainRoutes::dryRun(control::Request request) {
  const std::uint32_t uid = request.caller.user.uid;
  if (trying_->contains(uid) || trying_->size() >= kMostTrying) {
    co_return control::errorReply(503, "ds01: a dry run is under way already; try again in a moment");
  }
  const std::string* target = request.get("target");
  if (target == nullptr) co_return control::errorReply(400, "ds01: target is missing");
  const std::string* agent = request.get("agent");
  const Turn turn(trying_, uid);
  const std::string user = request.caller.user.login;
  gateway::DryRunRequest wanted{.caller = std::move(request.caller),
                                .target = *target,
                                .user_agent = agent != nullptr ? *agent : std::string(),
                                .body = std::move(request.body)};
  gateway::DryRunAnswer answer = co_await gateway::dryRun(ports_, std::move(wanted));
  co_return reply(explainDryRun(std::move(answer), user));
}

}  // namespace ds01::daemon
