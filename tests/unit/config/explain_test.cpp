#include "config/explain.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/lookup.h"
#include "site_dir.h"

namespace ds01::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TimePoint kNow{std::chrono::sys_days{std::chrono::year{2026} / 12 / 1}};
constexpr ExplainFacts kFacts{.engine_cpus = 48, .now = kNow};

// "* key text layer name line", with a star if it binds.
std::string line(const ReportValue& value) {
  static constexpr std::array kLayers{"built-in", "defaults", "group", "override", "type", "engine", "exemption"};
  std::string text = fmt::format("{}{} = {} [{}", value.binds ? "* " : "", value.key, value.text,
                                 kLayers[static_cast<std::size_t>(value.layer)]);
  if (!value.layer_name.empty()) text += " " + value.layer_name;
  if (value.line > 0) text += fmt::format(":{}", value.line);
  text += "]";
  if (!value.honoured) text += " not yet";
  if (!value.note.empty()) text += " (" + value.note + ")";
  return text;
}

std::vector<std::string> topicIn(const LoginReport& report, std::string_view title) {
  std::vector<std::string> lines;
  for (const ReportTopic& topic : report.topics) {
    if (topic.title != title) continue;
    for (const ReportValue& value : topic.values) lines.push_back(line(value));
  }
  return lines;
}

LoginReport explain(const std::map<std::string, std::string>& files, std::string_view login = "ada",
                    ExplainFacts facts = kFacts) {
  return explainLogin(configOf(files), login, "", facts);
}

LoginReport explain(const std::string& limits, std::string_view login = "ada") {
  return explain({{"resource-limits.yaml", limits}}, login);
}

TEST(ExplainLogin, NamesTheLayerAndTheLineOfEachValue) {
  const LoginReport report = explain({{"resource-limits.yaml",
                                       "defaults:\n"
                                       "  memory: 32g\n"
                                       "  pids_limit: 100\n"
                                       "groups:\n"
                                       "  student: {}\n"
                                       "  staff:\n"
                                       "    memory: 64g\n"
                                       "    shm_size: 8g\n"
                                       "policies: {gpu_idle_threshold: 7}\n"},
                                      {"user-overrides.yaml", "ada: {shm_size: 9g}\n"},
                                      {"groups/staff.members", "ada\n"}});
  EXPECT_EQ(topicIn(report, "memory of a container")[0], "* memory = 64 GiB [group staff:7]");
  EXPECT_EQ(topicIn(report, "/dev/shm")[0], "* shm_size = 9 GiB [override:1]");
  EXPECT_EQ(topicIn(report, "processes")[0], "* pids_limit = 100 [defaults:3]");
  EXPECT_EQ(topicIn(report, "containers")[0], "* max_containers_per_user = 3 [built-in]");
  EXPECT_EQ(topicIn(report, "idle below, GPU")[0], "* policies.gpu_idle_threshold = 7 % [defaults:9] not yet");
  EXPECT_EQ(topicIn(report, "idle below, CPU")[0], "* policies.cpu_idle_threshold = 2 % [built-in] not yet");
}

TEST(ExplainLogin, ListsWhatIsOpened) {
  const LoginReport none = explain("defaults: {}\n");
  EXPECT_THAT(topicIn(none, "capabilities"), ElementsAre("* capabilities = none [built-in]"));
  EXPECT_THAT(topicIn(none, "shared memory of the host"), ElementsAre("* host_ipc = false [built-in]"));
  const LoginReport some = explain("defaults:\n  host_ipc: true\n  capabilities: [IPC_LOCK, cap_ipc_owner]\n");
  EXPECT_THAT(topicIn(some, "capabilities"), ElementsAre("* capabilities = IPC_LOCK, IPC_OWNER [defaults:3]"));
  EXPECT_THAT(topicIn(some, "shared memory of the host"), ElementsAre("* host_ipc = true [defaults:2]"));
}

TEST(ExplainLogin, TheSmallestCapBinds) {
  const LoginReport report = explain(
      "defaults:\n"
      "  max_gpu_equivalents: 4\n"
      "  max_cpus: 64\n"
      "  aggregate: {gpu_limit: 2.5, memory_max: 16G, cpu_quota: 3200%}\n"
      "  memory: 32g\n"
      "groups: {student: {}}\n");
  EXPECT_THAT(topicIn(report, "GPUs at once"),
              ElementsAre("max_gpu_equivalents = 4 [defaults:2]", "* aggregate.gpu_limit = 2.5 [defaults:4]"));
  EXPECT_THAT(topicIn(report, "CPUs of a container"),
              ElementsAre("max_cpus = 64 CPUs [defaults:3]", "aggregate.cpu_quota = 32 CPUs [defaults:4] not yet",
                          "* engine.cpus = 48 CPUs [engine]"));
  EXPECT_THAT(topicIn(report, "memory of a container"),
              ElementsAre("* memory = 32 GiB [defaults:5]", "aggregate.memory_max = 16 GiB [defaults:4] not yet"))
      << "what nothing acts on yet cannot bind";
}

