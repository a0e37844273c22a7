#include "cli/run.h"

#include <algorithm>
#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "cli/config_show.h"
#include "cli/dry_run.h"
#include "cli/events.h"
#include "cli/explain.h"
#include "cli/gpus.h"
#include "cli/ps.h"
#include "cli/queue.h"
#include "cli/status.h"
#include "cli/text.h"
#include "cli/who.h"
#include "control/codec.h"
#include "control/explanation_codec.h"
#include "control/json_text.h"
#include "control/report_codec.h"

namespace ds01::cli {
namespace {

Exit exitFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::Unavailable:
    case ErrorCode::Timeout:
      return Exit::TryLater;
    case ErrorCode::PermissionDenied:
      return Exit::NotAllowed;
    default:
      return Exit::Failed;
  }
}

Outcome answer(const boost::json::object& json) {
  return {.exit = Exit::Ok, .out = control::jsonText(json, 2) + "\n", .err = {}};
}

Outcome eventsAnswer(const control::EventList& list, const Paper& paper) {
  Outcome outcome;
  for (const control::EventRow& row : list.events) outcome.out += eventLine(row, paper);
  if (list.events.empty()) outcome.err += "ds01: no such events\n";
  if (!list.whole) outcome.err += "ds01: the log is long; older events were not looked at (use --since)\n";
  return outcome;
}

Outcome answer(std::string text) {
  return {.exit = Exit::Ok, .out = std::move(text), .err = {}};
}

// Prints events as they come; never returns but with what ended it.
Outcome follow(const control::Client& client, const control::Client::EventQuery& query, const Streams& streams,
               bool json, const Paper& paper) {
  const Status ended = client.followEvents(
      query,
      [&](control::EventRow row) {
        Paper at_arrival = paper;
        at_arrival.now = std::max(paper.now, row.at);
        return streams.out(json ? control::jsonText(control::toJson(row)) + "\n" : eventLine(row, at_arrival));
      },
      [&](std::int64_t count) {
        streams.err(fmt::format("ds01: {} events went by too fast and are not shown\n", count));
      });
  if (!ended) return failure(ended.error());
  return failure(Error(ErrorCode::Unavailable, "ds01d has ended"));
}

struct Runner {
  bool json;
  const control::Client& client;
  const Paper& paper;
  const Streams& streams;

  Outcome operator()(const ExplainVerb& verb) const {
    if (!verb.command.empty()) return dryRun(verb.command, client, json, paper);
    const auto explanation = client.explain(verb.subject);
    if (!explanation) return failure(explanation.error());
    return json ? answer(control::toJson(*explanation)) : answer(explanationText(*explanation, paper));
  }

  Outcome operator()(const EventsVerb& verb) const {
    control::Client::EventQuery query{.user = verb.user, .type = verb.type, .container = verb.container};
    query.limit = verb.limit;
    for (const auto& [text, into] : {std::pair{&verb.since, &query.since}, std::pair{&verb.until, &query.until}}) {
      if (text->empty()) continue;
      const Result<TimePoint> at = parseWhen(*text, paper.now);
      if (!at) return {.exit = Exit::Usage, .out = {}, .err = "ds01: " + printable(at.error().message()) + "\n"};
      *into = *at;
    }
    if (verb.follow) return follow(client, query, streams, json, paper);
    const auto list = client.events(query);
    if (!list) return failure(list.error());
    if (json) return answer(control::toJson(*list));
    return eventsAnswer(*list, paper);
  }

  Outcome operator()(const StatusVerb&) const {
    const auto snapshot = client.status();
    if (!snapshot) return failure(snapshot.error());
    return json ? answer(control::toJson(*snapshot)) : answer(statusText(*snapshot, paper));
  }

  Outcome operator()(const GpusVerb&) const {
    const auto snapshot = client.status();
    if (!snapshot) return failure(snapshot.error());
    return json ? answer(gpusJson(*snapshot)) : answer(gpusText(*snapshot, paper));
  }

  Outcome operator()(const QueueVerb&) const {
    const auto snapshot = client.status();
    if (!snapshot) return failure(snapshot.error());
    return json ? answer(queueJson(*snapshot)) : answer(queueText(*snapshot, paper));
  }

  Outcome operator()(const PsVerb&) const {
    const auto list = client.containers();
    if (!list) return failure(list.error());
    return json ? answer(control::toJson(*list)) : answer(psText(*list, paper));
  }

  Outcome operator()(const WhoVerb& verb) const {
    const auto snapshot = client.status();
    if (!snapshot) return failure(snapshot.error());
    const auto rows = slotsAt(*snapshot, verb.place);
    if (!rows) return failure(rows.error());
    return json ? answer(whoJson(*rows)) : answer(whoText(*rows, verb.place, paper));
  }

  Outcome operator()(const ConfigShowVerb& verb) const {
    const auto report = client.loginReport(verb.login);
    if (!report) return failure(report.error());
    return json ? answer(control::toJson(*report)) : answer(configText(*report, paper));
  }
};

}  // namespace

Outcome failure(const Error& error) {
  std::string line = printable(error.message());
  // What the daemon says of itself begins with its name already.
  if (!line.starts_with("ds01: ")) line.insert(0, "ds01: ");
  return {.exit = exitFor(error.code()), .out = {}, .err = line + "\n"};
}

Outcome run(const Invocation& invocation, const control::Client& client, const Paper& paper, const Streams& streams) {
  return std::visit(Runner{invocation.json, client, paper, streams}, invocation.verb);
}

}  // namespace ds01::cli
