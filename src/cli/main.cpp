// The program `ds01`. Reads the environment and the terminal, and prints; all else is in values.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/run.h"
#include "net/real_clock.h"

namespace {

using namespace ds01;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool utf8Locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;  // the first that is set decides
    for (const std::string_view name_of_it : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
      if (value.ends_with(name_of_it) || value.find(std::string(name_of_it) + "@") != value.npos) return true;
    }
    return false;
  }
  return false;
}

std::chrono::seconds utcOffset(TimePoint at) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  std::tm local{};
  return std::chrono::seconds{localtime_r(&seconds, &local) != nullptr ? local.tm_gmtoff : 0};
}

cli::Paper paperOfStdout(const Clock& clock) {
  cli::Paper paper;
  paper.now = clock.now();
  paper.unicode = utf8Locale();
  paper.utc_offset = utcOffset;
  if (isatty(STDOUT_FILENO) != 0) {
    winsize size{};
    paper.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    paper.colour = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  }
  return paper;
}

int print(const cli::Outcome& outcome) {
  std::fputs(outcome.err.c_str(), stderr);
  std::fputs(outcome.out.c_str(), stdout);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return static_cast<int>(outcome.exit);
  std::perror("ds01: write");
  return static_cast<int>(cli::Exit::Failed);
}

cli::Streams streams() {
  return {.out =
              [](std::string_view text) {
                return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
              },
          .err = [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto parsed = cli::parseArguments({argv + (argc > 0 ? 1 : 0), argv + argc});
    if (const auto* outcome = std::get_if<cli::Outcome>(&parsed)) return print(*outcome);
    const auto& invocation = std::get<cli::Invocation>(parsed);
    const net::RealClock clock;
    const control::Client client(invocation.run_dir + "/ds01.sock");
    return print(cli::run(invocation, client, paperOfStdout(clock), streams()));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ds01: %s\n", error.what());
    return static_cast<int>(cli::Exit::Failed);
  }
}
