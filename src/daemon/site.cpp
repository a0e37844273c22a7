#include "daemon/site.h"

#include "cdi/engine.h"
#include "config/lookup.h"
#include "net/random_id.h"
#include "slices/names.h"

namespace ds01::daemon {

Site::Site(std::shared_ptr<const config::Config> config, admission::Emitter emitter, std::function<bool()> events_lost)
    : config_(std::move(config)),
      emitter_(emitter),
      cdi_dir_(config_->daemon.gpu.cdi_dir),
      events_lost_(std::move(events_lost)) {}

std::optional<Denial> Site::refuseUnrecorded() const {
  if (config_->daemon.fail.events == config::FailDirection::Open || !events_lost_ || !events_lost_())
    return std::nullopt;
  return Denial{503, "events_unwritable",
                "this server records who starts what, and cannot write it down now; tell its administrators"};
}

std::expected<Limits, Denial> Site::limitsFor(const User& user) const {
  return config::limitsFor(*config_, user.login, slices::sanitise(user.login).value_or(""));
}

std::optional<Denial> Site::gpuTrouble() const {
  if (emitter_ != admission::Emitter::Cdi || !facts_) return std::nullopt;
  std::string why = cdi::whyNotUsable(*facts_, cdi_dir_);
  if (why.empty()) return std::nullopt;
  return Denial{503, "cdi_unavailable", std::move(why)};
}

DecisionId Site::newDecision() {
  return DecisionId("D" + net::randomHex(6));
}

Result<std::string> Site::cgroupParent(const User& user, const Limits& limits) const {
  if (!facts_) return fail(ErrorCode::Unavailable, "the Docker Engine is away");
  const auto driver = facts_->systemd_cgroups ? slices::CgroupDriver::Systemd : slices::CgroupDriver::Cgroupfs;
  return slices::cgroupParent(driver, limits.group, user.login);
}

Result<std::string> Site::buildCgroupParent(const User& user, const Limits& limits) const {
  const Result<std::string> parent = cgroupParent(user, limits);
  if (!parent) return fail(parent.error());
  return slices::buildCgroupParent(*parent);
}

}  // namespace ds01::daemon
