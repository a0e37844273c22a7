// The command line as a value: what to do, or what to say instead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ds01::cli {

// sysexits.h where it has a number for it.
enum class Exit : int {
  Ok = 0,
  Failed = 1,
  Usage = 2,
  TryLater = 75,    // EX_TEMPFAIL: the daemon is away or busy
  NotAllowed = 77,  // EX_NOPERM
};

struct StatusVerb {};
struct GpusVerb {};
struct QueueVerb {};
struct PsVerb {};
struct WhoVerb {
  std::string place;  // a GPU's index, a slot or a UUID; empty: all
};

struct ConfigShowVerb {
  std::string login;  // empty: the caller's own
};
struct ExplainVerb {
  std::string subject;               // a decision or a container; empty for a dry run
  std::vector<std::string> command;  // of the dry run; what stands behind "--"
};
struct EventsVerb {
  std::string user;
  std::string type;
  std::string container;
  std::string since;  // as written: "1h" or RFC 3339
  std::string until;
  std::int64_t limit = 50;
  bool follow = false;
};

struct Invocation {
  std::string run_dir = "/run/ds01";
  bool json = false;
  std::variant<StatusVerb, GpusVerb, QueueVerb, PsVerb, WhoVerb, ConfigShowVerb, ExplainVerb, EventsVerb> verb;
};

// What the program prints and how it ends.
struct Outcome {
  Exit exit = Exit::Ok;
  std::string out;  // stdout: the answer
  std::string err;  // stderr: talk
};

// `arguments` without the program's name. --help, --version and usage errors come back as an Outcome.
std::variant<Invocation, Outcome> parseArguments(std::vector<std::string> arguments);

}  // namespace ds01::cli
