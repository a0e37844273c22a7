// A site's configuration, all its files in one input, from text to what a login may have: nothing escapes as an
// exception, whatever is wrong is said at its place, and what is accepted can be looked up for every login.
//
// A line "%% NAME" begins the file NAME (resource-limits.yaml, …, groups/x.members); what stands before the first one
// is resource-limits.yaml.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/compile.h"
#include "config/lookup.h"
#include "config/yaml/document.h"
#include "fuzz/property.h"

namespace ds01::config {
namespace {

using fuzz::require;

struct File {
  std::string name;
  std::string text;
};

std::vector<File> split(std::string_view input) {
  std::vector<File> files{{"resource-limits.yaml", ""}};
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size() - 1) + 1;
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end);
    if (!line.starts_with("%% ")) {
      files.back().text += line;
      continue;
    }
    std::string name(line.substr(3));
    while (name.ends_with('\n') || name.ends_with('\r')) name.pop_back();
    files.push_back({std::move(name), ""});
  }
  return files;
}

bool inFile(const Diagnostic& diagnostic, const std::vector<File>& files) {
  return std::ranges::any_of(files, [&](const File& file) {
    const auto lines = 2 + std::ranges::count_if(file.text, [](char c) { return c == '\n' || c == '\r'; });
    return file.name == diagnostic.file && diagnostic.line >= 0 && diagnostic.line <= lines;
  });
}

// As load.cpp does it with files.
struct Input {
  Sources sources;
  std::vector<Diagnostic> diagnostics;

  explicit Input(const std::vector<File>& files) {
    for (const File& file : files) {
      if (file.name == "group-overrides.txt") {
        sources.group_overrides = ListFile{file.name, "", file.text};
      } else if (file.name.ends_with(".members")) {
        const std::size_t slash = file.name.rfind('/');
        const std::size_t from = slash == std::string::npos ? 0 : slash + 1;
        sources.members.push_back({file.name, file.name.substr(from, file.name.size() - from - 8), file.text});
      } else if (std::optional<YamlFile>* place = yamlFile(file.name)) {
        auto root = yaml::parse(file.text, file.name);
        if (root) {
          *place = YamlFile{file.name, *std::move(root)};
        } else {
          diagnostics.push_back(root.error());
        }
      }
    }
  }

  std::optional<YamlFile>* yamlFile(std::string_view name) {
    if (name == "resource-limits.yaml") return &sources.limits;
    if (name == "user-overrides.yaml") return &sources.user_overrides;
    if (name == "lifecycle-exemptions.yaml") return &sources.exemptions;
    if (name == "ds01d.yaml") return &sources.daemon;
    return nullptr;
  }
};

std::set<std::string> loginsOf(const Config& config) {
  std::set<std::string> logins{"nobody", "", "204214@students.example.edu", "..", "a b"};
  for (const auto& [login, group] : config.group_overrides) logins.insert(login);
  for (const auto& [login, group] : config.members) logins.insert(login);
  for (const auto& [login, layer] : config.overrides) logins.insert(login);
  logins.insert(config.archived.begin(), config.archived.end());
  return logins;
}

template <typename T>
void notNegative(const std::optional<T>& limit, std::string_view name) {
  require(!limit || *limit >= T{}, "no limit is negative", name);
}

void lookUp(const Config& config, const std::string& login) {
  const std::string group = groupFor(config, login, "204214");
  const auto known = [&](const Group& candidate) { return candidate.name == group; };
  require(std::ranges::any_of(config.groups, known) || group == config.default_group, "a login's group is known",
          group);
  const Policies policies = policiesFor(config, login);
  require(policies.sigterm_grace.count() >= 0, "no time is negative");
  (void)isAdminLogin(config, login);
  const auto limits = limitsFor(config, login, "204214");
  if (!limits) {
    require(config.archived.contains(login) || config.archived.contains("204214"), "only the archived are refused");
    return;
  }
  require(limits->group == group, "the group keeps its name");
  require(!config.archived.contains(login), "the archived are refused", login);
  notNegative(limits->max_gpu_equivalents, "max_gpu_equivalents");
  notNegative(limits->max_gpu_slots, "max_gpu_slots");
  notNegative(limits->max_containers_per_user, "max_containers_per_user");
  notNegative(limits->max_cpus, "max_cpus");
  notNegative(limits->memory, "memory");
  notNegative(limits->shm_size, "shm_size");
  notNegative(limits->pids_limit, "pids_limit");
  notNegative(limits->max_runtime, "max_runtime");
  notNegative(limits->idle_timeout, "idle_timeout");
  notNegative(limits->aggregate.memory_max, "aggregate.memory_max");
  notNegative(limits->aggregate.cpu_quota, "aggregate.cpu_quota");
  if (limits->memory && limits->memory_swap) {
    require(*limits->memory_swap >= *limits->memory, "memory_swap counts the memory");
  }
}

void take(std::string_view bytes) {
  const std::vector<File> files = split(bytes);
  const Input input(files);
  const Compiled compiled = compile(input.sources);
  require(compiled.config.has_value() == (input.sources.limits.has_value() && !hasErrors(compiled.diagnostics)),
          "a config comes out unless there are errors");
  for (const auto& list : {input.diagnostics, compiled.diagnostics}) {
    for (const Diagnostic& diagnostic : list) {
      require(inFile(diagnostic, files), "what is wrong has its place", toString(diagnostic));
      require(!diagnostic.message.empty(), "what is wrong has a sentence");
    }
  }
  if (!compiled.config) return;
  for (const std::string& login : loginsOf(*compiled.config)) lookUp(*compiled.config, login);
}

}  // namespace
}  // namespace ds01::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::config::take(ds01::fuzz::asText(data, size));
  return 0;
}
