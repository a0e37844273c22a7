#include "allocator/codec.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "allocator/json_keys.h"
#include "base/time_text.h"
#include "base/utf8.h"

namespace ds01::allocator {
namespace {

namespace json = boost::json;

constexpr std::int64_t kVersion = 3;
constexpr std::int64_t kAtStartParked = 2;  // before those with fixed slots could be
constexpr std::int64_t kFixedOnly = 1;      // before leases could be parked

constexpr std::string_view kOnFailure = "on-failure";

std::string microsText(TimePoint at) {
  std::string text = toRfc3339(at);
  text.pop_back();  // the Z
  const auto rest = at - std::chrono::floor<std::chrono::milliseconds>(at);
  return fmt::format("{}{:03}Z", text, rest.count());
}

std::string_view stateName(Lease::State state) {
  switch (state) {
    case Lease::State::Reserved:
      return "reserved";
    case Lease::State::Bound:
      return "bound";
    case Lease::State::Parked:
      return "parked";
  }
  return "";
}

std::string restartText(const std::optional<RestartPolicy>& policy) {
  if (!policy) return {};
  return policy->max_retries > 0 ? fmt::format("{}:{}", policy->name, policy->max_retries) : policy->name;
}

std::optional<RestartPolicy> parseRestart(std::string_view text) {
  if (text == "always" || text == "unless-stopped" || text == kOnFailure) return RestartPolicy{std::string(text), 0};
  if (!text.starts_with(kOnFailure) || text.size() <= kOnFailure.size() || text[kOnFailure.size()] != ':') return {};
  RestartPolicy policy{std::string(kOnFailure), 0};
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + kOnFailure.size() + 1, end, policy.max_retries);
  if (error != std::errc{} || at != end || policy.max_retries < 1) return {};
  return policy;
}

json::object encodeLease(const Lease& lease) {
  json::array uuids(lease.uuids.begin(), lease.uuids.end());
  json::array written(lease.written.begin(), lease.written.end());
  return {{"id", lease.id.str()},
          {"state", stateName(lease.state)},
          {"uid", lease.uid},
          {"login", lease.login},
          {"group", lease.group},
          {"uuids", std::move(uuids)},
          {"weight_micro", lease.weight.micro},
          {"container", lease.container.str()},
          {"container_name", lease.container_name},
          {"decision", lease.decision.str()},
          {"since", microsText(lease.since)},
          {"delivery", lease.delivery == Lease::Delivery::AtStart ? "at_start" : "fixed"},
          {"profile", lease.profile},
          {"count", lease.count},
          {"stopped", lease.stopped ? microsText(*lease.stopped) : ""},
          {"written", std::move(written)},
          {"restart", restartText(lease.restart)}};
}

std::unexpected<Error> malformed(std::string_view where, std::string_view what) {
  return fail(ErrorCode::Malformed, fmt::format("{}: {}", where, what));
}

// Reads the fields of one object; the first thing that is wrong stays, and everything after it is skipped.
class Fields {
 public:
  Fields(const json::object& object, std::string where) : object_(object), where_(std::move(where)) {}

  std::string text(std::string_view key, bool may_be_empty = true) {
    const json::value* value = take(key);
    if (!value) return {};
    if (!value->is_string()) return refuse(key, "must be text"), std::string{};
    if (!may_be_empty && value->get_string().empty()) refuse(key, "must not be empty");
    return std::string(value->get_string());
  }

  std::int64_t number(std::string_view key, std::int64_t most) {
    const json::value* value = take(key);
    if (!value) return 0;
    if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > most) {
      return refuse(key, fmt::format("must be a whole number from 0 to {}", most)), 0;
    }
    return value->get_int64();
  }

  std::vector<std::string> texts(std::string_view key) {
    const json::value* value = take(key);
    if (!value) return {};
    std::vector<std::string> items;
    const bool good = value->is_array() && std::ranges::all_of(value->get_array(), [&](const json::value& item) {
                        if (!item.is_string() || item.get_string().empty()) return false;
                        items.emplace_back(item.get_string());
                        return true;
                      });
    if (!good) refuse(key, "must be a list of texts, none of them empty");
    return items;
  }

