#include "daemon/daemon.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "allocator/file/state_file.h"
#include "allocator/foreign.h"
#include "config/explain.h"
#include "config/lookup.h"
#include "control/config_route.h"
#include "daemon/apparmor.h"
#include "daemon/background.h"
#include "daemon/event_routes.h"
#include "daemon/startup.h"
#include "identity/posix/group_lookup.h"
#include "mounts/pins/child.h"
#include "net/notify.h"
#include "slices/names.h"

namespace ds01::daemon {

namespace asio = boost::asio;
using asio::local::stream_protocol;

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStopDeadline{6000};  // a folder that hangs is waited for 5 s

admission::Emitter emitterOf(const config::GpuSettings& gpu, const config::GpuSource& source) {
  const auto by_source = source.kind == config::GpuSource::Kind::Sim ? config::Emitter::Sim : config::Emitter::Nvidia;
  switch (gpu.emitter.value_or(by_source)) {
    case config::Emitter::Sim:
      return admission::Emitter::Sim;
    case config::Emitter::Cdi:
      return admission::Emitter::Cdi;
    case config::Emitter::Nvidia:
      break;
  }
  return admission::Emitter::Nvidia;
}

std::expected<Limits, Denial> limitsOf(const Site& site, const std::string& login) {
  User user;
  user.login = login;
  return site.limitsFor(user);
}

allocator::StateWriter::Write writerOf(const std::filesystem::path& path, Failures& failures) {
  return [&failures, file = allocator::StateFile(path.native())](std::string_view image) {
    Status written = file.write(image);
    if (!written) failures.note(Dependency::StateFile, written.error().message());
    return written;
  };
}

// One user's requests keep half of the machine's processors busy at most.
std::size_t requestsPerUid() {
  constexpr unsigned kFewest = 2;
  return std::max(kFewest, std::thread::hardware_concurrency() / 2);
}

}  // namespace

