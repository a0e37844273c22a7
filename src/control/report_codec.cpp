#include "control/report_codec.h"

#include <array>
#include <cmath>
#include <utility>

#include "control/json_reader.h"

namespace ds01::control {
namespace {

constexpr std::array<std::pair<ReportLayer, std::string_view>, 7> kLayers{{{ReportLayer::BuiltIn, "built-in"},
                                                                           {ReportLayer::Defaults, "defaults"},
                                                                           {ReportLayer::Group, "group"},
                                                                           {ReportLayer::Override, "override"},
                                                                           {ReportLayer::Type, "type"},
                                                                           {ReportLayer::Engine, "engine"},
                                                                           {ReportLayer::Exemption, "exemption"}}};

json::value textOrNull(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value amountOrNull(const std::optional<double>& amount) {
  constexpr double kExact = 9e15;  // whole numbers up to here are themselves as double
  if (!amount) return nullptr;
  if (std::abs(*amount) < kExact && std::floor(*amount) == *amount) return static_cast<std::int64_t>(*amount);
  return *amount;
}

json::value lineOrNull(std::int64_t line) {
  return line > 0 ? json::value(line) : json::value(nullptr);
}

json::object toJson(const ReportValue& value) {
  return {{"key", value.key},
          {"text", value.text},
          {"amount", amountOrNull(value.amount)},
          {"unit", value.unit},
          {"layer", toString(value.layer)},
          {"layer_name", textOrNull(value.layer_name)},
          {"file", textOrNull(value.file)},
          {"line", lineOrNull(value.line)},
          {"binds", value.binds},
          {"honoured", value.honoured},
          {"note", textOrNull(value.note)}};
}

ReportValue reportValue(const json::value& value, std::string where, std::string& problem) {
  Reader in(value, std::move(where), problem);
  ReportValue out;
  out.key = in.text("key");
  out.text = in.text("text");
  out.amount = in.realOrNull("amount");
  out.unit = in.text("unit");
  if (const auto layer = parseReportLayer(in.text("layer"))) {
    out.layer = *layer;
  } else {
    in.complain("layer", "is none that this program knows");
  }
  out.layer_name = in.textOrNull("layer_name").value_or("");
  out.file = in.textOrNull("file").value_or("");
  out.line = in.integerOrNull("line", 0, kAny).value_or(0);
  out.binds = in.flag("binds");
  out.honoured = in.flag("honoured");
  out.note = in.textOrNull("note").value_or("");
  return out;
}

}  // namespace

std::string_view toString(ReportLayer layer) {
  for (const auto& [known, text] : kLayers) {
    if (known == layer) return text;
  }
  return "";
}

std::optional<ReportLayer> parseReportLayer(std::string_view text) {
  for (const auto& [layer, known] : kLayers) {
    if (known == text) return layer;
  }
  return std::nullopt;
}

json::object toJson(const LoginReport& report) {
  json::array topics;
  for (const ReportTopic& topic : report.topics) {
    json::array values;
    for (const ReportValue& value : topic.values) values.push_back(toJson(value));
    topics.push_back(json::object{{"for", topic.title}, {"values", std::move(values)}});
  }
  json::array lifetimes;
  for (const ReportLifetimes& row : report.lifetimes) {
    lifetimes.push_back(json::object{{"type", row.type},
                                     {"idle", toJson(row.idle)},
                                     {"runtime", toJson(row.runtime)},
                                     {"hold", toJson(row.hold)},
                                     {"grace", toJson(row.grace)}});
  }
  return {{"api", kApiVersion},
          {"user", report.login},
          {"directory", report.directory},
          {"archived", report.archived ? json::value(*report.archived) : json::value(nullptr)},
          {"group", json::object{{"name", report.group},
                                 {"because", report.group_because},
                                 {"file", textOrNull(report.group_file)},
                                 {"line", lineOrNull(report.group_line)}}},
          {"admin_by_configuration", report.admin},
          {"limits", std::move(topics)},
          {"lifetimes", std::move(lifetimes)}};
}

Result<LoginReport> loginReportFromJson(const json::value& value) {
  std::string problem;
  Reader in(value, "", problem);
  checkApi(in);
  const auto read_value = [&problem](const json::value& v, std::string w) {
    return reportValue(v, std::move(w), problem);
  };
  LoginReport report;
  report.login = in.text("user");
  report.directory = in.text("directory");
  report.archived = in.textOrNull("archived");
  report.admin = in.flag("admin_by_configuration");
  in.object("group", [&](const json::value& v, std::string w) {
    Reader group(v, std::move(w), problem);
    report.group = group.text("name");
    report.group_because = group.text("because");
    report.group_file = group.textOrNull("file").value_or("");
    report.group_line = group.integerOrNull("line", 0, kAny).value_or(0);
    return true;
  });
  report.topics = in.list("limits", [&](const json::value& v, std::string w) {
    Reader topic(v, std::move(w), problem);
    ReportTopic out;
    out.title = topic.text("for");
    out.values = topic.list("values", read_value);
    return out;
  });
  report.lifetimes = in.list("lifetimes", [&](const json::value& v, std::string w) {
    Reader row(v, std::move(w), problem);
    ReportLifetimes out;
    out.type = row.text("type");
    out.idle = row.object("idle", read_value);
    out.runtime = row.object("runtime", read_value);
    out.hold = row.object("hold", read_value);
    out.grace = row.object("grace", read_value);
    return out;
  });
  if (!problem.empty()) return fail(ErrorCode::Malformed, problem);
  return report;
}

}  // namespace ds01::control
