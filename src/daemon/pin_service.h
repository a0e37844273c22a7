// The pinned binds of all containers: which there are, and that they are mounted. I/O thread only; what mounts is
// another process (mounts/pins), what writes the records another thread.
//
// Pins stay as long as their container does, since the Engine mounts them when it starts it by itself and when it
// copies files of one that is stopped.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "base/clock.h"
#include "daemon/pin_files.h"
#include "docker/engine_client.h"
#include "gateway/pinning.h"
#include "mounts/lexical.h"
#include "mounts/pin_record.h"
#include "mounts/pins/helper.h"
#include "net/blocking_pool.h"

namespace ds01::daemon {

struct PinParts {
  mounts::pins::Helper& helper;
  docker::EngineClient& engine;
  net::BlockingPool& disk;  // one thread: what is written of one container is written in order
  std::function<boost::asio::awaitable<Result<std::optional<User>>>(std::string login)> find_user;
  const Clock& clock;
  std::function<void(std::string_view why)> on_unanswered;  // each time that a folder cannot be looked at
};

struct PinSettings {
  std::string listen;  // our socket and the Engine's, as configured
  std::string engine;
  std::string directory;  // of all pins
  PinFiles files;
};

class PinService final : public gateway::Pins {
 public:
  static constexpr std::size_t kMostPins = 1000;  // of one login: each is a mount of the machine

  // All parts outlive this.
  PinService(boost::asio::any_io_executor executor, PinParts parts, PinSettings settings);

  void setRoots(mounts::Roots roots) { roots_ = std::move(roots); }
  void restore(std::vector<mounts::PinRecord> records);
  // Removes pins of nobody, and mounts what is known and not mounted: after a start of the machine nothing is. Before
  // anything else happens.
  boost::asio::awaitable<void> putInOrder();
  // Mounts what is not mounted, as in another Engine's mount namespace.
  boost::asio::awaitable<void> mountMissing();

  boost::asio::awaitable<std::expected<gateway::PinHold, Denial>> hold(User owner,
                                                                       std::vector<admission::PinnedBind> binds,
                                                                       std::vector<std::string> users) override;
  boost::asio::awaitable<std::optional<Denial>> pinAgain(ContainerId container, bool admin) override;
  bool has(const ContainerId& container) const override;
  bool unmapped(const ContainerId& container) const override;
  bool writable(const ContainerId& container) const override;
  std::optional<gateway::PinSource> sourceOf(std::string_view path, std::string_view login) const override;
  const std::string& directory() const override { return settings_.directory; }

  // The Engine has told of this container.
  void noticed(const ContainerView& view);
  void gone(const ContainerId& container);
  // All containers that the Engine has have been noticed.
  void allNoticed();

 private:
  struct Entry {
    mounts::PinRecord record = {};
    bool in_flight = false;  // a create that has not been answered
    std::optional<ContainerId> container = std::nullopt;
    std::optional<User> mounted_as = std::nullopt;  // unset: not known
    mounts::ViewIds mounted_view = {};
    bool dropped = false;  // and not unmounted yet
  };

  boost::asio::awaitable<Status> bind(std::string token, ContainerId id, std::vector<std::string> users) override;
  void release(std::string token) override;
  void uncertain(std::string token) override;

  const Entry* entryOf(const ContainerId& container) const;
  std::size_t pinsOf(const std::string& login) const;
  mounts::pins::Job jobFor(mounts::pins::Job::What what) const;
  boost::asio::awaitable<Status> mount(std::string token, User user);
  boost::asio::awaitable<Status> mountFor(std::string token);
  boost::asio::awaitable<Status> save(std::string token);
  boost::asio::awaitable<std::optional<mounts::ViewIds>> idsIn(ContainerId id, std::vector<std::string> users);
  boost::asio::awaitable<void> unmount(std::string token);
  void drop(const std::string& token);
  boost::asio::awaitable<std::vector<std::string>> keepHouse(mounts::pins::Job::What what);
  boost::asio::awaitable<void> mountAll(std::vector<std::string> tokens, std::optional<TimePoint> until);

  boost::asio::any_io_executor executor_;
  PinParts parts_;
  const PinSettings settings_;
  mounts::Roots roots_;
  std::map<std::string, Entry, std::less<>> entries_;  // by token
  std::map<ContainerId, std::string> containers_;      // to tokens
  std::set<ContainerId> lost_;                         // containers with pins of which no record is there
  std::set<ContainerId> unpinned_;                     // users' containers from before there were pins, with folders
  std::deque<ContainerId> gone_;                       // the last ones, for creates that are answered after it
};

}  // namespace ds01::daemon
