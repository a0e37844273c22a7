// The configuration in force and what is known of the Engine. I/O thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "daemon/slice_names.h"
#include "gateway/ports.h"
#include "identity/decide.h"

namespace ds01::daemon {

identity::RoleRules rolesOf(const config::Config& config);

class Site final : public gateway::Site {
 public:
  // `emitter` and the configuration's gpu.cdi_dir stay those of the start. `names` outlives this. `events_lost` says
  // whether events.jsonl loses lines now.
  Site(std::shared_ptr<const config::Config> config, admission::Emitter emitter, SliceNames& names,
       std::function<bool()> events_lost = {});

  std::expected<Limits, Denial> limitsFor(const User& user) const override;
  std::optional<EngineFacts> engineFacts() const override { return facts_; }
  admission::Emitter gpuEmitter() const override { return emitter_; }
  Rollout rollout() const override { return config_->access.rollout; }
  bool isLauncher(const std::string& login) const override { return config_->daemon.launchers.contains(login); }
  bool hasRole(const User& user) const override { return identity::hasRole(user, rolesOf(*config_)); }
  std::optional<Denial> gpuTrouble() const override;
  DecisionId newDecision() override;
  std::optional<Denial> refuseUnrecorded() const override;
  boost::asio::awaitable<Result<std::string>> cgroupParent(User user, Limits limits) override;
  boost::asio::awaitable<Result<std::string>> buildCgroupParent(User user, Limits limits) override;

  void setEngineFacts(std::optional<EngineFacts> facts) { facts_ = std::move(facts); }
  // Later decisions use the new configuration; what was granted stays.
  void setConfig(std::shared_ptr<const config::Config> config) { config_ = std::move(config); }
  const config::Config& config() const { return *config_; }

 private:
  std::shared_ptr<const config::Config> config_;
  admission::Emitter emitter_;
  std::string cdi_dir_;
  SliceNames& names_;
  std::function<bool()> events_lost_;
  std::optional<EngineFacts> facts_;
};

}  // namespace ds01::daemon
