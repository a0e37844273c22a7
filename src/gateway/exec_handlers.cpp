// What is executed in a container that runs.
#include <expected>
#include <memory>
#include <utility>

#include "admission/endpoints.h"
#include "admission/json_access.h"
#include "gateway/body_work.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

// With the caller's rights.
Examine forCaller(const Exchange& exchange, admission::BodyVerdict (*examine)(json::object, bool)) {
  return [examine, admin = exchange.mayIgnore(RuleClass::Host)](json::object body) {
    return examine(std::move(body), admin);
  };
}

// Only an exec as another user than the container's is asked about.
asio::awaitable<Result<std::optional<Denial>>> judgeExecUser(Exchange& exchange, const OwnedContainer& container,
                                                             json::object& body) {
  if (exchange.mayIgnore(RuleClass::Mounts) || admission::text(body, "User").empty()) co_return std::nullopt;
  const Result<ContainerView> view = co_await exchange.ports().engine.inspectContainer(container.id.str());
  if (!view) co_return fail(view.error());
  const auto label = view->labels.find(std::string(admission::kRunsAs));
  if (label == view->labels.end() || label->second != admission::kAsOwner) co_return std::nullopt;
  const User& caller = exchange.caller().user;
  if (!container.owner || *container.owner == caller.login) co_return admission::execAsOwner(body, caller);
  const Result<std::optional<User>> owner = co_await exchange.ports().identities.findUser(*container.owner);
  if (!owner) co_return fail(owner.error());
  if (!*owner) co_return fail(ErrorCode::Unavailable, "the user database no longer knows " + *container.owner);
  co_return admission::execAsOwner(body, **owner);
}

}  // namespace

asio::awaitable<Flow> handleExecCreate(Exchange& exchange) {
  const Resolved found = co_await resolveContainer(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  putName(exchange, found.container->id.str());
  if (std::optional<Denial> denial = checkConfined(exchange, *found.container)) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  Examine examine = forCaller(exchange, admission::examineExec);
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(examine));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  Result<std::optional<Denial>> denial = co_await judgeExecUser(exchange, *found.container, (*draft)->body);
  if (!denial || *denial) co_await discardBody(exchange, std::move(*draft));
  if (!denial) co_return co_await exchange.engineFailed(denial.error());
  if (*denial) co_return co_await exchange.deny(std::move(**denial));
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 201) {
    const Result<json::value> value = parseAnswer(response->body);
    const json::object* object = value ? value->if_object() : nullptr;
    const json::value* id = object != nullptr ? object->if_contains("Id") : nullptr;
    if (id != nullptr && id->is_string()) {
      exchange.ports().ownership.rememberExec(std::string(id->get_string()), *found.container);
    }
    exchange.emit("container.exec",
                  {{"container", found.container->name}, {"container_id", found.container->id.str()}});
  }
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleExecStart(Exchange& exchange) {
  const Resolved found = co_await resolveExec(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  if (std::optional<Denial> denial = checkConfined(exchange, *found.container)) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  Examine examine = forCaller(exchange, admission::examineExecStart);
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(examine));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  co_return co_await exchange.forward(std::move(out));
}

asio::awaitable<Flow> handleExec(Exchange& exchange) {
  const Resolved found = co_await resolveExec(exchange, exchange.name());
  if (!found.container) co_return found.flow;
  Outgoing out = plainOutgoing(exchange);
  co_return co_await exchange.forward(std::move(out));
}

}  // namespace ds01::gateway
