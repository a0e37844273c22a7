// The rest of the daemon as the gateway sees it, scripted. Tests run the gateway on a thread of its own, so what both
// sides touch is behind one mutex per fake.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "docker/engine_client.h"
#include "docker/image_reference.h"
#include "events/event.h"
#include "gateway/image_ownership.h"
#include "gateway/ports.h"
#include "unit/gateway/fake_folders.h"
#include "unit/gateway/fake_grants.h"

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
    if (away) co_return fail(away_as, "connection refused");
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
  ErrorCode away_as = ErrorCode::Unavailable;  // Timeout: it takes the question and does not answer
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
    limits.run_as_owner = run_as_owner;
    limits.buildkit = buildkit;
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
  bool run_as_owner = false;  // set before there are requests
  bool buildkit = true;       // likewise
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
    if (away) co_return fail(away_as, "connection refused");
    if (const auto found = image_views.find(ref); found != image_views.end()) co_return found->second;
    if (!images.contains(ref)) co_return fail(ErrorCode::NotFound, "No such image: " + ref + ":latest");
    ImageView view;
    view.volumes = image_volumes;
    co_return view;
  }
  asio::awaitable<Result<ImageList>> listImages() override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(away_as, "connection refused");
    ImageList out;
    for (const auto& [ref, image] : image_views) {
      out.ids.insert(image.id);
      out.tags.insert(image.tags.begin(), image.tags.end());
    }
    co_return out;
  }
  asio::awaitable<Result<NetworkView>> inspectNetwork(std::string ref) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(away_as, "connection refused");
    const auto found = networks.find(ref);
    if (found == networks.end()) co_return fail(ErrorCode::NotFound, "network " + ref + " not found");
    co_return found->second;
  }
  asio::awaitable<Result<VolumeView>> inspectVolume(std::string name) override {
    const std::lock_guard lock(mutex);
    if (away) co_return fail(away_as, "connection refused");
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
    if (away) co_return fail(away_as, "connection refused");
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
  ErrorCode away_as = ErrorCode::Unavailable;
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
