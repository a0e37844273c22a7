#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Words = std::vector<std::string>;

Invocation parsed(Words words) {
  auto result = parseArguments(std::move(words));
  if (const auto* outcome = std::get_if<Outcome>(&result)) {
    ADD_FAILURE() << outcome->err << outcome->out;
    return {};
  }
  return std::get<Invocation>(result);
}

Outcome refused(Words words) {
  auto result = parseArguments(std::move(words));
  if (auto* outcome = std::get_if<Outcome>(&result)) return *outcome;
  ADD_FAILURE() << "was accepted";
  return {};
}

TEST(ArgumentsTest, EveryVerb) {
  EXPECT_TRUE(std::holds_alternative<StatusVerb>(parsed({"status"}).verb));
  EXPECT_TRUE(std::holds_alternative<GpusVerb>(parsed({"gpus"}).verb));
  EXPECT_TRUE(std::holds_alternative<QueueVerb>(parsed({"queue"}).verb));
  EXPECT_TRUE(std::holds_alternative<PsVerb>(parsed({"ps"}).verb));
  EXPECT_EQ(std::get<WhoVerb>(parsed({"who"}).verb).place, "");
  EXPECT_EQ(std::get<WhoVerb>(parsed({"who", "1:0"}).verb).place, "1:0");
  EXPECT_EQ(std::get<ConfigShowVerb>(parsed({"config", "show"}).verb).login, "");
  EXPECT_EQ(std::get<ConfigShowVerb>(parsed({"config", "show", "ada"}).verb).login, "ada");
  EXPECT_TRUE(parsed({"config", "show", "--json"}).json);
}

TEST(ArgumentsTest, ExplainTakesASubjectOrACommand) {
  EXPECT_EQ(std::get<ExplainVerb>(parsed({"explain", "D0123456789ab"}).verb).subject, "D0123456789ab");
  const auto dry = std::get<ExplainVerb>(
      parsed({"explain", "--dry-run", "--", "docker", "run", "--gpus", "1", "--json", "-h", "x"}).verb);
  EXPECT_EQ(dry.command, (Words{"docker", "run", "--gpus", "1", "--json", "-h", "x"}));
  for (const Words& words : {Words{"explain"}, Words{"explain", "--dry-run"}, Words{"explain", "--dry-run", "--"},
                             Words{"explain", "--dry-run", "docker"}, Words{"explain", "x", "--", "docker"},
                             Words{"status", "--", "docker"}, Words{"explain", "a", "b"}}) {
    EXPECT_EQ(refused(words).exit, Exit::Usage) << testing::PrintToString(words);
  }
}

TEST(ArgumentsTest, ADryRunMayNotBeLedToAnotherDaemon) {
  for (const Words& option : {Words{"-H", "unix:///x"}, Words{"-Hunix:///x"}, Words{"--host=x"}, Words{"--host", "x"},
                              Words{"--context", "x"}, Words{"-c", "x"}, Words{"--debug", "-H", "x"}}) {
    Words words{"explain", "--dry-run", "--", "/usr/bin/docker"};
    words.insert(words.end(), option.begin(), option.end());
    words.emplace_back("run");
    EXPECT_EQ(refused(words).exit, Exit::Usage) << testing::PrintToString(words);
  }
  parsed({"explain", "--dry-run", "--", "docker", "run", "-c", "512", "-h", "host", "x"});
}

TEST(ArgumentsTest, EventsHaveFilters) {
  const auto verb = std::get<EventsVerb>(
      parsed({"events", "--user", "a", "--type", "gpu", "--since", "1h", "-n", "7", "--follow"}).verb);
  EXPECT_EQ(verb.user, "a");
  EXPECT_EQ(verb.type, "gpu");
  EXPECT_EQ(verb.since, "1h");
  EXPECT_EQ(verb.limit, 7);
  EXPECT_TRUE(verb.follow);
  EXPECT_EQ(refused({"events", "-n", "5001"}).exit, Exit::Usage);
  EXPECT_EQ(refused({"events", "-n", "x"}).exit, Exit::Usage);
}

TEST(ArgumentsTest, AMisspeltVerbIsGuessed) {
  EXPECT_THAT(refused({"stauts"}).err, HasSubstr("did you mean \"status\"?"));
  EXPECT_THAT(refused({"frobnicate"}).err, HasSubstr("there are status, gpus"));
}

TEST(ArgumentsTest, EveryVerbsHelpHasAnExample) {
  for (const char* verb : {"status", "gpus", "queue", "ps", "who", "config", "explain", "events"}) {
    EXPECT_THAT(refused({verb, "--help"}).out, HasSubstr(std::string("ds01 ") + verb)) << verb;
    EXPECT_THAT(refused({verb, "--help"}).out, HasSubstr("Example:")) << verb;
  }
}

TEST(ArgumentsTest, Defaults) {
  const Invocation invocation = parsed({"status"});
  EXPECT_EQ(invocation.run_dir, "/run/ds01");
  EXPECT_FALSE(invocation.json);
}

TEST(ArgumentsTest, OptionsMayStandBeforeAndBehindTheVerb) {
  for (const Words& words :
       {Words{"--run-dir", "/r", "--json", "who", "3"}, Words{"who", "3", "--json", "--run-dir", "/r"},
        Words{"--run-dir=/r", "who", "--json", "3"}, Words{"who", "--run-dir=/r", "3", "--json"}}) {
    const Invocation invocation = parsed(words);
    EXPECT_EQ(invocation.run_dir, "/r");
    EXPECT_TRUE(invocation.json);
    EXPECT_EQ(std::get<WhoVerb>(invocation.verb).place, "3");
  }
}

TEST(ArgumentsTest, HelpAndVersionGoToStdout) {
  const Outcome help = refused({"--help"});
  EXPECT_EQ(help.exit, Exit::Ok);
  EXPECT_EQ(help.err, "");
  for (const char* word : {"status", "gpus", "ps", "who", "--json", "--run-dir DIR", "75"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  EXPECT_THAT(refused({"who", "--help"}).out, HasSubstr("ds01 who"));
  EXPECT_THAT(refused({"who", "--help"}).out, HasSubstr("SLOT"));
  const Outcome version = refused({"--version"});
  EXPECT_EQ(version.exit, Exit::Ok);
  EXPECT_THAT(version.out, testing::MatchesRegex("ds01 [0-9.]+\n"));
}

TEST(ArgumentsTest, WrongUsageIsTwoAndTalksOnStderr) {
  const auto message = [](Words words) {
    const Outcome outcome = refused(std::move(words));
    EXPECT_EQ(outcome.exit, Exit::Usage);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("ds01: "));
    EXPECT_THAT(outcome.err, testing::EndsWith("\nTry 'ds01 --help'.\n"));
    return outcome.err;
  };
  EXPECT_THAT(message({}), HasSubstr("say what to do: status, gpus, queue, ps, who, config, explain, events"));
  EXPECT_THAT(message({"frob"}), HasSubstr("there is no verb \"frob\""));
  EXPECT_THAT(message({"--json"}), HasSubstr("say what to do"));
  EXPECT_THAT(message({"\x1b[2J"}), HasSubstr("\"\\x1b[2J\""));
  message({"status", "extra"});
  message({"status", "gpus"});
  message({"who", "1", "2"});
  message({"status", "--colour"});
  message({"status", "--run-dir"});
  message({"--json=maybe", "status"});
}

}  // namespace
}  // namespace ds01::cli