  const json::array* list(std::string_view key) {
    const json::value* value = take(key);
    if (value && !value->is_array()) refuse(key, "must be a list");
    return value ? value->if_array() : nullptr;
  }

  void refuse(std::string_view key, std::string_view what) {
    if (!error_) error_ = Error(ErrorCode::Malformed, fmt::format("{}{}: {}", where_, key, what));
  }

  // After the last field: also whether there is one that nobody asked for.
  Status finish() {
    for (const json::key_value_pair& member : object_) {
      if (!taken_.contains(std::string_view(member.key()))) refuse(member.key(), "unknown field");
    }
    if (error_) return fail(*error_);
    return {};
  }

 private:
  const json::value* take(std::string_view key) {
    taken_.emplace(key);
    const json::value* value = object_.if_contains(key);
    if (!value) refuse(key, "missing");
    return value;
  }

  const json::object& object_;  // outlives this: both live in one decode call
  std::string where_;           // "leases[3]." or empty
  std::set<std::string, std::less<>> taken_;
  std::optional<Error> error_;
};

Lease::State readState(Fields& fields) {
  const std::string name = fields.text("state");
  for (const Lease::State state : {Lease::State::Reserved, Lease::State::Bound, Lease::State::Parked}) {
    if (name == stateName(state)) return state;
  }
  fields.refuse("state", "must be reserved, bound or parked");
  return Lease::State::Reserved;
}

std::optional<TimePoint> readTime(Fields& fields, std::string_view key, bool may_be_empty) {
  const std::string text = fields.text(key);
  if (text.empty() && may_be_empty) return std::nullopt;
  const std::optional<TimePoint> time = parseRfc3339(text);
  if (!time) fields.refuse(key, "must be a time such as 2026-11-23T20:55:10.123456Z");
  return time;
}

void readDelivery(Fields& fields, Lease& lease, std::int64_t version) {
  const std::string delivery = fields.text("delivery");
  lease.delivery = delivery == "at_start" ? Lease::Delivery::AtStart : Lease::Delivery::Fixed;
  if (delivery != "at_start" && delivery != "fixed") fields.refuse("delivery", "must be fixed or at_start");
  lease.profile = fields.text("profile");
  lease.count = fields.number("count", INT32_MAX);
  lease.stopped = readTime(fields, "stopped", true);
  const bool at_start_only = version <= kAtStartParked && lease.delivery == Lease::Delivery::Fixed;
  if (lease.stopped && (lease.state != Lease::State::Bound || at_start_only)) {
    fields.refuse("stopped", at_start_only ? "may be set only if the state is bound and the delivery at_start"
                                           : "may be set only if the state is bound");
  }
}

void readWrittenAndRestart(Fields& fields, Lease& lease) {
  lease.written = fields.texts("written");
  const bool must = lease.state == Lease::State::Parked && lease.delivery == Lease::Delivery::Fixed;
  if (must && static_cast<std::int64_t>(lease.written.size()) != lease.count) {
    fields.refuse("written", "must name as many slots as count says");
  }
  if (std::set(lease.written.begin(), lease.written.end()).size() != lease.written.size()) {
    fields.refuse("written", "must name each slot once");
  }
  if (!must && !lease.written.empty()) {
    fields.refuse("written", "must be empty unless the state is parked and the delivery fixed");
  }
  const std::string restart = fields.text("restart");
  lease.restart = parseRestart(restart);
  if (!restart.empty() && !lease.restart) {
    fields.refuse("restart", "must be always, unless-stopped, on-failure or on-failure:N");
  }
}

// What version 2 could park, and every version since.
bool saysWhatItWaitsFor(const Lease& lease, std::int64_t version) {
  if (lease.count < 1) return false;
  return lease.delivery == Lease::Delivery::Fixed ? version > kAtStartParked : !lease.profile.empty();
}

