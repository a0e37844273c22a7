#include "gateway/policies.h"

#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "gateway/body_work.h"
#include "gateway/exchange.h"
#include "policy/input.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

policy::RequestClass classOf(const std::string& method, const std::optional<RouteMatch>& match) {
  using enum policy::RequestClass;
  if (!match) return method == "GET" || method == "HEAD" ? Look : Change;
  if (mustBeRecorded(*match->route)) return Make;
  return onlyLooks(*match->route) ? Look : Change;
}

// Shared with the thread that writes the input about a large body.
struct Writing {
  policy::Question question;
  std::string input;
};

std::optional<Denial> write(Writing& writing) {
  Result<std::string> input = policy::encodeInput(writing.question);
  if (!input) return notForPolicies(input.error().message());
  writing.input = std::move(*input);
  return std::nullopt;
}

policy::Question questionAbout(Exchange& exchange, const Outgoing& out, Target target, const RouteMatch* match) {
  policy::Question question;
  question.decision = exchange.decision();
  question.caller = exchange.caller();
  const auto limits = exchange.ports().site.limitsFor(exchange.caller().user);
  if (limits) question.limits_group = limits->group;
  question.method = out.method;
  question.path = target.path();
  if (target.version) question.api = fmt::format("{}.{}", target.version->major, target.version->minor);
  if (match != nullptr) question.pattern = match->route->pattern;
  for (QueryItem& item : target.query) question.query.emplace_back(std::move(item.key), std::move(item.value));
  question.body = out.body;
  question.target = exchange.about();
  question.gpu = exchange.gpu();
  return question;
}

}  // namespace

Denial notForPolicies(std::string_view why) {
  Denial denial;
  denial.reason = "policy";
  denial.part = "policy";
  denial.text = fmt::format("the policy of this server cannot be asked about the body of this request: {}", why);
  return denial;
}

asio::awaitable<std::optional<Denial>> consult(Exchange& exchange, const Outgoing& out) {
  Policies& policies = exchange.ports().policies;
  if (out.ours || out.judged || !policies.any()) co_return std::nullopt;
  std::expected<Target, Denial> target = parseTarget(out.target);
  if (!target) co_return std::move(target.error());
  const std::optional<RouteMatch> match = matchRoute(out.method, *target);
  const policy::RequestClass what = classOf(out.method, match);
  if (!policies.asks(what)) co_return std::nullopt;
  const auto writing = std::make_shared<Writing>();
  const RouteMatch* const route = match ? &*match : nullptr;
  writing->question = questionAbout(exchange, out, std::move(*target), route);
  writing->question.what = what;
  const std::size_t bytes = out.body ? out.body->size() : 0;
  // Whoever could make the question too long to be answered in time could choose the fail direction.
  if (bytes > kLongestAsked && !exchange.caller().admin) {
    co_return notForPolicies(fmt::format("it is larger than {} KiB", kLongestAsked / 1024));
  }
  std::function<std::optional<Denial>()> work = [writing] { return write(*writing); };
  std::optional<Denial> failed = co_await compute(exchange.ports(), exchange.caller().user.uid, bytes, std::move(work));
  if (failed) co_return failed;
  std::string input = std::move(writing->input);
  co_return co_await policies.judge(what, exchange.caller().admin, std::move(input));
}

}  // namespace ds01::gateway
