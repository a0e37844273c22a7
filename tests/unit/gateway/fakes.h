// The rest of the daemon as the gateway sees it, scripted. Tests run the gateway on a thread of its own, so what both
// sides touch is behind one mutex per fake.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "docker/engine_client.h"
#include "docker/image_reference.h"
#include "events/event.h"
#include "gateway/image_ownership.h"
#include "gateway/ports.h"
#include "unit/gateway/fake_folders.h"

namespace ds01::gateway::test {

namespace asio = boost::asio;

inline std::string fullId(char digit) {
  return std::string(64, digit);
}

inline Caller callerNamed(std::string login, std::uint32_t uid, bool admin = false) {
  Caller caller;
  caller.user.uid = uid;
  caller.user.gid = uid;
  caller.user.login = login;
  caller.user.home = "/home/" + login;
  caller.admin = admin;
  return caller;
}

class FakePeer : public Peer {
 public:
  FakePeer(Caller caller, std::shared_ptr<std::atomic<bool>> alive)
      : caller_(std::move(caller)), alive_(std::move(alive)) {}
  const Caller& caller() const override { return caller_; }
  bool alive() const override { return alive_->load(); }

 private:
  Caller caller_;
  std::shared_ptr<std::atomic<bool>> alive_;
};

class FakeIdentities : public Identities {
 public:
  Account accountOf(int) const override {
    const std::lock_guard lock(mutex);
    return account;
  }
  asio::awaitable<std::expected<std::shared_ptr<Peer>, Denial>> identify(int) override {
    const std::lock_guard lock(mutex);
    if (denial) co_return std::unexpected(*denial);
    co_return std::make_shared<FakePeer>(caller, alive);
  }
  asio::awaitable<Result<std::optional<User>>> findUser(std::string login) override {
    const std::lock_guard lock(mutex);
    if (users_away) co_return fail(ErrorCode::Unavailable, "no answer");
    const auto found = users.find(login);
    co_return found == users.end() ? std::nullopt : std::optional<User>(found->second);
  }
  // Whoever connects from now on.
  void become(Account seems, Caller is) {
    const std::lock_guard lock(mutex);
    account = seems;
    caller = std::move(is);
  }
  mutable std::mutex mutex;
  Account account{1001, true};
  std::map<std::string, User> users;
  bool users_away = false;
  Caller caller = callerNamed("alice", 1001);
  std::optional<Denial> denial;
  std::shared_ptr<std::atomic<bool>> alive = std::make_shared<std::atomic<bool>>(true);
};

class FakeOwnership : public Ownership {
 public:
  void add(const std::string& name, const std::string& id, std::optional<std::string> owner) {
    const std::lock_guard lock(mutex);
    containers.push_back({ContainerId(id), name, std::move(owner)});
  }
  asio::awaitable<Result<OwnedContainer>> find(std::string ref) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    for (const OwnedContainer& c : containers) {
      if (c.name == ref || (ref.size() >= 4 && c.id.str().starts_with(ref))) co_return c;
    }
    co_return fail(ErrorCode::NotFound, "No such container: " + ref);
  }
  asio::awaitable<Result<OwnedContainer>> findExec(std::string exec_id) override {
    const std::lock_guard lock(mutex);
    const auto it = execs.find(exec_id);
    if (it == execs.end()) co_return fail(ErrorCode::NotFound, "No such exec instance: " + exec_id);
    co_return it->second;
  }
  void rememberExec(std::string exec_id, const OwnedContainer& container) override {
    const std::lock_guard lock(mutex);
    execs[exec_id] = container;
  }
  // Made for `owner` by a service user.
  void addMadeBy(const std::string& name, const std::string& id, std::string owner, std::string made_by) {
    const std::lock_guard lock(mutex);
    containers.push_back({ContainerId(id), name, std::move(owner), std::nullopt, std::move(made_by)});
  }
  // Made past us, for `login`.
  void addNamed(const std::string& name, const std::string& id, std::string login) {
    const std::lock_guard lock(mutex);
    containers.push_back({ContainerId(id), name, std::nullopt, std::move(login)});
  }
  std::vector<ContainerId> namedFor(const std::string& login) const override {
    const std::lock_guard lock(mutex);
    std::vector<ContainerId> ids;
    for (const OwnedContainer& c : containers) {
      if (c.named_owner == login) ids.push_back(c.id);
    }
    return ids;
  }
  asio::awaitable<void> removed(ContainerId id) override {
    const std::lock_guard lock(mutex);
    removals.push_back(id.str());
    co_return;
  }
  mutable std::mutex mutex;
  std::vector<OwnedContainer> containers;
  std::map<std::string, OwnedContainer> execs;
  std::vector<std::string> removals;
  bool away = false;
};

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