Daemon::Daemon(const Options& command_line, std::shared_ptr<const config::Config> config, Inventory inventory,
               std::size_t max_connections)
    : command_line_(command_line),
      options_(completeOptions(command_line, config->daemon)),
      failures_(clock_),
      log_({.path = (options_.log_dir / "events.jsonl").native(),
            .group = identity::posix::groupId("adm"),
            .on_loss = [this](std::uint64_t lines) { failures_.note(Dependency::EventLog, "the disk", lines); }},
           clock_),
      recorded_(log_, clock_),
      events_(recorded_, clock_),
      writer_(writerOf(options_.state_dir / "gpu-state.json", failures_)),
      names_writer_(writerOf(options_.state_dir / "slice-names.json", failures_)),
      names_(io_.get_executor(),
             [this](std::string image, std::function<void(Status)> done) {
               names_writer_.write(std::move(image), std::move(done));
             }),
      images_writer_(writerOf(options_.state_dir / "image-owners.json", failures_)),
      images_(io_.get_executor(),
              [this](std::string image, std::function<void(Status)> done) {
                images_writer_.write(std::move(image), std::move(done));
              }),
      name_pool_(4, 256),
      log_pool_(1, 16),
      pin_pool_(16, gateway::ConnectionLimits().per_account, 3),
      pin_disk_pool_(1, 1024),
      device_pool_(1, 1024),
      policy_pool_(1, 64),
      owners_pool_(1, 4),
      computing_(2, gateway::ConnectionLimits().per_account),
      user_db_(name_pool_, clock_),
      engine_headers_((options_.run_dir / authz::posix::kKeyFileName).native()),
      engine_(io_.get_executor(), options_.engine_path, std::chrono::seconds(30), engine_headers_.ofOurs()),
      pin_helper_(pin_pool_, {.arguments = {"ds01d", std::string(mounts::pins::kChildOption)}}),
      paths_(pin_helper_, {.listen = options_.listen_path, .engine = options_.engine_path}, failures_),
      pins_(io_.get_executor(),
            {pin_helper_, engine_, pin_disk_pool_,
             [this](std::string login) { return identities_.findUser(std::move(login)); }, clock_,
             [this](std::string_view why) { failures_.note(Dependency::FileSystem, why); }},
            {.listen = options_.listen_path,
             .engine = options_.engine_path,
             .directory = std::filesystem::absolute(options_.run_dir / "pins").lexically_normal().native(),
             .files = PinFiles(options_.state_dir / "pins")}),
      ledger_(std::move(inventory)),
      at_start_(config),
      site_(config, emitterOf(config->daemon.gpu, *options_.gpus), names_, [this] { return log_.losing(); }),
      containers_(engine_, site_, names_),
      identifier_(user_db_, containers_),
      identities_(identifier_, user_db_, failures_),
      devices_(site_.gpuEmitter(), config->daemon.gpu.cdi_dir, device_pool_,
               [this] { return site_.engineFacts().value_or(EngineFacts{}).cdi_spec_dirs; }),
      policies_(io_.get_executor(), policy_pool_, failures_),
      tracker_(io_.get_executor(), trackerParts()),
      owners_file_(io_.get_executor(),
                   {.pool = owners_pool_,
                    .file = ownership::OwnersFile((options_.state_dir / "opa").native()),
                    .document = [this] { return ownersDocument(); },
                    .on_failure = [this](std::string_view why) { failures_.note(Dependency::OwnersFile, why); }}),
      owners_(engine_, names_,
              {.learned =
                   [this](const ContainerView& view) {
                     pins_.noticed(view);
                     tracker_.noticed(view);
                   },
               .removed =
                   [this](const ContainerId& id) {
                     grants_.containerGone(id);
                     pins_.gone(id);
                     tracker_.gone(id);
                   },
               .all_learned =
                   [this] {
                     pins_.allNoticed();
                     tracker_.lookAtAll();
                   },
               .appeared = [this](const ContainerId& id) { tracker_.appeared(id); },
               .renamed = [this](const ContainerId& id, const std::string& name) { tracker_.renamed(id, name); }},
              {.of = [this](const ContainerId& id) { return tracker_.namedOwner(id); },
               .containers = [this](const std::string& login) { return tracker_.namedFor(login); }}),
      grants_(io_.get_executor(), {ledger_, writer_, owners_, engine_, events_, clock_, devices_,
                                   [this](const std::string& login) { return limitsOf(site_, login); }}),
      watch_(io_.get_executor(), engine_, site_, owners_, grants_, [] { return confinesContainers(); }),
      view_(grants_, owners_, site_, failures_, &tracker_),
      event_log_((options_.log_dir / "events.jsonl").native(), log_pool_, events_),
      explain_(event_log_,
               {identities_, owners_, grants_, site_, paths_, engine_, events_, clock_, computing_, images_, pins_,
                policies_},
               grants_, options_.listen_path),
      control_(identities_, router_),
      gateway_(io_.get_executor(),
               {identities_, owners_, grants_, site_, paths_, engine_, events_, clock_, computing_, images_, pins_,
                policies_},
               {.engine_socket = options_.engine_path,
                .connections = {.of_users = max_connections},
                .requests_per_uid = requestsPerUid(),
                .continue_every = config->daemon.queue.continue_every,
                .on_engine_unanswered = [this](std::string_view why) { failures_.note(Dependency::Engine, why); },
                .engine_headers = engine_headers_.ofGateway()}),
      signals_(io_, SIGTERM, SIGINT, SIGHUP) {
  control::addViewRoutes(router_, view_);
  control::addConfigRoute(router_, [this](const std::string& login) { return explainLogin(login); });
  addEventRoutes(router_, event_log_, events_);
  explain_.addTo(router_);
  applyConfig();
  const auto source = options_.gpus->kind;
  if (source == config::GpuSource::Kind::Nvml || source == config::GpuSource::Kind::Auto) {
    const config::GpuSettings& gpu = config->daemon.gpu;
    GpuWatchSettings child = nvmlChild(source == config::GpuSource::Kind::Nvml, gpu.read_every, gpu.read_limit);
    child.on_unanswered = [this](std::string_view why) { failures_.note(Dependency::GpuDriver, why); };
    gpu_watch_.emplace(io_.get_executor(), grants_, clock_, std::move(child));
  }
}

Status Daemon::restore(std::vector<Lease> leases, std::optional<slices::NameMap> names,
                       std::optional<ownership::ImageOwners> images, std::vector<mounts::PinRecord> pins) {
  pins_.restore(std::move(pins));
  if (images) images_.restore(std::move(*images));
  if (names) names_.restore(std::move(*names));
  return ledger_.restore(std::move(leases));
}

