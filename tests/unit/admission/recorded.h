// The requests in tests/golden/recorded as inputs of admission: read, and given the facts the gateway would find.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "admission/admission.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission::test {

struct Recorded {
  std::string folder;  // "docker-cli-20.10-engine-20.10"
  std::string name;    // "gpus-all"
  std::string body;    // the client's bytes
  std::string user_agent;
  std::string container_name;  // ?name=
};

std::filesystem::path goldenRoot();
std::string readFile(const std::filesystem::path& path);

// All that are there, in order.
std::vector<Recorded> allRecorded();

// What came of a request, without the body's own bytes: how what is sent differs from what was asked.
struct Outcome {
  std::optional<Denial> denial;
  std::optional<Examined> examined;  // before completion
  boost::json::object asked;         // as the client wrote it
  boost::json::object sent;          // complete
};

// `scenario` says whose limits and which Engine. Beside it: whatever is bound from /home/alice exists, containers that
// are named are alice's, and as many GPUs are leased as were asked for.
Outcome admit(const Recorded& recorded, Scenario scenario);

// Adds to `changes` each member (JSON Pointer → value) that is new or different, to `removed` each that is gone. Lists
// are compared as wholes.
void compare(const boost::json::object& before, const boost::json::object& after, const std::string& at,
             boost::json::object& changes, boost::json::array& removed);

}  // namespace ds01::admission::test
