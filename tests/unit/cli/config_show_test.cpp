#include "cli/config_show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace ds01::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace test;

ReportValue value(std::string key, std::string text, ReportLayer layer, std::int64_t line = 0) {
  ReportValue out;
  out.key = std::move(key);
  out.text = std::move(text);
  out.layer = layer;
  if (layer == ReportLayer::Group) out.layer_name = "staff";
  if (layer == ReportLayer::Type) out.layer_name = "docker";
  if (line > 0) out.file = "/etc/ds01/resource-limits.yaml";
  out.line = line;
  return out;
}

LoginReport sample() {
  LoginReport report;
  report.login = "m.curie@example.edu";
  report.directory = "/etc/ds01";
  report.group = "staff";
  report.group_because = "members";
  report.group_file = "/etc/ds01/groups/staff.members";
  report.group_line = 3;
  ReportValue equivalents = value("max_gpu_equivalents", "4", ReportLayer::Group, 41);
  ReportValue limit = value("aggregate.gpu_limit", "2.5", ReportLayer::Defaults, 7);
  limit.binds = true;
  ReportValue memory = value("memory", "32 GiB", ReportLayer::BuiltIn);
  memory.binds = true;
  ReportValue high = value("aggregate.memory_high", "no limit", ReportLayer::BuiltIn);
  high.binds = true;
  high.honoured = false;
  report.topics = {{.title = "GPUs at once", .values = {equivalents, limit}},
                   {.title = "memory of a container", .values = {memory}},
                   {.title = "memory reclaimed beyond", .values = {high}}};
  report.lifetimes = {{.type = "docker",
                       .idle = value("idle_timeout_h", "30 min", ReportLayer::Type, 90),
                       .runtime = value("max_runtime_h", "24 h", ReportLayer::Defaults, 3),
                       .hold = value("container_hold_after_stop_h", "30 min", ReportLayer::BuiltIn),
                       .grace = value("policies.sigterm_grace_s", "60 s", ReportLayer::BuiltIn)}};
  return report;
}

TEST(ConfigText, IsReadAtAGlance) {
  EXPECT_EQ(configText(sample(), plainPaper()),
            "m.curie@example.edu: group staff (by groups/staff.members:3)\n"
            "\n"
            "FOR                         LIMIT                  VALUE     FROM         WHERE\n"
            "GPUs at once                max_gpu_equivalents    4         group staff  resource-limits.yaml:41\n"
            "                         >  aggregate.gpu_limit    2.5       defaults     resource-limits.yaml:7\n"
            "memory of a container       memory                 32 GiB    built in\n"
            "memory reclaimed beyond     aggregate.memory_high  no limit  built in"
            "                              not yet honoured\n"
            "\n"
            "TYPE    STOPPED WHEN IDLE     STOPPED AFTER  REMOVED AFTER STOP  GRACE\n"
            "docker  30 min (type docker)  24 h           30 min              60 s\n");
}

TEST(ConfigText, SaysWhatIsNotYetHonoured) {
  LoginReport report = sample();
  report.lifetimes[0].idle.honoured = false;
  EXPECT_THAT(configText(report, plainPaper()), HasSubstr("\nThese times are not yet honoured.\n"));
  EXPECT_THAT(configText(sample(), plainPaper()), Not(HasSubstr("These times")));
}

TEST(ConfigText, SaysThatALoginIsArchivedAndWhoIsAnAdministrator) {
  LoginReport report = sample();
  report.archived = "the account is archived";
  report.admin = true;
  EXPECT_THAT(configText(report, plainPaper()),
              HasSubstr("members:3), an administrator\nMay not use this machine: the account is archived\n"));
}

TEST(ConfigText, NamesTheDefaultGroup) {
  LoginReport report = sample();
  report.group_because = "default_group";
  report.group_file = "";
  EXPECT_THAT(configText(report, plainPaper()), HasSubstr("group staff (the built-in default group)"));
  report.group_file = "/etc/ds01/resource-limits.yaml";
  EXPECT_THAT(configText(report, plainPaper()), HasSubstr("group staff (the default group, resource-limits.yaml:3)"));
}

TEST(ConfigText, DimsWhatDoesNotBindAndMarksWhatDoes) {
  Paper paper = terminal(140);
  paper.colour = true;
  const std::string text = configText(sample(), paper);
  EXPECT_THAT(text, HasSubstr("\x1b[2mmax_gpu_equivalents\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[32m▸\x1b[0m"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2maggregate.gpu_limit")));
}

TEST(ConfigText, CannotSteerTheTerminal) {
  LoginReport report = sample();
  report.login = "a\x1b[2J";
  report.group_file = "/etc/ds01/\x1b[2J";
  report.topics[0].values[0].text = "\x1b[2J";
  EXPECT_THAT(configText(report, plainPaper()), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace ds01::cli
