// A lease: which slots a container holds, from before the Engine is asked until the container is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/units.h"
#include "model/restart_policy.h"

namespace ds01 {

// What a create request asks of the allocator.
struct GpuRequest {
  enum class Kind {
    Count,    // `count` GPUs of any kind (--gpus N)
    All,      // --gpus all; what that means is the site's `gpus_for_all`
    Devices,  // `devices` by slot, index or UUID (--gpus device=…)
  };
  Kind kind = Kind::Count;
  std::int64_t count = 1;
  std::vector<std::string> devices;
  std::string profile;  // label ds01.request.profile: "", "full" or a MIG profile
};

struct Lease {
  enum class State {
    Reserved,  // written before the Engine was asked; no container known yet
    Bound,     // belongs to `container`
    Parked,    // `container` is stopped and its slots were given back; its next start asks for as many of the same kind
  };
  // How the slots reach the container.
  enum class Delivery {
    Fixed,    // written into the container when it was made: no start of it can use others
    AtStart,  // found at each start under the lease's name (CDI), so they may be others next time
  };
  LeaseId id;
  State state = State::Reserved;
  std::uint32_t uid = 0;
  std::string login;
  std::string group;
  std::vector<std::string> uuids;  // empty while Parked, and only then
  GpuEq weight;                    // sum over the slots at grant time; exactly this is given back
  ContainerId container;           // empty while Reserved
  std::string container_name;      // for people; may be out of date
  DecisionId decision;
  TimePoint since;
  Delivery delivery = Delivery::Fixed;
  std::string profile = {};               // of each slot: "full" or the MIG profile; empty: not known
  std::int64_t count = 0;                 // how many slots it has, or had before it was parked
  std::optional<TimePoint> stopped = {};  // Bound: since when the container does not run
  std::vector<std::string> written = {};  // Parked and Fixed: the UUIDs that its next start must get
  // Set while the Engine has "no" in its place: what the container's owner wants, to be put back before its next start.
  std::optional<RestartPolicy> restart = {};

  bool holds() const { return state != State::Parked; }
};

}  // namespace ds01
