#include "control/codec.h"

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "base/time_text.h"
#include "control/json_reader.h"

namespace ds01::control {
namespace {

namespace json = boost::json;

json::value number(GpuEq amount) {
  if (amount.micro % 1'000'000 == 0) return amount.micro / 1'000'000;
  return amount.gpus();
}

template <typename T>
json::value orNull(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_same_v<T, TimePoint>) {
    return json::value(toRfc3339(*value));
  } else if constexpr (std::is_same_v<T, GpuEq>) {
    return number(*value);
  } else {
    return json::value(*value);
  }
}

template <typename Row>
json::array rows(const std::vector<Row>& from) {
  json::array to;
  to.reserve(from.size());
  for (const Row& row : from) to.push_back(toJson(row));
  return to;
}

constexpr std::int64_t kMostMib = std::int64_t{1} << 40;  // an exbibyte: far from where bytes would overflow

GpuRow gpuRow(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  GpuRow row;
  row.slot = in.text("slot");
  row.uuid = in.text("uuid");
  row.model = in.text("model");
  row.profile = in.text("profile");
  if (const auto gpu = in.integerOrNull("gpu", 0, std::numeric_limits<std::int32_t>::max())) {
    row.gpu = static_cast<std::int32_t>(*gpu);
  }
  row.memory_mib = in.integerOrNull("memory_mib", 0, kMostMib);
  row.gpueq = in.gpus("gpueq");
  if (const auto state = parseSlotState(in.text("state"))) {
    row.state = *state;
  } else {
    in.complain("state", "is none that this program knows");
  }
  row.user = in.textOrNull("user");
  row.since = in.timeOrNull("since");
  row.container = in.textOrNull("container");
  row.container_id = in.textOrNull("container_id");
  row.problem = in.textOrNull("problem");
  row.until = in.timeOrNull("until");
  return row;
}

QueueRow queueRow(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  QueueRow row;
  row.user = in.text("user");
  row.slots = in.integer("slots", 0, kAny);
  row.since = in.time("since");
  row.place = in.integer("place", 1, kAny);
  row.reason = in.textOrNull("reason").value_or("");
  return row;
}

UserRow userRow(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  UserRow row;
  row.user = in.text("user");
  row.group = in.text("group");
  row.gpueq = in.gpus("gpueq");
  row.limit = in.gpusOrNull("limit");
  row.containers = in.integer("containers", 0, kAny);
  return row;
}

std::string stringItem(const json::value& value, const std::string& where, std::string& problem) {
  if (const json::string* text = value.if_string()) return std::string(*text);
  if (problem.empty()) problem = where + ": must be a string";
  return {};
}

ContainerRow containerRow(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  ContainerRow row;
  row.id = in.text("id");
  row.name = in.text("name");
  row.user = in.textOrNull("user");
  row.image = in.text("image");
  row.created = in.timeOrNull("created");
  row.state = in.textOrNull("state");
  row.gpus = in.list("gpus", [&](const json::value& v, const std::string& w) { return stringItem(v, w, problem); });
  row.gpueq = in.gpus("gpueq");
  row.type = in.textOrNull("type");
  row.since = in.timeOrNull("since");
  row.tracked_user = in.textOrNull("tracked_user");
  row.tracked_by = in.textOrNull("tracked_by");
  return row;
}

}  // namespace

json::object toJson(const GpuRow& row) {
  return {{"slot", row.slot},
          {"uuid", row.uuid},
          {"model", row.model},
          {"profile", row.profile},
          {"gpu", orNull(row.gpu)},
          {"memory_mib", orNull(row.memory_mib)},
          {"gpueq", number(row.gpueq)},
          {"state", toString(row.state)},
          {"user", orNull(row.user)},
          {"since", orNull(row.since)},
          {"container", orNull(row.container)},
          {"container_id", orNull(row.container_id)},
          {"problem", orNull(row.problem)},
          {"until", orNull(row.until)}};
}

json::object toJson(const QueueRow& row) {
  return {{"user", row.user},
          {"slots", row.slots},
          {"since", toRfc3339(row.since)},
          {"place", row.place},
          {"reason", row.reason}};
}

json::object toJson(const UserRow& row) {
  return {{"user", row.user},
          {"group", row.group},
          {"gpueq", number(row.gpueq)},
          {"limit", orNull(row.limit)},
          {"containers", row.containers}};
}

json::object toJson(const ContainerRow& row) {
  json::array slots;
  for (const std::string& slot : row.gpus) slots.emplace_back(slot);
  return {{"id", row.id},
          {"name", row.name},
          {"user", orNull(row.user)},
          {"image", row.image},
          {"created", orNull(row.created)},
          {"state", orNull(row.state)},
          {"gpus", std::move(slots)},
          {"gpueq", number(row.gpueq)},
          {"type", orNull(row.type)},
          {"since", orNull(row.since)},
          {"tracked_user", orNull(row.tracked_user)},
          {"tracked_by", orNull(row.tracked_by)}};
}

json::object toJson(const StatusSnapshot& snapshot) {
  json::object counters;
  for (const auto& [name, count] : snapshot.counters) counters.emplace(name, count);
  return {{"api", kApiVersion},
          {"gpus", rows(snapshot.gpus)},
          {"queue", rows(snapshot.queue)},
          {"users", rows(snapshot.users)},
          {"counters", std::move(counters)},
          {"gpu_problem", orNull(snapshot.gpu_problem)}};
}

json::object toJson(const ContainerList& list) {
  return {{"api", kApiVersion}, {"all", list.all}, {"containers", rows(list.containers)}};
}

Result<StatusSnapshot> statusFromJson(const json::value& value) {
  std::string problem;
  Reader in(value, "", problem);
  checkApi(in);
  StatusSnapshot snapshot;
  snapshot.gpus =
      in.list("gpus", [&](const json::value& v, std::string w) { return gpuRow(v, std::move(w), problem); });
  snapshot.queue =
      in.list("queue", [&](const json::value& v, std::string w) { return queueRow(v, std::move(w), problem); });
  snapshot.users =
      in.list("users", [&](const json::value& v, std::string w) { return userRow(v, std::move(w), problem); });
  snapshot.gpu_problem = in.textOrNull("gpu_problem");
  if (const json::object* counters = in.members("counters")) {
    for (const json::key_value_pair& member : *counters) {
      // One that is not a whole number is from a later daemon; the others are still right.
      if (const std::int64_t* count = member.value().if_int64()) snapshot.counters[std::string(member.key())] = *count;
    }
  }
  if (!problem.empty()) return fail(ErrorCode::Malformed, problem);
  return snapshot;
}

Result<ContainerList> containersFromJson(const json::value& value) {
  std::string problem;
  Reader in(value, "", problem);
  checkApi(in);
  ContainerList list;
  list.all = in.flag("all");
  list.containers = in.list(
      "containers", [&](const json::value& v, std::string w) { return containerRow(v, std::move(w), problem); });
  if (!problem.empty()) return fail(ErrorCode::Malformed, problem);
  return list;
}

}  // namespace ds01::control
