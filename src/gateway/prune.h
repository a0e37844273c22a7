// POST /containers/prune, decided by us: which of the caller's containers its filters mean. The Engine would go by the
// label ds01.user alone, which an image can carry too.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/clock.h"
#include "gateway/docker_filters.h"
#include "model/denial.h"

namespace ds01::gateway {

struct PruneOrder {
  Filters list;                            // for GET /containers/json: stopped ones with the labels asked for
  std::vector<std::string> spared_labels;  // `label!`: a container that has all of them stays
  std::optional<TimePoint> until;          // only what was made before
};

// `filters` as the client sent them. A Denial is a 400: another filter than label, label! and until, or an `until` that
// is not understood.
std::expected<PruneOrder, Denial> readPruneOrder(const Filters& filters, TimePoint now);

// Whether an item of a list of the Engine's has the label "key" or "key=value", as moby's filters.MatchKVList.
bool hasLabel(const boost::json::object& item, std::string_view wanted);

// A duration before `now` as Go writes it ("10m", "1h30m"), seconds since 1970 with or without a fraction, or RFC 3339.
std::optional<TimePoint> readUntil(std::string_view text, TimePoint now);

struct PruneCandidate {
  std::string id;
  std::int64_t bytes = 0;  // SizeRw
};

// The items of the Engine's list (asked with size=1) that the order means.
std::vector<PruneCandidate> prunable(const boost::json::value& list, const PruneOrder& order);

}  // namespace ds01::gateway
