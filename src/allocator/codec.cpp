#include "allocator/codec.h"

#include <algorithm>
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

constexpr std::int64_t kVersion = 1;

std::string microsText(TimePoint at) {
  std::string text = toRfc3339(at);
  text.pop_back();  // the Z
  const auto rest = at - std::chrono::floor<std::chrono::milliseconds>(at);
  return fmt::format("{}{:03}Z", text, rest.count());
}

json::object encodeLease(const Lease& lease) {
  json::array uuids;
  for (const std::string& uuid : lease.uuids) uuids.emplace_back(uuid);
  return {{"id", lease.id.str()},
          {"state", lease.state == Lease::State::Bound ? "bound" : "reserved"},
          {"uid", lease.uid},
          {"login", lease.login},
          {"group", lease.group},
          {"uuids", std::move(uuids)},
          {"weight_micro", lease.weight.micro},
          {"container", lease.container.str()},
          {"container_name", lease.container_name},
          {"decision", lease.decision.str()},
          {"since", microsText(lease.since)}};
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
    const bool good = value->is_array() && !value->get_array().empty() &&
                      std::ranges::all_of(value->get_array(), [&](const json::value& item) {
                        if (!item.is_string() || item.get_string().empty()) return false;
                        items.emplace_back(item.get_string());
                        return true;
                      });
    if (!good) refuse(key, "must be a list of at least one text, none of them empty");
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

Result<Lease> decodeLease(const json::value& value, const std::string& where) {
  if (!value.is_object()) return malformed(where, "must be an object");
  Fields fields(value.get_object(), where + ".");
  Lease lease;
  lease.id = LeaseId(fields.text("id", false));
  const std::string state = fields.text("state");
  lease.state = state == "bound" ? Lease::State::Bound : Lease::State::Reserved;
  if (state != "bound" && state != "reserved") fields.refuse("state", "must be reserved or bound");
  lease.uid = static_cast<std::uint32_t>(fields.number("uid", UINT32_MAX));
  lease.login = fields.text("login");
  lease.group = fields.text("group");
  lease.uuids = fields.texts("uuids");
  lease.weight.micro = fields.number("weight_micro", INT64_MAX);
  lease.container = ContainerId(fields.text("container"));
  lease.container_name = fields.text("container_name");
  lease.decision = DecisionId(fields.text("decision"));
  const std::optional<TimePoint> since = parseRfc3339(fields.text("since"));
  if (!since) fields.refuse("since", "must be a time such as 2026-11-23T20:55:10.123456Z");
  lease.since = since.value_or(TimePoint{});
  if (lease.container.empty() == (lease.state == Lease::State::Bound)) {
    fields.refuse("container", "must be set if the state is bound, and only then");
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
  if (version != kVersion) fields.refuse("version", fmt::format("{} is not known here, only {} is", version, kVersion));
  const json::array* list = fields.list("leases");
  if (Status status = fields.finish(); !status) return fail(status.error());
  std::vector<Lease> leases;
  for (std::size_t i = 0; i < list->size(); ++i) {
    Result<Lease> lease = decodeLease((*list)[i], fmt::format("leases[{}]", i));
    if (!lease) return fail(lease.error());
    leases.push_back(std::move(*lease));
  }
  if (Status status = noneTwice(leases); !status) return fail(status.error());
  return leases;
}

}  // namespace ds01::allocator