Status Daemon::run() {
  runBeside(io_.get_executor(), watchSignals(), "waiting for signals");
  // Not waited for: a driver that hangs delays no socket.
  if (gpu_watch_) runBeside(io_.get_executor(), gpu_watch_->run(), "reading the NVIDIA driver");
  // Before the Engine is reached: it may be about to start containers by their restart policies.
  runBeside(io_.get_executor(), grants_.alignEntries(), "write the CDI entries of leases");
  runBeside(io_.get_executor(), grants_.keepHolds(), "end the holds of stopped containers");
  owners_file_.onChange([this](OwnersWriter::Text text) { policies_.setOwners(std::move(text)); });
  runBeside(io_.get_executor(), policies_.keepOwners(), "keep the policy server's data");
  runBeside(io_.get_executor(), tracker_.run(), "finding out whose containers are");
  runBeside(io_.get_executor(), owners_file_.run(), "writing container-owners.json");
  // Without it nothing that we know would be kept true.
  asio::co_spawn(io_, watchEngine(), [this](const std::exception_ptr& thrown) {
    if (!thrown) return;
    outcome_ = fail(ErrorCode::Internal, "following the Docker Engine ended by an exception");
    stop();
  });
  io_.run();
  // Sessions end first, while the parts that they use are there; a session that does not is a defect, and its grants
  // would touch what is being destroyed, so the process then ends without destructors.
  io_.restart();
  const auto deadline = clock_.now() + kStopDeadline;
  while (gateway_.connections() > 0 && clock_.now() < deadline) io_.run_one_for(milliseconds(50));
  if (gateway_.connections() > 0) {
    spdlog::critical("{} sessions did not end in time", gateway_.connections());
    spdlog::shutdown();
    std::quick_exit(1);
  }
  return outcome_;
}

void Daemon::applyConfig() {
  const config::Config& config = site_.config();
  for (const RuleClass rules : kRuleClasses) {
    const Enforcement mode = config.access.rollout.of(rules);
    if (mode == Enforcement::Full) continue;
    spdlog::warn("access_control: the rules about {} are {}: what they would refuse passes", toString(rules),
                 mode == Enforcement::Monitoring ? "only watched" : "off");
  }
  identifier_.setRoleRules(rolesOf(config));
  identifier_.allowStale(config.daemon.fail.user_database == config::FailDirection::Open);
  owners_file_.changed();
  const mounts::Roots roots{.home = config.daemon.mounts.home, .directories = config.daemon.mounts.directories};
  paths_.setRoots(roots);
  pins_.setRoots(roots);
  policies_.configure(config.daemon.policy);
  engine_headers_.tellUserAs(config.daemon.policy.engine_user_header);
  grants_.setStaleGrants(config.daemon.fail.gpu_inventory == config::FailDirection::Open);
  grants_.setQueueWait(config.daemon.queue.wait);
  identity::ForeignRules foreign{.user_namespaces = config.daemon.identity.user_namespaces_of_owner, .places = {}};
  for (const auto& cgroup : config.daemon.identity.cgroups) foreign.places.push_back({cgroup.path, cgroup.login});
  identifier_.setForeignRules(std::move(foreign));
  grants_.setGpusForAll(config.daemon.gpu.gpus_for_all == config::GpusForAll::Available
                            ? allocator::GpusForAll::Available
                            : allocator::GpusForAll::One);
}

TrackerParts Daemon::trackerParts() {
  return {.engine = engine_,
          .clock = clock_,
          .proven_owner = [this](const ContainerView& view) { return names_.provenOwner(view); },
          .is_gone = [this](const ContainerId& id) { return owners_.index().isTombstone(id); },
          .has_gpu =
              [this](const ContainerView& view) {
                const EngineFacts facts = site_.engineFacts().value_or(EngineFacts{});
                return allocator::mayReachGpu(allocator::claimOf(view, facts.default_runtime));
              },
          .find_login = [this](std::string login) { return identities_.findUser(std::move(login)); },
          .find_uid = [this](std::uint32_t uid) { return user_db_.find(uid); },
          .folder_owner = [this](User user,
                                 std::string folder) { return paths_.ownerOf(std::move(user), std::move(folder)); },
          .on_change = [this] { owners_file_.changed(); }};
}

ownership::OwnersDocument Daemon::ownersDocument() const {
  const config::Config& config = site_.config();
  const auto& admins = config.access.admin_users;
  const auto& services = config.daemon.service_users;
  return {.containers = tracker_.all(),
          .admins = {admins.begin(), admins.end()},
          .service_users = {services.begin(), services.end()},
          .updated = clock_.now()};
}

