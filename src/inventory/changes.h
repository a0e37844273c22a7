// What is different between two inventories of one machine.
#pragma once

#include <string_view>
#include <vector>

#include "model/gpu.h"

namespace ds01::inventory {

struct SlotChange {
  enum class Kind {
    Appeared,
    Disappeared,
    FellIll,    // or is ill in another way now
    Recovered,  // from what `slot.sick` says
    Moved,      // another name, or other device nodes, memory or model
  };
  Kind kind = Kind::Appeared;
  GpuSlot slot;  // as it is now; Disappeared and Recovered: as it was

  bool operator==(const SlotChange&) const = default;
};

std::string_view toString(SlotChange::Kind kind);  // "appeared", "disappeared", …

// By UUID; what has gone first, then in the order of `now`.
std::vector<SlotChange> changes(const Inventory& before, const Inventory& now);

}  // namespace ds01::inventory
