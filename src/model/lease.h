// A lease: which slots a container holds, from before the Engine is asked until the container is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/units.h"

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
  };
  LeaseId id;
  State state = State::Reserved;
  std::uint32_t uid = 0;
  std::string login;
  std::string group;
  std::vector<std::string> uuids;  // never empty
  GpuEq weight;                    // sum over the slots at grant time; exactly this is given back
  ContainerId container;           // empty while Reserved
  std::string container_name;      // for people; may be out of date
  DecisionId decision;
  TimePoint since;
};

}  // namespace ds01
