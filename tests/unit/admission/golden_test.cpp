// Whole requests from the client's bytes to what the Engine gets. A case is a folder in tests/golden/admission:
// request.json (the bytes), facts.json, and either expected.json {"body","warnings","gpu"} or denied.json
// {"http_status","reason","text"}.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "admission/admission.h"
#include "admission/json_guard.h"
#include "unit/admission/recorded.h"

namespace ds01::admission::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(goldenRoot() / "admission")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

json::object describe(const Denial& denial) {
  return {{"http_status", denial.http_status}, {"reason", denial.reason}, {"text", denial.text}};
}

json::value describe(const std::optional<GpuRequest>& gpu) {
  if (!gpu) return nullptr;
  const char* kind = gpu->kind == GpuRequest::Kind::All       ? "all"
                     : gpu->kind == GpuRequest::Kind::Devices ? "devices"
                                                              : "count";
  return json::object{{"kind", kind},
                      {"count", gpu->count},
                      {"devices", json::array(gpu->devices.begin(), gpu->devices.end())},
                      {"profile", gpu->profile}};
}

// The two documents a case may expect; exactly one comes out.
struct Documents {
  std::optional<json::object> expected;
  std::optional<json::object> denied;
};

Documents run(const fs::path& folder) {
  const Scenario scenario = readScenario(parseObject(readFile(folder / "facts.json")));
  const GuardOptions options{scenario.facts.caller.admin, scenario.facts.engine.api};
  auto body = guardBody("POST", "/containers/create", readFile(folder / "request.json"), options);
  if (!body) return {std::nullopt, describe(body.error())};
  auto examined = examine(std::move(*body), scenario.facts);
  if (!examined) return {std::nullopt, describe(examined.error())};
  json::object result;
  result["gpu"] = describe(examined->gpu);
  result["warnings"] = json::array(examined->warnings.begin(), examined->warnings.end());
  result["body"] = complete(std::move(*examined), scenario.completion);
  return {std::move(result), std::nullopt};
}

// Test names may hold letters and digits only.
std::string testName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, IsRewrittenOrDenied) {
  const fs::path folder = goldenRoot() / "admission" / GetParam();
  const bool wants_denial = fs::exists(folder / "denied.json");
  ASSERT_NE(wants_denial, fs::exists(folder / "expected.json")) << "a case has one outcome";
  const Documents outcome = run(folder);
  ASSERT_EQ(wants_denial, outcome.denied.has_value()) << pretty(outcome.denied ? *outcome.denied : *outcome.expected);
  const fs::path file = folder / (wants_denial ? "denied.json" : "expected.json");
  const json::object& got = wants_denial ? *outcome.denied : *outcome.expected;
  if (got == parseObject(readFile(file))) return;
  // For whoever changes a rule on purpose: this writes what comes out now, and the diff is to be reviewed.
  if (std::getenv("DS01_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << pretty(got) << "\n";
  ADD_FAILURE() << "got " << pretty(got);
}

INSTANTIATE_TEST_SUITE_P(Admission, Golden, testing::ValuesIn(cases()), testName);

}  // namespace
}  // namespace ds01::admission::test
