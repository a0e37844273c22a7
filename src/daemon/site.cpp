#include "daemon/site.h"

#include "cdi/engine.h"
#include "config/lookup.h"
#include "net/random_id.h"
#include "slices/names.h"

namespace ds01::daemon {

Site::Site(std::shared_ptr<const config::Config> config, admission::Emitter emitter, SliceNames& names,
           std::function<bool()> events_lost)
    : config_(std::move(config)),
      emitter_(emitter),
      cdi_dir_(config_->daemon.gpu.cdi_dir),
      names_(names),
      events_lost_(std::move(events_lost)) {}

std::optional<Denial> Site::refuseUnrecorded() const {
  if (config_->daemon.fail.events == config::FailDirection::Open || !events_lost_ || !events_lost_())
    return std::nullopt;
  return Denial{503, "events_unwritable",
                "this server records who starts what, and cannot write it down now; tell its administrators"};
}

identity::RoleRules rolesOf(const config::Config& config) {
  const auto& admins = config.access.admin_users;
  const auto& services = config.daemon.service_users;
  return {.admin_users = {admins.begin(), admins.end()},
          .admin_group = config::adminGroup(config),
          .service_users = {services.begin(), services.end()}};
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

boost::asio::awaitable<Result<std::string>> Site::cgroupParent(User user, Limits limits) {
  const Result<std::string> part = co_await names_.partOf(user.login);
  if (!part) co_return fail(part.error());
  if (!facts_) co_return fail(ErrorCode::Unavailable, "the Docker Engine is away");
  const auto driver = facts_->systemd_cgroups ? slices::CgroupDriver::Systemd : slices::CgroupDriver::Cgroupfs;
  co_return slices::cgroupParent(driver, limits.group, *part);
}

boost::asio::awaitable<Result<std::string>> Site::buildCgroupParent(User user, Limits limits) {
  const Result<std::string> parent = co_await cgroupParent(std::move(user), std::move(limits));
  if (!parent) co_return fail(parent.error());
  co_return slices::buildCgroupParent(*parent);
}

}  // namespace ds01::daemon
