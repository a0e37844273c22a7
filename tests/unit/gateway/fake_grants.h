// What the ledger answers to the gateway, scripted. One mutex, as in fakes.h.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/ports.h"

namespace ds01::gateway::test {

namespace asio = boost::asio;

class FakeGrants : public Grants {
 public:
  enum class Waiting {
    Never,
    Turn,        // until letGo(), or until the client has gone
    SameInstant  // so too, but granted although the client has gone
  };
  asio::awaitable<std::expected<Grant, Denial>> reserve(GrantRequest request) override {
    note("reserve " + request.container_name);
    if (waiting != Waiting::Never && !co_await waitTurn(request.patience)) {
      co_return std::unexpected(Denial{499, "client_gone", "gone"});
    }
    const std::lock_guard lock(mutex);
    if (denial) co_return std::unexpected(*denial);
    if (request.limits.max_gpu_equivalents && quota_used_up) {
      co_return std::unexpected(Denial{409, "gpu_quota", "you hold all that you may"});
    }
    std::optional<Lease> lease;
    std::vector<GpuSlot> slots;
    if (request.gpu) {
      lease.emplace();
      lease->id = LeaseId("L0000000000000001");
      lease->login = request.caller.user.login;
      lease->uuids = {"GPU-1"};
      slots.push_back({"0", "GPU-1", "Fake", "full", 0, GpuEq::whole(1), 1024, {}, {}});
    }
    co_return std::expected<Grant, Denial>(std::in_place, *this, request.decision, std::move(lease), std::move(slots));
  }
  asio::awaitable<std::expected<StartPermit, Denial>> admitStart(ContainerId container, DecisionId,
                                                                 Patience* patience) override {
    note("start " + container.str().substr(0, 4));
    if (waiting != Waiting::Never && !co_await waitTurn(patience)) {
      co_return std::unexpected(Denial{499, "client_gone", "gone"});
    }
    const std::lock_guard lock(mutex);
    if (denial) co_return std::unexpected(*denial);
    if (!start_lease) co_return StartPermit();
    co_return StartPermit(*this, *start_lease, start_fresh);
  }
  std::expected<GrantPreview, Denial> preview(const GrantRequest& request) const override {
    if (denial) return std::unexpected(*denial);
    GrantPreview out;
    if (preview_wait && request.gpu) {
      out.wait = preview_wait;
      return out;
    }
    if (request.gpu) {
      out.lease.emplace();
      out.lease->uuids = {"GPU-1"};
      out.slots.push_back({"0", "GPU-1", "Fake", "full", 0, GpuEq::whole(1), 1024, {}, {}});
      out.placement = {{"slot", "0 (full)"}};
    }
    return out;
  }
  std::vector<std::string> entries() {
    const std::lock_guard lock(mutex);
    return log;
  }
  // Waits until the log has this line; false after ten seconds.
  bool comesTo(const std::string& line) {
    std::unique_lock lock(mutex);
    return noted.wait_for(lock, std::chrono::seconds{10}, [&] { return std::ranges::find(log, line) != log.end(); });
  }
  // Whoever waits is served.
  void letGo() {
    const std::lock_guard lock(mutex);
    for (const auto& gate : gates) asio::post(gate->get_executor(), [gate] { gate->cancel(); });
    gates.clear();
  }
  std::mutex mutex;
  std::condition_variable noted;
  std::vector<std::string> log;
  Waiting waiting = Waiting::Never;
  std::vector<std::shared_ptr<asio::steady_timer>> gates;  // of those who wait
  bool quota_used_up = false;                              // who has a quota gets nothing
  std::optional<Denial> denial;
  std::optional<RestartPolicy> keptPolicy(const ContainerId&) const override { return kept_policy; }
  asio::awaitable<std::expected<PolicyChange, Denial>> changePolicy(ContainerId container,
                                                                    RestartPolicy wanted) override {
    const std::lock_guard lock(mutex);
    log.push_back("policy " + container.str().substr(0, 4) + " " + wanted.name + " " +
                  std::to_string(wanted.max_retries));
    if (denial) co_return std::unexpected(*denial);
    co_return PolicyChange{keeps_policies, nullptr};
  }
  std::optional<RestartPolicy> kept_policy;
  bool keeps_policies = false;
  std::optional<LeaseId> start_lease;  // of the container that is started
  bool start_fresh = false;
  std::function<void()> on_start_ended;  // on the gateway's thread
  std::optional<GrantPreview::Wait> preview_wait;

 protected:
  void startEnded(LeaseId lease, bool started) override {
    const std::lock_guard lock(mutex);
    log.push_back("ended " + lease.str() + (started ? " started" : " unknown"));
    if (on_start_ended) on_start_ended();
    noted.notify_all();
  }
  asio::awaitable<void> bind(DecisionId ticket, std::optional<LeaseId> lease, ContainerId id, std::string name,
                             Attribution whose) override {
    const std::lock_guard lock(mutex);
    log.push_back("bind " + ticket.str() + " " + (lease ? lease->str() : "-") + " " + id.str() + " " + name + " " +
                  whose.owner + (whose.made_by.empty() ? "" : " by " + whose.made_by));
    co_return;
  }
  void release(DecisionId ticket, std::optional<LeaseId> lease) override {
    const std::lock_guard lock(mutex);
    log.push_back("release " + ticket.str() + " " + (lease ? lease->str() : "-"));
    noted.notify_all();
  }
  void uncertain(DecisionId ticket, std::optional<LeaseId> lease) override {
    const std::lock_guard lock(mutex);
    log.push_back("uncertain " + ticket.str() + " " + (lease ? lease->str() : "-"));
  }

 private:
  void note(std::string line) {
    const std::lock_guard lock(mutex);
    log.push_back(std::move(line));
    noted.notify_all();
  }
  // False: the client has gone.
  asio::awaitable<bool> waitTurn(Patience* patience) {
    auto gate =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    {
      const std::lock_guard lock(mutex);
      gates.push_back(gate);
    }
    bool gone = false;
    patience->beginWait([&gone, gate] {
      gone = true;
      gate->cancel();
    });
    note("waits");
    boost::system::error_code ignored;
    co_await gate->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    patience->endWait();
    if (gone) note("gone");
    co_return !gone || waiting == Waiting::SameInstant;
  }
};

}  // namespace ds01::gateway::test
