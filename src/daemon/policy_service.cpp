#include "daemon/policy_service.h"

#include <functional>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace ds01::daemon {

namespace asio = boost::asio;

namespace {

// How long a server that has been started anew may be without the owners.
constexpr std::chrono::seconds kLookEvery{5};
constexpr std::chrono::milliseconds kLookLimit{2'000};

config::FailDirection direction(const config::PolicySettings& settings, policy::RequestClass what) {
  switch (what) {
    case policy::RequestClass::Look:
      return settings.fail_look;
    case policy::RequestClass::Make:
      return settings.fail_make;
    case policy::RequestClass::Change:
      break;
  }
  return settings.fail_change;
}

// The value of the document's last member.
std::string updatedAt(std::string_view document) {
  constexpr std::string_view kMember = "\"updated_at\":\"";
  const std::size_t at = document.rfind(kMember);
  if (at == std::string_view::npos) return {};
  document.remove_prefix(at + kMember.size());
  return std::string(document.substr(0, document.find('"')));
}

Denial refusal(const policy::Answer& answer) {
  Denial denial;
  denial.reason = "policy";
  denial.part = "policy";
  denial.text = answer.reason.empty() ? "the policy of this server does not allow it"
                                      : fmt::format("the policy of this server does not allow it: {}", answer.reason);
  if (!answer.decision.empty()) denial.facts.emplace_back("policy decision", answer.decision);
  return denial;
}

}  // namespace

PolicyService::PolicyService(asio::any_io_executor executor, net::BlockingPool& pool, Failures& failures)
    : executor_(std::move(executor)), pool_(pool), failures_(failures), changed_(executor_) {
  changed_.expires_at(asio::steady_timer::time_point::max());
}

void PolicyService::configure(const config::PolicySettings& settings) {
  const bool same =
      settings_.opa == settings.opa && settings_.decision == settings.decision && settings_.limit == settings.limit;
  settings_ = settings;
  if (same) return;
  client_.reset();
  sent_.reset();
  looked_ = false;
  distrust_.reset();
  if (settings.opa) {
    client_ = std::make_shared<policy::opa::OpaClient>(
        executor_,
        policy::opa::OpaOptions{.socket_path = *settings.opa, .decision = settings.decision, .limit = settings.limit});
  }
  changed_.cancel();
}

bool PolicyService::asks(policy::RequestClass what) const {
  if (!client_) return false;
  switch (what) {
    case policy::RequestClass::Look:
      return settings_.ask_look;
    case policy::RequestClass::Change:
    case policy::RequestClass::Make:
      break;
  }
  return true;
}

// Whoever could put a server of his own in the place of the site's would decide what is allowed. Looked at when it is
// first asked and with each look at its data, since asking the file system each time would wait for a disk.
asio::awaitable<Status> PolicyService::trust() {
  if (!looked_) {
    const Status looked = co_await lookAtSocket();
    if (!looked) co_return looked;
  }
  if (distrust_) co_return fail(*distrust_);
  co_return Status{};
}

// Until this is done, what was found before counts. An error: it could not be looked at.
asio::awaitable<Status> PolicyService::lookAtSocket() {
  const std::string path = settings_.opa.value_or("");
  const std::shared_ptr<policy::opa::OpaClient> asked = client_;
  using Why = std::optional<Error>;
  std::function<Result<Why>()> look = [path]() -> Result<Why> {
    Status safe = policy::opa::checkSocket(path);
    if (safe) return Why();
    if (safe.error().code() == ErrorCode::PermissionDenied) return Why(std::move(safe.error()));
    return fail(std::move(safe.error()));
  };
  Result<Why> why = co_await pool_.run<Why>(std::move(look), kLookLimit);
  if (asked != client_) co_return fail(ErrorCode::Unavailable, "the policy server has just been configured anew");
  if (!why) co_return fail(why.error());
  looked_ = true;
  distrust_ = std::move(*why);
  co_return Status{};
}

std::optional<Denial> PolicyService::notAsked(policy::RequestClass what, bool admin, const Error& why) {
  failures_.note(Dependency::Policy, why.message());
  if (admin || direction(settings_, what) == config::FailDirection::Open) return std::nullopt;
  return Denial{
      503, "policy_unavailable",
      "the policy server of this machine, which must allow this, does not answer. Try again in a moment; if it "
      "lasts, tell the administrators of this server",
      "policy"};
}

asio::awaitable<std::optional<Denial>> PolicyService::judge(policy::RequestClass what, bool admin, std::string input) {
  const std::shared_ptr<policy::opa::OpaClient> client = client_;
  if (!client) co_return std::nullopt;
  const Status trusted = co_await trust();
  if (!trusted) co_return notAsked(what, admin, trusted.error());
  const Result<policy::Answer> answer = co_await client->ask(std::move(input));
  if (!answer) co_return notAsked(what, admin, answer.error());
  if (answer->verdict == policy::Verdict::Deny) co_return refusal(*answer);
  co_return std::nullopt;
}

void PolicyService::setOwners(std::shared_ptr<const std::string> document) {
  owners_ = std::move(document);
  changed_.cancel();
}

asio::awaitable<Status> PolicyService::sendOwners() {
  const std::shared_ptr<policy::opa::OpaClient> client = client_;
  const std::shared_ptr<const std::string> owners = owners_;
  if (!client) co_return Status{};
  co_await lookAtSocket();
  const Status trusted = co_await trust();
  if (!trusted || !owners) co_return trusted;
  const Result<std::string> there = co_await client->ownersAsOf();
  if (!there) co_return fail(there.error());
  // A server that has been started anew has none. Two documents of one second have the same time.
  if (sent_ == owners && *there == updatedAt(*owners)) co_return Status{};
  std::string document = *owners;
  Status put = co_await client->putOwners(std::move(document));
  if (put && client == client_) sent_ = owners;
  co_return put;
}

asio::awaitable<void> PolicyService::keepOwners() {
  std::string said;
  while (!stopping_) {
    const std::shared_ptr<const std::string> sending = owners_;
    const Status sent = co_await sendOwners();
    // Once for each reason: who decides without the owners counts, and that is counted where it is asked.
    const std::string trouble = sent ? std::string() : sent.error().message();
    if (!sent && trouble != said) spdlog::warn("policy: the server at the socket gets no data: {}", trouble);
    said = trouble;
    if (stopping_) co_return;
    if (sent && sending != owners_) continue;  // it has changed meanwhile
    changed_.expires_after(kLookEvery);
    boost::system::error_code ignored;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void PolicyService::stop() {
  stopping_ = true;
  changed_.cancel();
}

}  // namespace ds01::daemon
