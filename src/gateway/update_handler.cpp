// POST /containers/{}/update: its limits are those of a create, and a restart policy is the Engine's to know only while
// the container has its GPU.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/serialize.hpp>

#include "admission/update.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/restart_policy.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

using Warnings = std::shared_ptr<std::vector<std::string>>;

// An admin's update is only read. `warnings` belongs to the thread that examines until it has answered.
std::expected<Examine, Denial> examination(Exchange& exchange, const Warnings& warnings) {
  if (exchange.caller().admin) return Examine();
  const Site& site = exchange.ports().site;
  std::optional<EngineFacts> engine = site.engineFacts();
  if (!engine) {
    return std::unexpected(Denial{503, "engine_away", "the Docker Engine does not answer; try again in a moment"});
  }
  std::expected<Limits, Denial> limits = site.limitsFor(exchange.caller().user);
  if (!limits) return std::unexpected(std::move(limits.error()));
  return [warnings, limits = std::move(*limits), engine = std::move(*engine)](json::object body) {
    std::expected<admission::ExaminedUpdate, Denial> update = admission::examineUpdate(std::move(body), limits, engine);
    if (!update) return admission::BodyVerdict(std::unexpected(std::move(update.error())));
    *warnings = std::move(update->warnings);
    return admission::BodyVerdict(std::move(update->body));
  };
}

// About the request as it would be sent, with its restart policy.
asio::awaitable<std::optional<Denial>> consultOn(Exchange& exchange, std::shared_ptr<BodyDraft> draft) {
  if (!exchange.ports().policies.any()) co_return std::nullopt;
  const auto text = std::make_shared<std::string>();
  std::function<std::optional<Denial>()> work = [draft, text]() -> std::optional<Denial> {
    *text = json::serialize(draft->body);
    return std::nullopt;
  };
  const std::uint32_t uid = exchange.caller().user.uid;
  std::optional<Denial> failed = co_await compute(exchange.ports(), uid, draft->bytes, std::move(work));
  if (failed) co_return failed;
  Outgoing out = exchange.outgoing();
  out.body = std::move(*text);
  co_return co_await consult(exchange, out);
}

}  // namespace

asio::awaitable<Flow> handleUpdate(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  const auto warnings = std::make_shared<std::vector<std::string>>();
  std::expected<Examine, Denial> examine = examination(exchange, warnings);
  if (!examine) co_return co_await exchange.deny(std::move(examine.error()));
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(*examine));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  // Its turn ends with the Engine's answer.
  PolicyChange change;
  bool judged = false;
  if (const std::optional<RestartPolicy> policy = policyIn((*draft)->body)) {
    // The site's policy is asked before the lease is changed, which nobody would take back.
    if (std::optional<Denial> denial = co_await consultOn(exchange, *draft)) {
      co_await discardBody(exchange, std::move(*draft));
      co_return co_await exchange.deny(std::move(*denial));
    }
    judged = true;
    std::expected<PolicyChange, Denial> changed =
        co_await exchange.ports().grants.changePolicy(found.container->id, *policy);
    if (!changed) {
      co_await discardBody(exchange, std::move(*draft));
      co_return co_await exchange.deny(std::move(changed.error()));
    }
    change = std::move(*changed);
    if (change.kept) (*draft)->body.erase("RestartPolicy");
  }
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  Outgoing out = exchange.outgoing();
  out.body = std::move(*body);
  out.judged = judged;
  out.keep_accept = false;
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) response->body = withWarnings(std::move(response->body), *warnings);
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