LoginReport Daemon::explainLogin(const std::string& login) const {
  const std::optional<EngineFacts> engine = site_.engineFacts();
  LoginReport report =
      config::explainLogin(site_.config(), login, slices::sanitise(login).value_or(""),
                           {.engine_cpus = engine ? std::optional(engine->cpus) : std::nullopt, .now = clock_.now()});
  report.directory = options_.config_dir.native();
  return report;
}

void Daemon::openSockets() {
  if (stopping_) return;
  try {
    outcome_ = tryOpenSockets();
  } catch (const boost::system::system_error& error) {
    outcome_ = fail(ErrorCode::Io, fmt::format("the sockets cannot be served: {}", error.what()));
  }
  if (!outcome_) {
    stop();
    return;
  }
  spdlog::info("serving on {}, the Docker Engine at {}", options_.listen_path, options_.engine_path);
  const char* notify_socket = std::getenv("NOTIFY_SOCKET");
  if (const Status told = net::notify(notify_socket ? notify_socket : "", "READY=1"); !told) {
    spdlog::warn("the service manager could not be told that we are ready: {}", told.error().message());
  }
}

Status Daemon::tryOpenSockets() {
  const config::SocketSettings& sockets = site_.config().daemon.sockets;
  net::UnixListenerOptions user{.path = options_.listen_path, .mode = sockets.mode};
  if (!sockets.group.empty()) {
    user.gid = identity::posix::groupId(sockets.group);
    if (!user.gid) return fail(ErrorCode::NotFound, "ds01d.yaml: sockets.group: no group " + sockets.group);
  }
  Result<net::UnixListener> control =
      net::UnixListener::open({.path = (options_.run_dir / "ds01.sock").native(), .mode = 0666});
  if (!control) return fail(control.error());
  Result<net::UnixListener> users = net::UnixListener::open(std::move(user));
  if (!users) return fail(users.error().context("--listen"));
  control_listener_.emplace(std::move(*control));
  user_listener_.emplace(std::move(*users));
  control_acceptor_.emplace(io_, stream_protocol(), control_listener_->takeSocket().release());
  runBeside(io_.get_executor(), control_.serve(*control_acceptor_), "the control API");
  stream_protocol::acceptor acceptor(io_, stream_protocol(), user_listener_->takeSocket().release());
  runBeside(io_.get_executor(), gateway_.serve(std::move(acceptor)), "the gateway");
  return {};
}

// What the Engine's containers mount is there before anybody is told that we are ready: a unit that orders us before
// the Engine relies on that.
asio::awaitable<void> Daemon::watchEngine() {
  co_await pins_.putInOrder();
  std::function<void()> settled = [this] { openSockets(); };
  co_await watch_.run(std::move(settled));
}

asio::awaitable<void> Daemon::watchSignals() {
  for (;;) {
    boost::system::error_code error;
    const int signal = co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    if (signal != SIGHUP) break;
    watch_.compareNow();
    co_await reload();
  }
  spdlog::info("stopping");
  stop();
}

asio::awaitable<void> Daemon::reload() {
  std::function<Result<LoadedConfig>()> load = [options = options_]() -> Result<LoadedConfig> {
    return loadConfig(options);
  };
  Result<LoadedConfig> loaded = co_await name_pool_.run<LoadedConfig>(std::move(load), milliseconds(10'000));
  if (!loaded || !loaded->config) {
    spdlog::error("the configuration was not reloaded, the last good one stays in force: {}",
                  loaded ? loaded->problems : loaded.error().message());
    co_return;
  }
  if (!loaded->problems.empty()) spdlog::warn("configuration:\n{}", loaded->problems);
  for (const std::string_view key : changedForNextStart(command_line_, at_start_->daemon, loaded->config->daemon)) {
    spdlog::warn("ds01d.yaml: {} has changed; this takes effect when ds01d is started again", key);
  }
  site_.setConfig(loaded->config);
  applyConfig();
  grants_.limitsChanged();
  if (gpu_watch_) gpu_watch_->readNow();
  events_.emit({.type = "config.change", .user = {}, .details = {{"dir", options_.config_dir.native()}}});
  spdlog::info("the configuration was reloaded from {}", options_.config_dir.native());
}

void Daemon::stop() {
  if (std::exchange(stopping_, true)) return;
  if (gpu_watch_) gpu_watch_->stop();
  policies_.stop();
  if (control_acceptor_) control_acceptor_->close();
  computing_.stop();  // sessions must not wait for their turn there
  pin_pool_.stop();
  gateway_.stop();
  user_listener_.reset();
  control_listener_.reset();
  io_.stop();
}

}  // namespace ds01::daemon
