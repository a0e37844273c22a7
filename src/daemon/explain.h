// Explanations put together from what was written about a decision, and from what is known of a container. No I/O.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/explanation.h"
#include "events/record.h"
#include "gateway/dry_run.h"
#include "model/engine.h"
#include "model/lease.h"
#include "model/limits.h"

namespace ds01::daemon {

// "D" and twelve hex digits, as Site::newDecision() makes them.
bool isDecisionId(std::string_view text);

// All records are about `id`; unset if none of them settles anything.
std::optional<control::Explanation> explainDecision(std::string_view id, const std::vector<events::Record>& records);

struct ContainerFacts {
  ContainerView view;
  std::optional<std::string> owner;  // proven
  std::optional<Lease> lease;
  std::vector<std::string> slots;                       // names of those that the lease holds
  std::optional<std::expected<Limits, Denial>> limits;  // of the owner
};

control::Explanation explainContainer(const ContainerFacts& facts);

control::Explanation explainDryRun(gateway::DryRunAnswer answer, const std::string& user);

}  // namespace ds01::daemon
