#include "daemon/site.h"

#include "config/lookup.h"
#include "net/random_id.h"
#include "slices/names.h"

namespace ds01::daemon {

Site::Site(std::shared_ptr<const config::Config> config, admission::Emitter emitter)
    : config_(std::move(config)), emitter_(emitter) {}

std::expected<Limits, Denial> Site::limitsFor(const User& user) const {
  return config::limitsFor(*config_, user.login, slices::sanitise(user.login).value_or(""));
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
