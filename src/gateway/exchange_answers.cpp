// What an Exchange says by itself: refusals, what became of the Engine, and the events that tell of both.
#include <boost/asio/awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "events/details.h"
#include "gateway/exchange.h"
#include "gateway/relay.h"
#include "gateway/rollout.h"

namespace ds01::gateway {

namespace asio = boost::asio;

void Core::noteEngine(bool answers, const std::string& reason) {
  if (answers != engine_away) return;
  engine_away = !answers;
  if (answers) {
    spdlog::info("gateway: the Docker Engine answers again at {}", options.engine_socket);
  } else {
    spdlog::warn("gateway: the Docker Engine does not answer at {}: {}", options.engine_socket, reason);
  }
}

void addOrigin(boost::json::object& details, const Caller& caller) {
  if (caller.container) details["from_container"] = caller.container->str();
  if (!caller.login_uid) return;
  details["login_uid"] = *caller.login_uid;
  if (!caller.login_name.empty() && caller.login_name != caller.user.login) details["login"] = caller.login_name;
}

Flow Exchange::flowAfterAnswer() const {
  if (!client_.bodyDone() || client_broken_) return Flow::Drain;
  return head_.close ? Flow::Close : Flow::KeepAlive;
}

asio::awaitable<Flow> Exchange::reply(int status, std::string json) {
  turn_.end();
  const Flow flow = flowAfterAnswer();
  const std::string bytes = ownResponse(status, json, flow != Flow::KeepAlive, head_.method == "HEAD");
  const Status written = co_await writeAll(client_.socket(), bytes);
  co_return written ? flow : Flow::Close;
}

asio::awaitable<Flow> Exchange::message(int status, std::string text) {
  co_return co_await reply(status, messageJson(text));
}

const DecisionId& Exchange::decision() {
  if (!decision_) decision_ = ports().site.newDecision();
  return *decision_;
}

std::optional<Flow> Exchange::overlook(const Denial& denial) {
  const std::optional<RuleClass> rules = classOf(denial);
  // Once sent, it can not be done again. The same class a second time: what refuses can not be let pass.
  if (!rules || !as_it_came_ || sent_ || caller_.admin || excused_.contains(*rules)) return std::nullopt;
  const Enforcement mode = ports().site.rollout().of(*rules);
  if (mode == Enforcement::Full) return std::nullopt;
  excused_.insert(*rules);
  if (mode == Enforcement::Monitoring) {
    boost::json::object details = events::denialDetails(denial, decision());
    details["rules"] = toString(*rules);
    details["method"] = head_.method;
    details["path"] = as_it_came_->path();
    emit("auth.would_deny", std::move(details));
  }
  return Flow::Again;
}

void Exchange::startAgain() {
  if (as_it_came_) {
    target_ = *as_it_came_;
  } else if (!ports().site.rollout().full()) {
    as_it_came_ = target_;
  }
  about_.reset();
  gpu_.reset();
}

std::string Exchange::refuseCall(Denial denial, const std::string& call) {
  const DecisionId id = ports().site.newDecision();
  if (denial.part.empty()) denial.part = fmt::format("gateway: {}", call);
  boost::json::object details = events::denialDetails(denial, id);
  details["method"] = head_.method;
  details["path"] = call;
  emit("auth.denied", std::move(details));
  return fmt::format("ds01: {} (decision {})", denial.text, id.str());
}

asio::awaitable<Flow> Exchange::deny(Denial denial, std::optional<DecisionId> decision) {
  const DecisionId id = decision ? *decision : this->decision();
  if (denial.part.empty()) {
    denial.part = match_ ? fmt::format("gateway: {} {}", match_->route->method, match_->route->pattern) : "gateway";
  }
  if (const std::optional<Flow> again = overlook(denial)) co_return *again;
  boost::json::object details = events::denialDetails(denial, id);
  details["method"] = head_.method;
  details["path"] = target_.path();
  emit("auth.denied", std::move(details));
  co_return co_await message(denial.http_status, fmt::format("ds01: {} (decision {})", denial.text, id.str()));
}

Denial Exchange::engineAway(const Error& error) {
  core_.noteEngine(false, error.message());
  if (core_.options.on_engine_unanswered) core_.options.on_engine_unanswered(error.message());
  return {503, "engine_unavailable",
          fmt::format("the Docker Engine does not answer at {} ({}). Try again in a moment; if it lasts, tell the "
                      "administrators of this server",
                      core_.options.engine_socket, error.message())};
}

asio::awaitable<Flow> Exchange::engineFailed(Error error) {
  if (error.code() == ErrorCode::PermissionDenied && against_policy_) {
    Denial denial = *std::exchange(against_policy_, std::nullopt);
    co_return co_await deny(std::move(denial));
  }
  if (error.code() == ErrorCode::Unavailable || error.code() == ErrorCode::Timeout) {
    const Denial denial = engineAway(error);
    co_return co_await message(denial.http_status, fmt::format("ds01: {}.", denial.text));
  }
  if (error.code() == ErrorCode::Exhausted) {
    co_return co_await message(503, fmt::format("ds01: the Docker Engine's answer was not taken: {}", error.message()));
  }
  co_return co_await message(502, fmt::format("ds01: the Docker Engine broke off its answer ({}). Whether it did what "
                                              "was asked is not known; look before you repeat it.",
                                              error.message()));
}

void Exchange::emit(std::string type, boost::json::object details) {
  events::Event event;
  event.type = std::move(type);
  event.user = caller_.user.login;
  event.details = std::move(details);
  addOrigin(event.details, caller_);
  ports().events.emit(std::move(event));
}

}  // namespace ds01::gateway
