#include "control/explanation_codec.h"

#include <array>
#include <string>
#include <utility>

#include "base/time_text.h"
#include "control/json_reader.h"

namespace ds01::control {
namespace {

using Outcome = Explanation::Outcome;

constexpr std::array<std::pair<Outcome, std::string_view>, 5> kOutcomes{{{Outcome::Granted, "granted"},
                                                                         {Outcome::Refused, "refused"},
                                                                         {Outcome::Failed, "failed"},
                                                                         {Outcome::TryLater, "try_later"},
                                                                         {Outcome::Holds, "holds"}}};

json::value orNull(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value orNull(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

std::pair<std::string, std::string> factFrom(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  std::string name = in.text("name");
  return {std::move(name), in.text("value")};
}

Change changeFrom(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  Change change;
  change.path = in.text("path");
  change.before = in.textOrNull("before");
  change.after = in.textOrNull("after");
  return change;
}

std::string textFrom(const json::value& value, const std::string& where, std::string& problem) {
  if (const json::string* text = value.if_string()) return std::string(*text);
  if (problem.empty()) problem = where + ": must be a string";
  return {};
}

EventRow rowFrom(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  EventRow row;
  row.at = in.time("timestamp");
  row.type = in.text("type");
  row.user = in.textOrNull("user").value_or("");
  row.source = in.textOrNull("source").value_or("");
  if (const json::object* details = in.members("details")) row.details = *details;
  return row;
}

template <typename T>
Result<T> done(T value, const std::string& problem) {
  if (!problem.empty()) return fail(ErrorCode::Malformed, problem);
  return value;
}

}  // namespace

std::string_view toString(Outcome outcome) {
  for (const auto& [value, text] : kOutcomes) {
    if (value == outcome) return text;
  }
  return "unknown";
}

json::object toJson(const Explanation& explanation) {
  json::array facts;
  for (const auto& [name, value] : explanation.facts) facts.push_back(json::object{{"name", name}, {"value", value}});
  json::array changes;
  for (const Change& change : explanation.changes) {
    changes.push_back(
        json::object{{"path", change.path}, {"before", orNull(change.before)}, {"after", orNull(change.after)}});
  }
  return {{"api", kApiVersion},
          {"subject", explanation.subject},
          {"outcome", toString(explanation.outcome)},
          {"at", explanation.at ? json::value(toRfc3339(*explanation.at)) : json::value(nullptr)},
          {"user", orNull(explanation.user)},
          {"reason", orNull(explanation.reason)},
          {"part", orNull(explanation.part)},
          {"text", orNull(explanation.text)},
          {"facts", std::move(facts)},
          {"remedy", orNull(explanation.remedy)},
          {"changes", std::move(changes)},
          {"warnings", json::array(explanation.warnings.begin(), explanation.warnings.end())}};
}

json::object toJson(const EventRow& row) {
  return {{"timestamp", toRfc3339(row.at)},
          {"type", row.type},
          {"user", orNull(row.user)},
          {"source", orNull(row.source)},
          {"details", row.details}};
}

json::object toJson(const EventList& list) {
  json::array events;
  for (const EventRow& row : list.events) events.push_back(toJson(row));
  return {{"api", kApiVersion}, {"events", std::move(events)}, {"whole", list.whole}, {"compressed", list.compressed}};
}

json::object toJson(const Info& info) {
  return {{"api", kApiVersion}, {"version", info.version}, {"listen", info.listen}};
}

Result<Explanation> explanationFromJson(const json::value& value) {
  std::string problem;
  Reader in(value, "", problem);
  checkApi(in);
  Explanation out;
  out.subject = in.text("subject");
  const std::string outcome = in.text("outcome");
  bool known = false;
  for (const auto& [kind, name] : kOutcomes) {
    if (name != outcome) continue;
    out.outcome = kind;
    known = true;
  }
  if (!known) in.complain("outcome", "is none that this program knows");
  out.at = in.timeOrNull("at");
  out.user = in.textOrNull("user");
  out.reason = in.textOrNull("reason").value_or("");
  out.part = in.textOrNull("part").value_or("");
  out.text = in.textOrNull("text").value_or("");
  out.facts = in.list("facts", [&](const json::value& v, std::string w) { return factFrom(v, std::move(w), problem); });
  out.remedy = in.textOrNull("remedy").value_or("");
  out.changes =
      in.list("changes", [&](const json::value& v, std::string w) { return changeFrom(v, std::move(w), problem); });
  out.warnings =
      in.list("warnings", [&](const json::value& v, const std::string& w) { return textFrom(v, w, problem); });
  return done(std::move(out), problem);
}

Result<EventRow> eventFromJson(const json::value& value) {
  std::string problem;
  EventRow row = rowFrom(value, "", problem);
  return done(std::move(row), problem);
}

Result<EventList> eventsFromJson(const json::value& value) {
  std::string problem;
  Reader in(value, "", problem);
  checkApi(in);
  EventList list;
  list.events =
      in.list("events", [&](const json::value& v, std::string w) { return rowFrom(v, std::move(w), problem); });
  list.whole = in.flag("whole");
  list.compressed = in.integer("compressed", 0, kAny);
  return done(std::move(list), problem);
}

Result<Info> infoFromJson(const json::value& value) {
  std::string problem;
  Reader in(value, "", problem);
  checkApi(in);
  Info info;
  info.version = in.text("version");
  info.listen = in.text("listen");
  return done(std::move(info), problem);
}

}  // namespace ds01::control