Result<Lease> decodeLease(const json::value& value, const std::string& where, std::int64_t version) {
  if (!value.is_object()) return malformed(where, "must be an object");
  Fields fields(value.get_object(), where + ".");
  Lease lease;
  lease.id = LeaseId(fields.text("id", false));
  lease.state = readState(fields);
  lease.uid = static_cast<std::uint32_t>(fields.number("uid", UINT32_MAX));
  lease.login = fields.text("login");
  lease.group = fields.text("group");
  lease.uuids = fields.texts("uuids");
  lease.weight.micro = fields.number("weight_micro", INT64_MAX);
  lease.container = ContainerId(fields.text("container"));
  lease.container_name = fields.text("container_name");
  lease.decision = DecisionId(fields.text("decision"));
  lease.since = readTime(fields, "since", false).value_or(TimePoint{});
  lease.count = static_cast<std::int64_t>(lease.uuids.size());
  if (version > kFixedOnly) readDelivery(fields, lease, version);
  if (version > kAtStartParked) readWrittenAndRestart(fields, lease);
  if (lease.container.empty() != (lease.state == Lease::State::Reserved)) {
    fields.refuse("container", "must be set if the state is bound or parked, and only then");
  }
  if (lease.uuids.empty() != (lease.state == Lease::State::Parked)) {
    fields.refuse("uuids", "must be empty if the state is parked, and only then");
  }
  if (!lease.holds() && !saysWhatItWaitsFor(lease, version)) {
    fields.refuse("state", version > kAtStartParked
                               ? "may be parked only with a count, and at_start with a profile"
                               : "may be parked only with delivery at_start, a profile and a count");
  }
  if (Status status = fields.finish(); !status) return fail(status.error());
  return lease;
}

// Ids, containers and slots stand once in the whole file.
Status noneTwice(const std::vector<Lease>& leases) {
  std::set<std::string> ids;
  std::set<std::string> containers;
  std::set<std::string> uuids;
  for (std::size_t i = 0; i < leases.size(); ++i) {
    const auto twice = [&](std::string_view field, const std::string& value) {
      return malformed(fmt::format("leases[{}].{}", i, field), fmt::format("\"{}\" stands twice", value));
    };
    const Lease& lease = leases[i];
    if (!ids.insert(lease.id.str()).second) return twice("id", lease.id.str());
    if (!lease.container.empty() && !containers.insert(lease.container.str()).second) {
      return twice("container", lease.container.str());
    }
    for (const std::string& uuid : lease.uuids) {
      if (!uuids.insert(uuid).second) return twice("uuids", uuid);
    }
  }
  return {};
}

}  // namespace

std::string encodeState(const std::vector<Lease>& leases) {
  json::array list;
  list.reserve(leases.size());
  for (const Lease& lease : leases) list.emplace_back(encodeLease(lease));
  const json::object state{{"version", kVersion}, {"leases", std::move(list)}};
  return replaceInvalidUtf8(json::serialize(state)) + "\n";
}

Result<std::vector<Lease>> decodeState(std::string_view text) {
  boost::system::error_code error;
  const json::value state = json::parse(text, error);
  if (error) return malformed("state", "not JSON: " + error.message());
  if (const auto key = duplicateKey(text)) return malformed("state", fmt::format("the key \"{}\" stands twice", *key));
  if (!state.is_object()) return malformed("state", "must be an object");
  Fields fields(state.get_object(), "");
  // First, so that a newer file is called newer and not full of unknown fields.
  const std::int64_t version = fields.number("version", INT64_MAX);
  if (version < kFixedOnly || version > kVersion) {
    fields.refuse("version", fmt::format("{} is not known here, only {} to {} are", version, kFixedOnly, kVersion));
  }
  const json::array* list = fields.list("leases");
  if (Status status = fields.finish(); !status) return fail(status.error());
  std::vector<Lease> leases;
  for (std::size_t i = 0; i < list->size(); ++i) {
    Result<Lease> lease = decodeLease((*list)[i], fmt::format("leases[{}]", i), version);
    if (!lease) return fail(lease.error());
    leases.push_back(std::move(*lease));
  }
  if (Status status = noneTwice(leases); !status) return fail(status.error());
  return leases;
}

}  // namespace ds01::allocator