class FakeSite : public Site {
 public:
  FakeSite() {
    facts.emplace();
    facts->api = {1, 41};
    facts->cpus = 8;
  }
  std::expected<Limits, Denial> limitsFor(const User&) const override {
    Limits limits;
    limits.group = "student";
    limits.max_gpu_equivalents = quota;
    return limits;
  }
  Rollout rollout() const override { return modes; }
  bool isLauncher(const std::string& login) const override { return login == launcher; }
  bool hasRole(const User& user) const override { return with_role.contains(user.login); }
  std::optional<EngineFacts> engineFacts() const override { return facts; }
  admission::Emitter gpuEmitter() const override { return admission::Emitter::Sim; }
  std::optional<Denial> gpuTrouble() const override { return trouble; }
  DecisionId newDecision() override { return DecisionId("D" + std::to_string(++decisions)); }
  asio::awaitable<Result<std::string>> cgroupParent(User user, Limits limits) override {
    if (const auto error = parent_error) co_return fail(*error);
    co_return "/ds01.slice/ds01-" + limits.group + ".slice/ds01-" + limits.group + "-" + user.login + ".slice";
  }
  asio::awaitable<Result<std::string>> buildCgroupParent(User user, Limits limits) override {
    if (const auto error = parent_error) co_return fail(*error);
    co_return "/ds01.slice/ds01-" + limits.group + ".slice/ds01-build-" + user.login + ".slice";
  }
  std::optional<Denial> refuseUnrecorded() const override {
    if (recording) return std::nullopt;
    return Denial{503, "events_unwritable", "cannot write it down"};
  }
  std::optional<EngineFacts> facts;
  Rollout modes;         // set before there are requests
  std::string launcher;  // likewise
  std::set<std::string> with_role;
  std::optional<GpuEq> quota;
  std::optional<Denial> trouble;
  std::optional<Error> parent_error;
  std::atomic<int> decisions = 0;
  std::atomic<bool> recording = true;
};

