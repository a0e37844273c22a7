#include "control/report_codec.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "control/json_text.h"

namespace ds01::control {
namespace {

ReportValue value(std::string key, std::optional<double> amount) {
  ReportValue out;
  out.key = std::move(key);
  out.text = "text";
  out.amount = amount;
  out.unit = "bytes";
  return out;
}

LoginReport sample() {
  LoginReport report;
  report.login = "m.curie@example.edu";
  report.directory = "/etc/ds01";
  report.group = "researcher";
  report.group_because = "members";
  report.group_file = "/etc/ds01/groups/researcher.members";
  report.group_line = 4;
  ReportValue memory = value("memory", 34359738368.0);
  memory.layer = ReportLayer::Group;
  memory.layer_name = "researcher";
  memory.file = "/etc/ds01/resource-limits.yaml";
  memory.line = 12;
  memory.binds = true;
  ReportValue aggregate = value("aggregate.memory_max", std::nullopt);
  aggregate.honoured = false;
  aggregate.note = "a note";
  report.topics = {{.title = "memory", .values = {memory, aggregate}}};
  report.lifetimes = {{.type = "docker",
                       .idle = value("idle_timeout_h", 1800),
                       .runtime = value("max_runtime_h", 0.285714),
                       .hold = value("hold", std::nullopt),
                       .grace = value("grace", 60)}};
  return report;
}

TEST(ReportCodec, GivesBackWhatWasWritten) {
  LoginReport report = sample();
  EXPECT_EQ(*loginReportFromJson(boost::json::parse(jsonText(toJson(report)))), report);
  report.archived = "gone";
  report.admin = true;
  EXPECT_EQ(*loginReportFromJson(toJson(report)), report);
}

TEST(ReportCodec, EveryLayerHasAName) {
  for (const ReportLayer layer :
       {ReportLayer::BuiltIn, ReportLayer::Defaults, ReportLayer::Group, ReportLayer::Override, ReportLayer::Type,
        ReportLayer::Engine, ReportLayer::Exemption}) {
    EXPECT_EQ(parseReportLayer(toString(layer)), layer);
  }
  EXPECT_FALSE(parseReportLayer("cloud"));
}

TEST(ReportCodec, WritesAbsentThingsAsNullAndWholeNumbersAsSuch) {
  const std::string text = jsonText(toJson(sample()));
  EXPECT_NE(text.find(R"("amount":34359738368,)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("amount":0.285714,)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("layer":"built-in","layer_name":null,"file":null,"line":null,)"), std::string::npos) << text;
}

TEST(ReportCodec, NamesThePlaceOfWhatItCannotRead) {
  boost::json::object broken = toJson(sample());
  broken.at("limits").as_array()[0].as_object().at("values").as_array()[1].as_object()["layer"] = "cloud";
  const auto report = loginReportFromJson(broken);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::Malformed);
  EXPECT_EQ(report.error().message(), "limits[0].values[1].layer: is none that this program knows");
  for (const char* text : {"{}", "[]", "3", R"({"api":2})", R"({"api":1,"user":"a"})"}) {
    EXPECT_FALSE(loginReportFromJson(boost::json::parse(text))) << text;
  }
}

}  // namespace
}  // namespace ds01::control
