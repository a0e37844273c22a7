// The proxy on docker.sock: every request of every connection is identified, checked against the route table and either
// refused or sent on, rewritten, over a connection of ours to the Engine.
//
// All of it runs on the one thread of the executor it is given.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "base/clock.h"
#include "docker/engine_client.h"
#include "events/event.h"
#include "gateway/connection_caps.h"
#include "gateway/head_writer.h"
#include "gateway/image_ownership.h"
#include "gateway/memory_budget.h"
#include "gateway/pinning.h"
#include "gateway/policies.h"
#include "gateway/ports.h"
#include "net/fair_pool.h"
#include "net/pace.h"

namespace ds01::gateway {

// References, because the daemon owns all of these and ends the gateway first.
struct Ports {
  Identities& identities;
  Ownership& ownership;
  Grants& grants;
  Site& site;
  Paths& paths;
  docker::EngineClient& engine;
  events::EventSink& events;
  const Clock& clock;
  net::FairPool& computing;  // what large bodies cost; keys are uids
  ImageOwnership& images;
  Pins& pins;
  Policies& policies;
};

struct GatewayOptions {
  std::string engine_socket;  // path
  ConnectionLimits connections = {};
  // What one user's requests may occupy at once; the others wait their turn. Root's are not counted.
  std::size_t requests_per_uid = 8;
  net::Pace::Limits pace = {};  // of one user's requests while others ask; likewise
  // What one account's connections may have the user database and the Engine asked at once. However long that takes: an
  // Engine that hangs is asked no more than this.
  std::size_t identifications_per_account = 16;
  MemoryLimits memory = {};
  std::chrono::milliseconds longest_turn{100};  // what takes longer works little: it waits for a container, or streams
  std::chrono::milliseconds head_timeout{10'000};  // from the first byte of a head to its last
  // Of a body that is held whole: between two pieces of it, and for all of it. 4 MiB in that time are 35 KiB a second.
  std::chrono::milliseconds body_pause{30'000};
  std::chrono::milliseconds body_timeout{120'000};
  // For an answer of the Engine's to a question of ours. Requests of clients wait as long as the clients do.
  std::chrono::milliseconds question_timeout{30'000};
  // For a client's session to begin, by which it builds.
  std::chrono::milliseconds session_patience{2'000};
  // How often a client whose request waits its turn gets 100 Continue, kMostContinues times at most.
  std::chrono::milliseconds continue_every{40'000};
  std::chrono::milliseconds drain_timeout{1'000};  // for what a client still sends after the last answer
  std::function<void(std::string_view why)> on_engine_unanswered = {};  // each time; on the executor's thread
  // Set: more headers for each request to the Engine, each time it is sent. `login`: of whom it is decided for; unset:
  // it is a question of ours.
  std::function<OwnHeaders(std::string_view method, std::string_view target, std::optional<std::string_view> login)>
      engine_headers = {};
};

struct Core;

class Gateway {
 public:
  Gateway(boost::asio::any_io_executor executor, Ports ports, GatewayOptions options);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();  // the executor must not run sessions any more, or stop() must have been followed by connections() == 0

  // Accepts until stop(). More than one listening socket may be served.
  boost::asio::awaitable<void> serve(boost::asio::local::stream_protocol::acceptor acceptor);

  // Closes the listening sockets and all connections; sessions end as soon as the executor runs them.
  void stop();

  std::size_t connections() const;

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace ds01::gateway
