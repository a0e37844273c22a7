// All parts of a running ds01d, made in the order in which they need each other and gone in the reverse.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>

#include "allocator/file/state_writer.h"
#include "allocator/ledger.h"
#include "daemon/adapters.h"
#include "daemon/control_server.h"
#include "daemon/control_view.h"
#include "daemon/denial_limit.h"
#include "daemon/engine_headers.h"
#include "daemon/engine_watch.h"
#include "daemon/event_log.h"
#include "daemon/explain_routes.h"
#include "daemon/failures.h"
#include "daemon/gpu_devices.h"
#include "daemon/gpu_watch.h"
#include "daemon/image_owner_service.h"
#include "daemon/ledger_service.h"
#include "daemon/options.h"
#include "daemon/owner_service.h"
#include "daemon/owners_writer.h"
#include "daemon/pin_service.h"
#include "daemon/policy_service.h"
#include "daemon/recent_events.h"
#include "daemon/site.h"
#include "daemon/slice_names.h"
#include "daemon/tracker_service.h"
#include "docker/uds/engine_client.h"
#include "events/jsonl/jsonl_sink.h"
#include "gateway/gateway.h"
#include "model/login_report.h"
#include "net/blocking_pool.h"
#include "net/fair_pool.h"
#include "net/real_clock.h"
#include "net/unix_listener.h"

namespace ds01::daemon {

class Daemon {
 public:
  // `command_line` as it was given; what it leaves open is the configuration's. `max_connections`: of all users.
  Daemon(const Options& command_line, std::shared_ptr<const config::Config> config, Inventory inventory,
         std::size_t max_connections);

  // Leases, slice names, owners of images and pinned folders from disk; before run().
  Status restore(std::vector<Lease> leases, std::optional<slices::NameMap> names,
                 std::optional<ownership::ImageOwners> images, std::vector<mounts::PinRecord> pins);
  // Serves until SIGTERM or SIGINT. Returns an error if it could not begin to serve.
  Status run();

 private:
  void openSockets();
  Status tryOpenSockets();
  boost::asio::awaitable<void> watchEngine();
  boost::asio::awaitable<void> watchSignals();
  boost::asio::awaitable<void> reload();
  void applyConfig();
  TrackerParts trackerParts();
  ownership::OwnersDocument ownersDocument() const;
  LoginReport explainLogin(const std::string& login) const;
  void stop();

  const Options command_line_;
  const Options options_;          // completed
  boost::asio::io_context io_{1};  // first: handlers that are left over are destroyed last
  net::RealClock clock_;
  Failures failures_;
  events::JsonlSink log_;
  DenialLimit recorded_;
  RecentEvents events_;  // all parts tell their events here
  allocator::StateWriter writer_;
  allocator::StateWriter names_writer_;
  SliceNames names_;
  allocator::StateWriter images_writer_;
  ImageOwnerService images_;
  net::BlockingPool name_pool_;      // user database look-ups, configuration reload
  net::BlockingPool log_pool_;       // searches in the log of events
  net::FairPool pin_pool_;           // waits for the processes that look at folders, of no user more than a few
  net::BlockingPool pin_disk_pool_;  // one thread: records are written and removed in order
  net::BlockingPool device_pool_;    // one thread: entries are written and removed in order
  net::BlockingPool policy_pool_;    // looks at the policy server's socket
  net::BlockingPool owners_pool_;    // one thread: container-owners.json
  net::FairPool computing_;          // what large bodies cost
  identity::posix::UserDb user_db_;
  EngineHeaders engine_headers_;
  docker::uds::UdsEngineClient engine_;
  mounts::pins::Helper pin_helper_;
  FolderPaths paths_;
  PinService pins_;
  allocator::Ledger ledger_;
  std::shared_ptr<const config::Config> at_start_;
  Site site_;
  EngineContainers containers_;
  identity::posix::Identifier identifier_;
  KernelIdentities identities_;
  HostGpuDevices devices_;
  PolicyService policies_;
  TrackerService tracker_;
  OwnersWriter owners_file_;
  OwnerService owners_;
  LedgerService grants_;
  EngineWatch watch_;
  std::optional<GpuWatch> gpu_watch_;  // if the driver is asked
  ControlView view_;
  EventLog event_log_;
  ExplainRoutes explain_;
  control::Router router_;
  ControlServer control_;
  gateway::Gateway gateway_;
  boost::asio::signal_set signals_;
  std::optional<net::UnixListener> user_listener_;
  std::optional<net::UnixListener> control_listener_;
  std::optional<boost::asio::local::stream_protocol::acceptor> control_acceptor_;
  Status outcome_;
  bool stopping_ = false;
};

}  // namespace ds01::daemon