class FakeEngineClient : public docker::EngineClient {
 public:
  asio::awaitable<Result<EngineFacts>> facts() override { co_return EngineFacts{}; }
  asio::awaitable<Result<ContainerView>> inspectContainer(std::string ref) override {
    const std::lock_guard lock(mutex);
    if (const auto found = container_views.find(ref); found != container_views.end()) co_return found->second;
    co_return fail(ErrorCode::NotFound, "No such container: " + ref);
  }
  asio::awaitable<Result<ImageView>> inspectImage(std::string ref) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    if (const auto found = image_views.find(ref); found != image_views.end()) co_return found->second;
    if (!images.contains(ref)) co_return fail(ErrorCode::NotFound, "No such image: " + ref + ":latest");
    ImageView view;
    view.volumes = image_volumes;
    co_return view;
  }
  asio::awaitable<Result<ImageList>> listImages() override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    ImageList out;
    for (const auto& [ref, image] : image_views) {
      out.ids.insert(image.id);
      out.tags.insert(image.tags.begin(), image.tags.end());
    }
    co_return out;
  }
  asio::awaitable<Result<NetworkView>> inspectNetwork(std::string ref) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    const auto found = networks.find(ref);
    if (found == networks.end()) co_return fail(ErrorCode::NotFound, "network " + ref + " not found");
    co_return found->second;
  }
  asio::awaitable<Result<VolumeView>> inspectVolume(std::string name) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    const auto found = volumes.find(name);
    if (found == volumes.end()) co_return fail(ErrorCode::NotFound, "get " + name + ": no such volume");
    co_return found->second;
  }
  asio::awaitable<Result<std::string>> readFile(ContainerId, std::string path) override {
    co_return fail(ErrorCode::NotFound, "Could not find the file " + path);
  }
  asio::awaitable<Result<VolumeView>> createVolume(std::string name,
                                                   std::map<std::string, std::string> labels) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    made_volumes.push_back(name);
    co_return volumes.try_emplace(name, VolumeView{name, std::move(labels)}).first->second;
  }
  asio::awaitable<Result<ExecView>> inspectExec(std::string id) override {
    co_return fail(ErrorCode::NotFound, "No such exec instance: " + id);
  }
  asio::awaitable<Result<std::vector<ContainerSummary>>> listRunning() override {
    co_return std::vector<ContainerSummary>{};
  }
  asio::awaitable<Status> setRestartPolicy(ContainerId, RestartPolicy) override { co_return Status{}; }
  asio::awaitable<Status> killContainer(ContainerId) override { co_return Status{}; }
  asio::awaitable<Result<std::vector<ContainerSummary>>> listContainers(std::string) override {
    co_return std::vector<ContainerSummary>{};
  }
  asio::awaitable<Status> followEvents(std::function<void()>, std::function<void(const EngineEvent&)>) override {
    co_return fail(ErrorCode::Unavailable, "not here");
  }
  std::mutex mutex;
  std::set<std::string> images{"busybox"};
  std::map<std::string, ContainerView> container_views;
  std::map<std::string, ImageView> image_views;  // by full tag or id; these come first
  std::map<std::string, NetworkView> networks;
  std::map<std::string, VolumeView> volumes;
  std::vector<std::string> made_volumes;
  std::vector<std::string> image_volumes;  // of every image
  bool away = false;
};

class FakeImages : public ImageOwnership {
 public:
  std::optional<ownership::TagOwner> ofTag(const std::string& tag) const override {
    const std::lock_guard lock(mutex);
    return owners.ofTag(tag);
  }
  std::vector<std::string> tags() const override {
    const std::lock_guard lock(mutex);
    std::vector<std::string> out;
    for (const auto& [tag, owner] : owners.tags()) out.push_back(tag);
    return out;
  }
  std::optional<std::string> ofImage(const std::string& id) const override {
    const std::lock_guard lock(mutex);
    return owners.ofImage(id);
  }
  asio::awaitable<Status> change(ImageChange change) override {
    const std::lock_guard lock(mutex);
    if (failure) co_return fail(*failure);
    for (auto& [tag, owner] : change.tags) owners.putTag(tag, owner);
    for (auto& [id, login] : change.images) owners.putImage(id, login);
    for (const std::string& tag : change.tags_gone) owners.dropTag(tag);
    for (const std::string& id : change.images_gone) owners.dropImage(id);
    co_return Status{};
  }
  mutable std::mutex mutex;
  ownership::ImageOwners owners;
  std::optional<Error> failure;
};

class FakeEvents : public events::EventSink {
 public:
  void emit(events::Event event) override {
    const std::lock_guard lock(mutex);
    events.push_back(std::move(event));
  }
  // The events of one type, for counting and looking at details.
  std::vector<events::Event> of(const std::string& type) {
    const std::lock_guard lock(mutex);
    std::vector<events::Event> out;
    for (const events::Event& event : events) {
      if (event.type == type) out.push_back(event);
    }
    return out;
  }
  std::mutex mutex;
  std::vector<events::Event> events;
};

}  // namespace ds01::gateway::test
