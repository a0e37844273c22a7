#include "cli/arguments.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/text.h"

namespace ds01::cli {
namespace {

Outcome usage(const std::string& what) {
  return {.exit = Exit::Usage, .out = {}, .err = "ds01: " + printable(what) + "\nTry 'ds01 --help'.\n"};
}

std::vector<std::string> verbsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

// CLI11 reports a misspelt verb as a missing one.
std::string explain(const CLI::ParseError& error, const CLI::App& app) {
  if (!app.get_subcommands().empty()) return error.what();
  const std::vector<std::string> verbs = verbsOf(app);
  const std::vector<std::string> unknown = app.remaining();
  if (unknown.empty()) return fmt::format("say what to do: {}", fmt::join(verbs, ", "));
  const std::vector<std::string_view> known(verbs.begin(), verbs.end());
  const std::string meant = nearest(unknown.front(), known);
  return fmt::format("there is no verb \"{}\"{}", unknown.front(),
                     meant.empty() ? fmt::format("; there are {}", fmt::join(verbs, ", "))
                                   : fmt::format("; did you mean \"{}\"?", meant));
}

// What stands behind the first "--" belongs to another program; CLI11 never sees it.
std::vector<std::string> takeCommand(std::vector<std::string>& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  if (dashes == arguments.end()) return {};
  std::vector<std::string> command(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  return command;
}

// The Docker CLI's own way of naming a daemon would lead around ours, and the command would be carried out. Unset:
// fine.
std::optional<std::string> namesDaemon(const std::vector<std::string>& command) {
  const std::string& program = command.front();
  if (program.substr(program.rfind('/') + 1) != "docker") return std::nullopt;
  for (std::size_t i = 1; i < command.size() && command[i].starts_with('-'); ++i) {
    const std::string& option = command[i];
    for (const std::string_view name : {"-H", "--host", "-c", "--context"}) {
      if (option == name || (option.starts_with(name) && (name.size() == 2 || option[name.size()] == '='))) {
        return option;
      }
    }
  }
  return std::nullopt;
}

std::optional<Outcome> checkExplain(ExplainVerb& verb, bool dry_run, std::vector<std::string> command) {
  if (!dry_run && !command.empty()) return usage("explain: a command behind -- needs --dry-run");
  if (!dry_run && verb.subject.empty()) {
    return usage("explain: say what: the decision's id (D…) from the message, or a container");
  }
  if (!dry_run) return std::nullopt;
  if (!verb.subject.empty()) return usage("explain --dry-run: write -- before the command");
  if (command.empty()) return usage("explain --dry-run: say what to try: ds01 explain --dry-run -- docker run …");
  if (const std::optional<std::string> option = namesDaemon(command)) {
    return usage(*option + " would lead to a daemon that carries the command out; leave it away in a dry run");
  }
  verb.command = std::move(command);
  return std::nullopt;
}

void addEventOptions(CLI::App& events, EventsVerb& verb) {
  events.add_option("--user", verb.user, "Only this login's")->type_name("LOGIN");
  events.add_option("--type", verb.type, "Only this type (gpu.reject) or family (gpu)")->type_name("TYPE");
  events.add_option("--container", verb.container, "Only about this container, by name or id")->type_name("NAME");
  events.add_option("--since", verb.since, "Not before: 30m, 2h, 3d ago, or a time as in RFC 3339")->type_name("WHEN");
  events.add_option("--until", verb.until, "Not after")->type_name("WHEN");
  events.add_option("-n,--limit", verb.limit, "The latest so many, at most 5000")
      ->type_name("N")
      ->check(CLI::Range(0, 5000))
      ->capture_default_str();
  events.add_flag("-f,--follow", verb.follow, "Go on with what comes");
}

void addExamples(CLI::App& app) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kExamples{
      {{"status", "ds01 status --json | jq '.gpus[] | select(.state == \"free\")'"},
       {"gpus", "ds01 gpus"},
       {"queue", "ds01 queue"},
       {"ps", "ds01 ps"},
       {"who", "ds01 who 3"},
       {"config", "ds01 config show"},
       {"explain",
        "ds01 explain D0123456789ab\n  ds01 explain train\n  ds01 explain --dry-run -- docker run --gpus 1 IMAGE"},
       {"events", "ds01 events --type gpu --since 2h\n  ds01 events --follow"}}};
  for (const auto& [verb, example] : kExamples) {
    app.get_subcommand(std::string(verb))->footer(fmt::format("Example:\n  {}", example));
  }
}

}  // namespace

std::variant<Invocation, Outcome> parseArguments(std::vector<std::string> arguments) {
  Invocation invocation;
  WhoVerb who_verb;
  ConfigShowVerb show_verb;

  ExplainVerb explain_verb;
  EventsVerb events_verb;
  bool dry_run = false;
  std::vector<std::string> command = takeCommand(arguments);

  CLI::App app("Who uses the GPUs of this machine.", "ds01");
  app.set_version_flag("--version", "ds01 " DS01_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.require_subcommand(1);
  app.fallthrough();  // options of the program may stand behind the verb
  app.add_option("--run-dir", invocation.run_dir, "Directory of the daemon's socket")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_flag("--json", invocation.json, "Answer in JSON");
  app.footer("Exit codes: 0 ok, 1 failed, 2 usage, 75 the daemon is away (try later), 77 not allowed.");

  CLI::App* status = app.add_subcommand("status", "GPUs, users and the queue at a glance");
  CLI::App* gpus = app.add_subcommand("gpus", "The GPUs and MIG instances, with their UUIDs");
  CLI::App* queue = app.add_subcommand("queue", "The requests that wait for a GPU, in order, and why they wait");
  CLI::App* ps = app.add_subcommand("ps", "Your containers and the GPUs they hold (admins see everybody's)");
  CLI::App* who = app.add_subcommand("who", "Who is on a GPU, and since when");
  who->add_option("SLOT", who_verb.place, "A GPU's index (3), a slot (1:0 or 1.0) or a UUID; all if left out")
      ->type_name("");
  CLI::App* config = app.add_subcommand("config", "What the configuration says");
  config->require_subcommand(1);
  CLI::App* show = config->add_subcommand("show", "Your limits, where each comes from and which one binds");
  show->add_option("USER", show_verb.login, "Somebody else's, for admins")->type_name("");
  CLI::App* explain_app = app.add_subcommand("explain", "Why something was refused or granted, or would be");
  explain_app->add_option("ID", explain_verb.subject, "A decision's id from a message (D…), or a container")
      ->type_name("");
  explain_app->add_flag("--dry-run", dry_run, "Say what would come of the Docker command behind --");
  CLI::App* events = app.add_subcommand("events", "What was decided and what happened (admins see everybody's)");
  addEventOptions(*events, events_verb);
  addExamples(app);
  for (CLI::App* verb : {status, gpus, queue, ps, who, show, explain_app, events}) {
    verb->add_flag("--json", invocation.json, "Answer in JSON");
  }

  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(arguments);
  } catch (const CLI::Success& asked) {
    std::ostringstream out;
    app.exit(asked, out, out);
    return Outcome{.exit = Exit::Ok, .out = out.str(), .err = {}};
  } catch (const CLI::ParseError& error) {
    return usage(explain(error, app));
  }

  if (!command.empty() && !explain_app->parsed()) return usage("a command behind -- is for explain --dry-run");
  if (explain_app->parsed()) {
    if (std::optional<Outcome> wrong = checkExplain(explain_verb, dry_run, std::move(command))) return *wrong;
    invocation.verb = explain_verb;
  }
  if (events->parsed()) invocation.verb = events_verb;
  if (gpus->parsed()) invocation.verb = GpusVerb{};
  if (queue->parsed()) invocation.verb = QueueVerb{};
  if (ps->parsed()) invocation.verb = PsVerb{};
  if (who->parsed()) invocation.verb = who_verb;
  if (show->parsed()) invocation.verb = show_verb;
  return invocation;
}

}  // namespace ds01::cli