TEST(ExplainLogin, NoLimitNeverBindsBesideOne) {
  const LoginReport report = explain(
      "defaults: {max_gpu_equivalents: null, aggregate: {gpu_limit: 2}, max_cpus: null}\ngroups: {student: {}}\n");
  EXPECT_THAT(topicIn(report, "GPUs at once"),
              ElementsAre("max_gpu_equivalents = no limit [defaults:1]", "* aggregate.gpu_limit = 2 [defaults:1]"));
  const LoginReport free = explain({{"resource-limits.yaml", "defaults: {max_cpus: null}\n"}}, "ada", {});
  EXPECT_THAT(topicIn(free, "CPUs of a container"),
              ElementsAre("* max_cpus = no limit [defaults:1]", "aggregate.cpu_quota = no limit [built-in] not yet"));
}

TEST(ExplainLogin, OlderNamesCountSlots) {
  const LoginReport report = explain("defaults: {max_mig_instances: 3}\n");
  EXPECT_THAT(topicIn(report, "GPUs at once"),
              ElementsAre("* max_mig_instances = 3 slots [defaults:1] (older name of max_gpu_equivalents; counts slots "
                          "of any size)",
                          "aggregate.gpu_limit = no limit [built-in]"));
  const LoginReport both = explain("defaults: {max_mig_instances: 3, aggregate: {gpu_limit: 2}}\n");
  EXPECT_THAT(topicIn(both, "GPUs at once"), ElementsAre(HasSubstr("* max_mig_instances"), HasSubstr("* aggregate")))
      << "three small instances and two whole GPUs are both at the end";
  const LoginReport wide = explain("defaults: {max_mig_instances: 3, aggregate: {gpu_limit: 3}}\n");
  EXPECT_THAT(topicIn(wide, "GPUs at once"),
              ElementsAre(HasSubstr("* max_mig_instances"), "aggregate.gpu_limit = 3 [defaults:1]"));
}

TEST(ExplainLogin, SaysWhatBecomesOfSwap) {
  EXPECT_THAT(topicIn(explain("defaults: {memory: 8g}\n"), "memory and swap"),
              ElementsAre("* memory_swap = 8 GiB [built-in]"));
  EXPECT_THAT(topicIn(explain("defaults: {memory_swap: 8g}\ngroups: {student: {memory: 16g}}\n"), "memory and swap"),
              ElementsAre("* memory_swap = 16 GiB [defaults:1] (raised to memory)"));
  EXPECT_THAT(topicIn(explain("defaults: {memory: null, memory_swap: 8g}\n"), "memory and swap"),
              ElementsAre("* memory_swap = no limit [defaults:1] (needs a limit on memory)"));
  EXPECT_THAT(topicIn(explain("defaults: {memory: 8g, memory_swap: null}\n"), "memory and swap"),
              ElementsAre("* memory_swap = no limit [defaults:1]"));
}

TEST(ExplainLogin, SaysWhyALoginIsInItsGroup) {
  const std::map<std::string, std::string> files{{"resource-limits.yaml",
                                                  "groups:\n"
                                                  "  student: {}\n"
                                                  "  staff: {members: [inge]}\n"},
                                                 {"group-overrides.txt", "# visitors\nada:staff\n"},
                                                 {"groups/staff.members", "\nbob\n"}};
  const LoginReport ada = explain(files, "ada");
  EXPECT_EQ(ada.group, "staff");
  EXPECT_EQ(ada.group_because, "group-overrides.txt");
  EXPECT_THAT(ada.group_file, ::testing::EndsWith("/group-overrides.txt"));
  EXPECT_EQ(ada.group_line, 2);
  const LoginReport bob = explain(files, "bob");
  EXPECT_EQ(bob.group_because, "members");
  EXPECT_THAT(bob.group_file, ::testing::EndsWith("/groups/staff.members"));
  EXPECT_EQ(bob.group_line, 2);
  const LoginReport inge = explain(files, "inge");
  EXPECT_THAT(inge.group_file, ::testing::EndsWith("/resource-limits.yaml"));
  EXPECT_EQ(inge.group_line, 3);
  const LoginReport eve = explain(files, "eve");
  EXPECT_EQ(eve.group, "student");
  EXPECT_EQ(eve.group_because, "default_group");
  EXPECT_EQ(eve.group_file, "");
}

