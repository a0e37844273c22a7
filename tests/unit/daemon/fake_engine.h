// The Engine as the daemon asks it, scripted: containers that come and go, answers that fail, and answers that are held
// back after they were made up, so that a test can let other things happen while one is on its way.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "docker/engine_client.h"

namespace ds01::daemon::test {

namespace asio = boost::asio;

class FakeEngine final : public docker::EngineClient {
 public:
  explicit FakeEngine(asio::any_io_executor executor)
      : gate_(executor, asio::steady_timer::time_point::max()), stream_(executor, gate_.expiry()) {}

  std::map<ContainerId, ContainerView> containers;
  std::map<std::string, std::string> files;  // in each container
  std::map<std::string, ContainerId> execs;
  std::map<std::string, ImageView> images;  // by id; any other has no labels
  std::set<ContainerId> damaged;            // listed, and cannot be inspected
  bool refuses_policies = false;
  int kills_to_refuse = 0;
  bool away = false;                           // nothing is answered
  ErrorCode away_as = ErrorCode::Unavailable;  // Timeout: it takes what is asked and falls silent
  bool apparmor = false;                       // among its facts
  bool lists = true;                           // false: an Engine that answers, but not this
  std::vector<std::string>
      calls;  // "list ds01.user", "inspect NAME", "exec ID", "facts", "events", "running", "policy NAME ID", "kill ID"

