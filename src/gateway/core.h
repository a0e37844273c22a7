// What all sessions of one gateway share.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "gateway/gateway.h"
#include "gateway/http_link.h"
#include "gateway/object_names.h"
#include "gateway/open_sessions.h"
#include "gateway/session_builds.h"
#include "net/pace.h"
#include "net/turns.h"

namespace ds01::gateway {

inline constexpr std::size_t kMostIdleEngines = 32;

struct Core {
  Core(boost::asio::any_io_executor executor_in, Ports ports_in, GatewayOptions options_in)
      : executor(std::move(executor_in)),
        ports(ports_in),
        options(std::move(options_in)),
        caps(options.connections),
        identifying(options.identifications_per_account, std::nullopt),
        requests(options.requests_per_uid, options.longest_turn),
        pace(options.pace),
        memory(options.memory) {}

  boost::asio::any_io_executor executor;
  Ports ports;
  GatewayOptions options;
  bool stopping = false;
  bool engine_away = false;  // what was last logged
  // Sockets of sessions and acceptors that stop() closes; each is owned by the coroutine that put it in, which takes it
  // out again before it ends.
  std::set<Socket*> sockets;
  std::set<boost::asio::local::stream_protocol::acceptor*> acceptors;
  std::size_t connections = 0;
  ConnectionCaps caps;
  IdleEngines idle_engines{kMostIdleEngines};
  net::Turns identifying;  // keys are accounts
  net::Turns requests;     // keys are uids
  net::Pace pace;          // likewise
  MemoryBudget memory;
  ObjectMemory objects;
  NameClaims volume_claims;
  NameClaims image_claims;  // keys and holders: image_tags.cpp
  NameClaims build_claims;  // BuildKit's refs, by login
  SessionBuilds session_builds;
  OpenSessions open_sessions{executor};

  // Logs the change, once each way.
  void noteEngine(bool answers, const std::string& reason);
};

}  // namespace ds01::gateway
