// Whose every container of the Engine is, also of those that were not made through us: proven (ownership/owner.h) or
// tracked (ownership/tracker.h). Knows all that the Engine has, and not only what somebody asked about as the owner
// index does. I/O thread only; what the machine has to say comes from elsewhere, one question at a time, and nobody
// waits for it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.h"
#include "docker/engine_client.h"
#include "model/user.h"
#include "ownership/owners_document.h"
#include "ownership/tracker.h"

namespace ds01::daemon {

struct TrackerParts {
  template <typename T>
  using Answer = boost::asio::awaitable<Result<std::optional<T>>>;

  docker::EngineClient& engine;
  const Clock& clock;
  std::function<std::optional<std::string>(const ContainerView&)> proven_owner;
  std::function<bool(const ContainerId&)> is_gone;  // removed, whatever an answer that comes late says
  std::function<bool(const ContainerView&)> has_gpu;
  std::function<Answer<User>(std::string login)> find_login;
  std::function<Answer<User>(std::uint32_t uid)> find_uid;
  // Who owns a folder below this user's home (ownership::Answers::folders). An error: the file system did not say.
  std::function<Answer<std::uint32_t>(User user, std::string folder)> folder_owner;
  std::function<void()> on_change;  // document() says something else than before
};

class TrackerService {
 public:
  static constexpr std::chrono::seconds kBetweenTries{60};  // of what did not answer

  // All parts outlive this.
  TrackerService(const boost::asio::any_io_executor& executor, TrackerParts parts);

  // The Engine has told of this container; that there is one; what it is called now; that it is gone.
  void noticed(const ContainerView& view);
  void appeared(const ContainerId& id);
  void renamed(const ContainerId& id, const std::string& name);
  void gone(const ContainerId& id);
  // Events may have been missed: the Engine is asked for all containers.
  void lookAtAll();

  // Does the asking. Never returns.
  boost::asio::awaitable<void> run();
  // Whether there is nothing left to ask.
  bool idle() const { return !working_ && !list_all_ && to_inspect_.empty() && to_track_.empty(); }

  // Whose a container is that is not proven to be anybody's, if its maker named the owner, and did not reserve it to
  // the administrators (labels ds01.protected and ds01.monitoring). What that gives: gateway/tracked_rules.h.
  std::optional<std::string> namedOwner(const ContainerId& id) const;
  std::vector<ContainerId> namedFor(std::string_view login) const;

  // Null if it is not known (yet).
  const ownership::DocumentEntry* find(const ContainerId& id) const;
  std::vector<ownership::DocumentEntry> all() const;  // ordered by id

 private:
  struct Entry {
    ownership::DocumentEntry shown = {};
    bool reserved = false;  // to the administrators
  };

  // What is to be asked about one container. At a start there are many: no more of each is kept than that takes.
  struct Pending {
    Entry entry = {};
    std::optional<std::string> proven = {};
    ContainerView claims = {};  // with `proven` unset: what claimsOf() reads, and image_id
  };

  Pending begin(const ContainerView& view) const;
  void enter(Entry entry);
  void unname(const ContainerId& id);
  void wake() { wake_.cancel(); }
  boost::asio::awaitable<void> listAll();
  boost::asio::awaitable<void> inspect(ContainerId id);
  boost::asio::awaitable<void> settle(Pending pending);
  boost::asio::awaitable<ownership::Tracked> prove(std::string login);
  boost::asio::awaitable<ownership::Tracked> trackBy(std::vector<ownership::Claim> claims);
  boost::asio::awaitable<std::optional<ownership::ImageLabels>> labelsOf(std::string image_id);

  TrackerParts parts_;
  std::map<ContainerId, Entry> entries_;
  std::map<std::string, std::set<ContainerId>, std::less<>> named_;  // namedOwner() of entries_; no empty sets
  std::set<ContainerId> to_inspect_;
  std::map<ContainerId, Pending> to_track_;
  std::set<ContainerId> uncertain_;  // to be asked about again
  bool list_all_ = false;
  bool working_ = false;
  boost::asio::steady_timer wake_;
};

}  // namespace ds01::daemon
