#include "cli/config_show.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/table.h"
#include "cli/text.h"

namespace ds01::cli {
namespace {

// Without the directory that all of them share.
std::string place(const LoginReport& report, const std::string& file, std::int64_t line) {
  if (file.empty()) return {};
  const std::string directory = report.directory + "/";
  const std::string shown = file.starts_with(directory) ? file.substr(directory.size()) : file;
  return line > 0 ? fmt::format("{}:{}", shown, line) : shown;
}

std::string layerText(const ReportValue& value) {
  switch (value.layer) {
    case ReportLayer::BuiltIn:
      return "built in";
    case ReportLayer::Defaults:
      return "defaults";
    case ReportLayer::Group:
      return "group " + value.layer_name;
    case ReportLayer::Override:
      return "override";
    case ReportLayer::Type:
      return "type " + value.layer_name;
    case ReportLayer::Engine:
      return "Docker Engine";
    case ReportLayer::Exemption:
      return "exemption";
  }
  return {};
}

std::string noteText(const ReportValue& value) {
  if (value.honoured) return value.note;
  return value.note.empty() ? "not yet honoured" : "not yet honoured; " + value.note;
}

std::string limitsTable(const LoginReport& report, const Paper& paper) {
  Table table({{.title = "FOR", .min_width = 12},
               {.title = ""},
               {.title = "LIMIT", .min_width = 14},
               {.title = "VALUE"},
               {.title = "FROM", .min_width = 10},
               {.title = "WHERE", .min_width = 12},
               {.title = "", .min_width = 8}});
  for (const ReportTopic& topic : report.topics) {
    const bool several = topic.values.size() > 1;
    for (const ReportValue& value : topic.values) {
      const bool first = &value == &topic.values.front();
      const Tone tone = several && !value.binds ? Tone::Soft : Tone::Plain;
      const std::string mark = several && value.binds ? (paper.unicode ? "▸" : ">") : "";
      table.add({Cell(first ? topic.title : ""), Cell(mark, Tone::Free), Cell(value.key, tone), Cell(value.text, tone),
                 Cell(layerText(value), Tone::Soft), Cell(place(report, value.file, value.line), Tone::Soft),
                 Cell(noteText(value), Tone::Soft)});
    }
  }
  return table.render(paper);
}

// "24 h", with what set it where that is not the login's own limits.
Cell timeCell(const ReportValue& value) {
  const bool own = value.layer != ReportLayer::Type && value.layer != ReportLayer::Exemption;
  return own ? Cell(value.text) : Cell(fmt::format("{} ({})", value.text, layerText(value)));
}

std::string lifetimesTable(const LoginReport& report, const Paper& paper) {
  Table table({{.title = "TYPE"},
               {.title = "STOPPED WHEN IDLE"},
               {.title = "STOPPED AFTER"},
               {.title = "REMOVED AFTER STOP"},
               {.title = "GRACE"}});
  bool honoured = true;
  for (const ReportLifetimes& row : report.lifetimes) {
    table.add({Cell(row.type), timeCell(row.idle), timeCell(row.runtime), timeCell(row.hold), timeCell(row.grace)});
    honoured = honoured && row.idle.honoured && row.runtime.honoured && row.hold.honoured;
  }
  std::string text = table.render(paper);
  if (!honoured) text += toned("These times are not yet honoured.", Tone::Soft, paper) + "\n";
  return text;
}

std::string groupLine(const LoginReport& report, const Paper& paper) {
  const std::string where = place(report, report.group_file, report.group_line);
  std::string reason;
  if (report.group_because == "default_group") {
    reason = where.empty() ? "the built-in default group" : "the default group, " + where;
  } else {
    reason = "by " + where;
  }
  std::string line = fmt::format("{}: group {}", printable(report.login), printable(report.group));
  line += toned(fmt::format(" ({})", printable(reason)), Tone::Soft, paper);
  if (report.admin) line += ", an administrator";
  return line + "\n";
}

}  // namespace

std::string configText(const LoginReport& report, const Paper& paper) {
  std::string text = groupLine(report, paper);
  if (report.archived)
    text += toned("May not use this machine: " + printable(*report.archived), Tone::Bad, paper) + "\n";
  text += "\n" + limitsTable(report, paper);
  if (!report.lifetimes.empty()) text += "\n" + lifetimesTable(report, paper);
  return text;
}

}  // namespace ds01::cli
