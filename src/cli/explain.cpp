#include "cli/explain.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/table.h"
#include "cli/text.h"

namespace ds01::cli {
namespace {

using Outcome = control::Explanation::Outcome;

constexpr std::size_t kGap = 2;

struct Heading {
  std::string_view word;
  Tone tone;
};

Heading headingOf(const control::Explanation& explanation) {
  const bool dry = explanation.subject.empty();
  switch (explanation.outcome) {
    case Outcome::Granted:
      return {dry ? "Would be granted" : "Granted", Tone::Free};
    case Outcome::Refused:
      return {dry ? "Would be refused" : "Refused", Tone::Bad};
    case Outcome::Failed:
      return {"Granted, then refused by the Docker Engine", Tone::Bad};
    case Outcome::TryLater:
      return {dry ? "Not now" : "Refused for the time being", Tone::Held};
    case Outcome::Holds:
      break;
  }
  return {"Container", Tone::Head};
}

// "name   value", the value wrapped beside itself.
std::string facts(const Facts& from, const Paper& paper) {
  std::size_t widest = 0;
  for (const auto& [name, value] : from) widest = std::max(widest, displayWidth(printable(name)));
  std::string out;
  for (const auto& [name, value] : from) {
    const std::string label = printable(name);
    const std::size_t column = 2 + widest + kGap;
    out += "  " + toned(label, Tone::Soft, paper) + std::string(widest - displayWidth(label) + kGap, ' ');
    out += wrapped(printable(value), paper.width, column) + "\n";
  }
  return out;
}

std::string paragraph(std::string_view label, const std::string& text, const Paper& paper) {
  const std::string start = std::string(label) + " ";
  return toned(label, Tone::Head, paper) + " " + wrapped(printable(text), paper.width, displayWidth(start), 2) + "\n";
}

std::string changesTable(const std::vector<control::Change>& changes, const Paper& paper) {
  Table table({{.title = "IN THE REQUEST", .min_width = 16},
               {.title = "YOURS", .min_width = 10},
               {.title = "WOULD BE SENT", .min_width = 16}});
  for (const control::Change& change : changes) {
    table.add({change.path,
               {change.before.value_or("-"), change.before ? Tone::Plain : Tone::Soft},
               {change.after.value_or("-"), change.after ? Tone::Plain : Tone::Soft}});
  }
  return table.render(paper);
}

}  // namespace

std::string explanationText(const control::Explanation& explanation, const Paper& paper) {
  const auto [word, tone] = headingOf(explanation);
  std::string out = toned(word, tone, paper);
  if (!explanation.subject.empty()) out += " " + printable(explanation.subject);
  if (explanation.at) {
    out += fmt::format(", {} ({})", ago(*explanation.at, paper.now), localTime(*explanation.at, paper));
  }
  out += "\n";
  // A refusal's sentence holds what would work, which has a paragraph of its own here.
  std::string text = explanation.text;
  if (const std::size_t at = text.rfind(explanation.remedy); !explanation.remedy.empty() && at != std::string::npos) {
    const std::size_t begin = at > 0 && text[at - 1] == ' ' ? at - 1 : at;
    text.erase(begin, at + explanation.remedy.size() - begin);
  }
  if (!text.empty()) out += "\n  " + wrapped(printable(text), paper.width, 2) + "\n";

  Facts all;
  if (!explanation.reason.empty() || !explanation.part.empty()) {
    const std::string part = explanation.part.empty() ? "" : fmt::format(" ({})", explanation.part);
    all.emplace_back("rule", explanation.reason.empty() ? explanation.part : explanation.reason + part);
  }
  all.insert(all.end(), explanation.facts.begin(), explanation.facts.end());
  if (!all.empty()) out += "\n" + facts(all, paper);
  if (!explanation.remedy.empty()) {
    const bool refused = explanation.outcome == Outcome::Refused || explanation.outcome == Outcome::TryLater;
    out += "\n" + paragraph(refused ? "What would work:" : "See also:", explanation.remedy, paper);
  }
  if (!explanation.changes.empty()) out += "\n" + changesTable(explanation.changes, paper);
  if (!explanation.warnings.empty()) out += "\n";
  for (const std::string& warning : explanation.warnings) out += paragraph("Note:", warning, paper);
  return out;
}

}  // namespace ds01::cli
