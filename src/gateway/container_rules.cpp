#include "gateway/container_rules.h"

#include <fmt/format.h>

#include "gateway/named_owner.h"
#include "gateway/service_view.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

bool onlyReads(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

// What changes somebody else's container is recorded.
asio::awaitable<Resolved> judgeNamed(Exchange& exchange, OwnedContainer found) {
  const Route& route = *exchange.match()->route;
  Resolved out;
  if (std::optional<Denial> denial = refuseNamedOwner(route, exchange.target())) {
    out.flow = co_await exchange.deny(std::move(*denial));
    co_return out;
  }
  if (!onlyLooks(route)) {
    exchange.emit("access.unowned_container",
                  {{"container", found.name},
                   {"container_id", found.id.str()},
                   {"operation", fmt::format("{} {}", exchange.head().method, exchange.target().path())}});
  }
  exchange.setAbout({"container", found.id.str(), found.name, found.named_owner});
  out.container = std::move(found);
  out.only_named = true;
  co_return out;
}

asio::awaitable<Resolved> judge(Exchange& exchange, Result<OwnedContainer> found, std::string missing) {
  const Caller& caller = exchange.caller();
  Resolved out;
  if (found) {
    // Root's own stay root's: who could work in one could be root of the machine.
    const bool watched = found->owner && exchange.excused().contains(RuleClass::Ownership);
    if (caller.admin || watched || found->owner == caller.user.login) {
      exchange.setAbout({"container", found->id.str(), found->name, found->owner, found->made_by});
      out.container = std::move(*found);
      co_return out;
    }
    if (!found->owner && found->named_owner == caller.user.login && exchange.match()) {
      co_return co_await judgeNamed(exchange, std::move(*found));
    }
    const bool for_launcher = exchange.match() && openToLauncher(*exchange.match()->route);
    const bool own_work = for_launcher && co_await launched(exchange, *found);
    if (own_work) {
      exchange.setAbout({"container", found->id.str(), found->name, found->owner, found->made_by});
      out.container = std::move(*found);
      co_return out;
    }
    if (caller.service) {
      Denial denial{403, "service_read_only",
                    "a service user may list and inspect other people's containers and read their stats; a launcher "
                    "(launchers in ds01d.yaml) may also start, stop, remove, follow and execute in those that it made "
                    "for them; and nothing more"};
      out.flow = co_await exchange.deny(std::move(denial));
      co_return out;
    }
    if (found->owner) {
      if (const std::optional<Flow> again = exchange.overlook(notOwner("container", found->name))) {
        out.flow = *again;
        co_return out;
      }
    }
    exchange.emit("auth.denied",
                  {{"reason", "not_owner"},
                   {"container", found->name},
                   {"container_id", found->id.str()},
                   {"operation", fmt::format("{} {}", exchange.head().method, exchange.target().path())}});
    out.flow = co_await exchange.message(404, std::move(missing));
    co_return out;
  }
  const ErrorCode code = found.error().code();
  if (code == ErrorCode::NotFound || code == ErrorCode::InvalidArgument || code == ErrorCode::Conflict) {
    // An ambiguous prefix is an admin's to know: for others it would tell of containers that are not theirs.
    const bool explain = caller.admin && code != ErrorCode::NotFound;
    if (explain) missing = found.error().message();
    out.flow = co_await exchange.message(explain ? 400 : 404, std::move(missing));
  } else {
    out.flow = co_await exchange.engineFailed(Error(ErrorCode::Unavailable, found.error().message()));
  }
  co_return out;
}

}  // namespace

asio::awaitable<Resolved> resolveContainer(Exchange& exchange, std::string ref) {
  Result<OwnedContainer> found = co_await exchange.ports().ownership.find(ref);
  co_return co_await judge(exchange, std::move(found), "No such container: " + ref);
}

asio::awaitable<Resolved> resolveExec(Exchange& exchange, std::string exec_id) {
  Result<OwnedContainer> found = co_await exchange.ports().ownership.findExec(exec_id);
  co_return co_await judge(exchange, std::move(found), "No such exec instance: " + exec_id);
}

std::optional<Denial> checkConfined(Exchange& exchange, const OwnedContainer& container) {
  if (!container.confined || exchange.mayIgnore(RuleClass::Host)) return std::nullopt;
  const std::optional<EngineFacts> engine = exchange.ports().site.engineFacts();
  if (!engine) return exchange.engineAway(Error(ErrorCode::Unavailable, "it has not been reached yet"));
  if (engine->apparmor) return std::nullopt;
  return Denial{.http_status = 409,
                .reason = "not_confined",
                .text =
                    "this container has SYS_PTRACE, which it got because the Docker Engine confined it by "
                    "AppArmor, and it does not now; remove the container and make it anew",
                .part = "container: capabilities",
                .remedy =
                    "Make it anew: SYS_PTRACE is left out then, and debuggers work on processes of the same "
                    "user without it."};
}

Outgoing question(const Exchange& exchange, std::string method, std::vector<std::string> segments,
                  std::vector<QueryItem> query) {
  Target target;
  target.version = exchange.target().version;
  target.segments = std::move(segments);
  target.query = std::move(query);
  Outgoing out;
  out.method = std::move(method);
  out.target = serialise(target);
  out.keep_accept = false;
  out.ours = onlyReads(out.method);
  // Sizes are counted file by file.
  out.at_once = out.ours && target.get("size") == nullptr;
  return out;
}

Denial notOwner(std::string_view kind, std::string_view name) {
  Denial denial;
  denial.http_status = 404;
  denial.reason = "not_owner";
  denial.text = fmt::format("the {} {} is somebody else's", kind, name);
  denial.part = "ownership";
  return denial;
}

std::string foldersShownOf(const Exchange& exchange, const OwnedContainer& container) {
  const Caller& caller = exchange.caller();
  if (caller.admin) return {};
  const bool launched = caller.service && container.owner && container.made_by == caller.user.login;
  return launched ? *container.owner : caller.user.login;
}

void putName(Exchange& exchange, const std::string& id) {
  exchange.target().segments[exchange.match()->name_at] = id;
}

Denial noCgroupParent(std::string_view what, const Error& error) {
  const bool never = error.code() == ErrorCode::InvalidArgument || error.code() == ErrorCode::Conflict;
  return {never ? 403 : 503, "cgroup_parent",
          fmt::format("the cgroup for {} cannot be named: {}", what, error.message())};
}

asio::awaitable<void> hideConflict(Exchange& exchange, WholeResponse& response) {
  if (response.head.status != 409 || exchange.caller().admin) co_return;
  const std::optional<std::string> id = idInConflict(response.body);
  if (!id) co_return;
  const Result<bool> own = co_await isOwn(exchange.ports().ownership, exchange.caller().user.login, *id);
  if (!own || !*own) response.body = conflictWithoutId(response.body);
}

}  // namespace ds01::gateway
