#include "cli/run.h"

#include <boost/json/object.hpp>

#include "cli/config_show.h"
#include "cli/gpus.h"
#include "cli/ps.h"
#include "cli/status.h"
#include "cli/text.h"
#include "cli/who.h"
#include "control/codec.h"
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

Outcome answer(std::string text) {
  return {.exit = Exit::Ok, .out = std::move(text), .err = {}};
}

struct Runner {
  bool json;
  const control::Client& client;
  const Paper& paper;

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

Outcome run(const Invocation& invocation, const control::Client& client, const Paper& paper) {
  return std::visit(Runner{invocation.json, client, paper}, invocation.verb);
}

}  // namespace ds01::cli