  void add(ContainerView view) {
    ContainerId id = view.id;
    containers.insert_or_assign(std::move(id), std::move(view));
  }
  std::size_t asked(const std::string& prefix) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(calls, [&](const std::string& call) { return call.starts_with(prefix); }));
  }

  // The next answer to a call that begins so is held back; letGo() hands it over.
  void hold(std::string prefix) { to_hold_ = std::move(prefix); }
  bool holds() const { return holding_; }
  void letGo() {
    holding_ = false;
    gate_.cancel();
  }

  // While somebody follows the events.
  bool followed() const { return on_event_ != nullptr; }
  void send(std::string action, const ContainerId& id, std::map<std::string, std::string> attributes = {}) {
    on_event_({.type = "container", .action = std::move(action), .actor = id.str(), .attributes = attributes});
  }
  void breakStream() {
    on_event_ = nullptr;
    stream_.cancel();
  }

  asio::awaitable<Result<EngineFacts>> facts() override {
    const bool answers = !away;
    std::string call = "facts";
    co_await arrive(std::move(call));
    if (!answers) co_return fail(away_as, "no answer");
    EngineFacts made;
    made.api = {1, 43};
    made.cpus = 8;
    made.systemd_cgroups = true;
    made.apparmor = apparmor;
    co_return made;
  }
  asio::awaitable<Result<ContainerView>> inspectContainer(std::string ref) override {
    Result<ContainerView> answer = look(ref);
    std::string call = "inspect " + ref;
    co_await arrive(std::move(call));
    co_return answer;
  }
  asio::awaitable<Result<ImageView>> inspectImage(std::string ref) override {
    if (away) co_return fail(away_as, "no answer");
    const auto image = images.find(ref);
    if (image == images.end()) co_return ImageView{};
    co_return image->second;
  }
  asio::awaitable<Result<ImageList>> listImages() override { co_return ImageList{}; }
  asio::awaitable<Result<NetworkView>> inspectNetwork(std::string ref) override {
    co_return fail(ErrorCode::NotFound, "network " + ref + " not found");
  }
  asio::awaitable<Result<VolumeView>> inspectVolume(std::string name) override {
    co_return fail(ErrorCode::NotFound, "get " + name + ": no such volume");
  }
  asio::awaitable<Result<std::string>> readFile(ContainerId, std::string path) override {
    const auto file = files.find(path);
    if (file == files.end()) co_return fail(ErrorCode::NotFound, "Could not find the file " + path);
    co_return file->second;
  }
  asio::awaitable<Result<VolumeView>> createVolume(std::string name,
                                                   std::map<std::string, std::string> labels) override {
    co_return VolumeView{std::move(name), std::move(labels)};
  }
  asio::awaitable<Result<ExecView>> inspectExec(std::string id) override {
    std::string call = "exec " + id;
    co_await arrive(std::move(call));
    const auto exec = execs.find(id);
    if (exec == execs.end()) co_return fail(ErrorCode::NotFound, "No such exec instance: " + id);
    co_return ExecView{id, exec->second};
  }
  asio::awaitable<Result<std::vector<ContainerSummary>>> listContainers(std::string label) override {
    const bool answers = !away && lists;
    std::vector<ContainerSummary> answer;
    for (const auto& [id, view] : containers) {
      if (carries(view, label)) answer.push_back({id, view.labels});
    }
    std::string call = "list " + label;
    co_await arrive(std::move(call));
    if (!answers) co_return fail(away_as, "the Engine answered 500: (no reason given)");
    co_return answer;
  }
  asio::awaitable<Result<std::vector<ContainerSummary>>> listRunning() override {
    const bool answers = !away && lists;
    std::vector<ContainerSummary> answer;
    for (const auto& [id, view] : containers) {
      if (view.up()) answer.push_back({id, view.labels});
    }
    std::string call = "running";
    co_await arrive(std::move(call));
    if (!answers) co_return fail(away_as, "the Engine answered 500: (no reason given)");
    co_return answer;
  }
  asio::awaitable<Status> setRestartPolicy(ContainerId id, RestartPolicy policy) override {
    std::string call = "policy " + policy.name + " " + id.str().substr(0, 4);
    co_await arrive(std::move(call));
    if (away && away_as == ErrorCode::Timeout) co_return fail(away_as, "no answer");
    const auto found = containers.find(id);
    if (found == containers.end()) co_return fail(ErrorCode::NotFound, "No such container: " + id.str());
    if (refuses_policies) co_return fail(ErrorCode::Unavailable, "the Engine answered 500: no space left on device");
    found->second.restart = policy;
    co_return Status{};
  }
  asio::awaitable<Status> killContainer(ContainerId id) override {
    std::string call = "kill " + id.str().substr(0, 4);
    co_await arrive(std::move(call));
    const auto found = containers.find(id);
    if (found == containers.end()) co_return fail(ErrorCode::NotFound, "No such container: " + id.str());
    if (!found->second.up()) co_return fail(ErrorCode::Conflict, "is not running");
    if (kills_to_refuse > 0) {
      --kills_to_refuse;
      co_return fail(ErrorCode::Unavailable, "the Engine answered 500: cannot kill");
    }
    found->second.status = "exited";
    co_return Status{};
  }
  asio::awaitable<Status> followEvents(std::function<void()> on_open,
                                       std::function<void(const EngineEvent&)> on_event) override {
    calls.emplace_back("events");
    on_event_ = std::move(on_event);
    on_open();
    boost::system::error_code ignored;
    while (on_event_) co_await stream_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return fail(ErrorCode::Unavailable, "event stream: the Engine ended it");
  }

 private:
  asio::awaitable<void> arrive(std::string call) {
    const bool held = !to_hold_.empty() && call.starts_with(to_hold_);
    calls.push_back(std::move(call));
    if (!held) co_return;
    to_hold_.clear();
    holding_ = true;
    boost::system::error_code ignored;
    while (holding_) co_await gate_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  Result<ContainerView> look(const std::string& ref) const {
    if (away) return fail(away_as, "no answer");
    for (const auto& [id, view] : containers) {
      if (id.str() != ref && view.name != ref && !(ref.size() >= 4 && id.str().starts_with(ref))) continue;
      if (damaged.contains(id)) return fail(ErrorCode::Unavailable, "the Engine answered 500: layer does not exist");
      return view;
    }
    return fail(ErrorCode::NotFound, "No such container: " + ref);
  }

  static bool carries(const ContainerView& view, const std::string& label) {
    if (label.empty()) return true;
    const std::size_t equals = label.find('=');
    const auto found = view.labels.find(label.substr(0, equals));
    if (found == view.labels.end()) return false;
    return equals == std::string::npos || found->second == label.substr(equals + 1);
  }

  asio::steady_timer gate_;
  asio::steady_timer stream_;
  std::string to_hold_;
  bool holding_ = false;
  std::function<void(const EngineEvent&)> on_event_;
};

}  // namespace ds01::daemon::test