TEST(ExplainLogin, ShowsArchivedLoginsWithTheSentence) {
  const LoginReport report =
      explain({{"resource-limits.yaml", "groups: {student: {}}\n"}, {"groups/archived.members", "ada\n"}});
  ASSERT_TRUE(report.archived);
  EXPECT_THAT(*report.archived, HasSubstr("is archived"));
  EXPECT_FALSE(explain("groups: {student: {}}\n", "bob").archived);
}

TEST(ExplainLogin, ShowsWhichLifetimeOfATypeBinds) {
  const LoginReport report = explain(
      "defaults: {max_runtime_h: 24, idle_timeout: 20m}\n"
      "groups: {student: {container_hold_after_stop: 1h, policies: {sigterm_grace_s: 9}}}\n"
      "container_types: {docker: {max_runtime_h: 12, idle_timeout_h: 1}, devcontainer: {idle_timeout_h: null}}\n");
  ASSERT_EQ(report.lifetimes.size(), 6U);
  const ReportLifetimes& docker = report.lifetimes[0];
  EXPECT_EQ(docker.type, "docker");
  EXPECT_EQ(line(docker.runtime), "* max_runtime_h = 12 h [type docker:3] not yet");
  EXPECT_EQ(line(docker.idle), "* idle_timeout_h = 20 min [defaults:1] not yet");
  EXPECT_EQ(line(docker.hold), "* container_hold_after_stop_h = 1 h [group student:2] not yet");
  EXPECT_EQ(line(docker.grace), "* policies.sigterm_grace_s = 9 s [group student:2] not yet");
  const ReportLifetimes& jupyter = report.lifetimes[3];
  EXPECT_EQ(jupyter.type, "jupyter");
  EXPECT_EQ(line(jupyter.runtime), "* max_runtime_h = 12 h [type docker:3] not yet");
  EXPECT_EQ(line(report.lifetimes[2].idle), "* idle_timeout_h = no limit [type devcontainer:3] not yet");
}

// The amount that the values of a topic leave, in its unit.
std::optional<double> bound(const LoginReport& report, std::string_view title, std::string_view unit) {
  const auto topic = std::ranges::find(report.topics, title, &ReportTopic::title);
  EXPECT_NE(topic, report.topics.end()) << title;
  std::optional<double> least;
  for (const ReportValue& value : topic->values) {
    if (value.honoured && value.unit == unit && value.amount && (!least || *value.amount < *least))
      least = value.amount;
  }
  return least;
}

TEST(ExplainLogin, AgreesWithTheLookUpForEveryLoginOfBothSites) {
  for (const std::string site : {"current", "2026-01"}) {
    const yaml::Loaded loaded = yaml::load(std::string(DS01_SOURCE_DIR "/tests/data/site/") + site);
    ASSERT_TRUE(loaded.config) << report(loaded);
    std::vector<std::string> logins{"nobody@example.edu"};
    for (const auto& [login, membership] : loaded.config->members) logins.push_back(login);
    for (const auto& [login, layer] : loaded.config->overrides) logins.push_back(login);
    for (const std::string& login : logins) {
      const LoginReport report = explainLogin(*loaded.config, login, "", {.engine_cpus = std::nullopt, .now = kNow});
      const auto limits = limitsFor(*loaded.config, login);
      ASSERT_TRUE(limits);
      EXPECT_EQ(report.group, limits->group) << login;
      const auto amount = [](const auto& value, double scale) {
        return value ? std::optional(static_cast<double>(*value) / scale) : std::nullopt;
      };
      const auto memory = limits->memory ? std::optional(limits->memory->count) : std::nullopt;
      const auto swap = limits->memory_swap ? std::optional(limits->memory_swap->count) : std::nullopt;
      const auto cpus = limits->max_cpus ? std::optional(limits->max_cpus->count) : std::nullopt;
      EXPECT_EQ(bound(report, "memory of a container", "bytes"), amount(memory, 1)) << login;
      EXPECT_EQ(bound(report, "memory and swap", "bytes"), amount(swap, 1)) << login;
      EXPECT_EQ(bound(report, "CPUs of a container", "cpus"), amount(cpus, 1000)) << login;
      EXPECT_EQ(bound(report, "processes", "count"), amount(limits->pids_limit, 1)) << login;
      EXPECT_EQ(bound(report, "containers", "count"), amount(limits->max_containers_per_user, 1)) << login;
      EXPECT_EQ(bound(report, "GPU slots in one container", "slots"), amount(limits->max_gpu_slots_per_container, 1));
      EXPECT_EQ(bound(report, "GPUs at once", "slots"), amount(limits->max_gpu_slots, 1)) << login;
      EXPECT_EQ(bound(report, "whole GPUs", "flag"), limits->allow_full_gpu ? 1.0 : 0.0) << login;
    }
  }
}

}  // namespace
}  // namespace ds01::config
