#include "cli/arguments.h"

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>

#include "cli/text.h"

namespace ds01::cli {
namespace {

Outcome usage(const std::string& what) {
  return {.exit = Exit::Usage, .out = {}, .err = "ds01: " + printable(what) + "\nTry 'ds01 --help'.\n"};
}

// CLI11 reports a misspelt verb as a missing one.
std::string explain(const CLI::ParseError& error, const CLI::App& app) {
  if (!app.get_subcommands().empty()) return error.what();
  const std::vector<std::string> unknown = app.remaining();
  return unknown.empty() ? "say what to do: status, gpus, ps, who or config"
                         : "there is no verb \"" + unknown.front() + "\"";
}

}  // namespace

std::variant<Invocation, Outcome> parseArguments(std::vector<std::string> arguments) {
  Invocation invocation;
  WhoVerb who_verb;
  ConfigShowVerb show_verb;

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
  CLI::App* ps = app.add_subcommand("ps", "Your containers and the GPUs they hold (admins see everybody's)");
  CLI::App* who = app.add_subcommand("who", "Who is on a GPU, and since when");
  who->add_option("SLOT", who_verb.place, "A GPU's index (3), a slot (1:0 or 1.0) or a UUID; all if left out")
      ->type_name("");
  CLI::App* config = app.add_subcommand("config", "What the configuration says");
  config->require_subcommand(1);
  CLI::App* show = config->add_subcommand("show", "Your limits, where each comes from and which one binds");
  show->add_option("USER", show_verb.login, "Somebody else's, for admins")->type_name("");
  for (CLI::App* verb : {status, gpus, ps, who, show}) verb->add_flag("--json", invocation.json, "Answer in JSON");

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

  if (gpus->parsed()) invocation.verb = GpusVerb{};
  if (ps->parsed()) invocation.verb = PsVerb{};
  if (who->parsed()) invocation.verb = who_verb;
  if (show->parsed()) invocation.verb = show_verb;
  return invocation;
}

}  // namespace ds01::cli
