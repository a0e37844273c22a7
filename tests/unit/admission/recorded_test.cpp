// What becomes of the requests that real clients sent (tests/golden/recorded). tests/golden/expected has a folder for
// those of one client with one Engine: facts.json says for whom and on which Engine they are admitted, and CASE.json
// what is sent instead ("changes" and "removed" name members by JSON Pointer), or the denial.
#include "unit/admission/recorded.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ds01::admission::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::vector<Recorded> cases() {
  std::vector<Recorded> found = allRecorded();
  std::erase_if(found, [](const Recorded& one) { return !fs::exists(goldenRoot() / "expected" / one.folder); });
  return found;
}

json::value describe(const std::optional<GpuRequest>& gpu) {
  using enum GpuRequest::Kind;
  if (!gpu) return nullptr;
  return json::object{{"kind", gpu->kind == All       ? "all"
                               : gpu->kind == Devices ? "devices"
                                                      : "count"},
                      {"count", gpu->count},
                      {"devices", json::array(gpu->devices.begin(), gpu->devices.end())},
                      {"profile", gpu->profile}};
}

json::object describe(const Outcome& outcome) {
  if (outcome.denial) {
    return {{"denied", json::object{{"http_status", outcome.denial->http_status},
                                    {"reason", outcome.denial->reason},
                                    {"text", outcome.denial->text}}}};
  }
  json::object changes;
  json::array removed;
  compare(outcome.asked, outcome.sent, "", changes, removed);
  const std::vector<std::string>& warnings = outcome.examined->warnings;
  return {{"gpu", describe(outcome.examined->gpu)},
          {"warnings", json::array(warnings.begin(), warnings.end())},
          {"changes", std::move(changes)},
          {"removed", std::move(removed)}};
}

class RecordedRequest : public testing::TestWithParam<Recorded> {};

TEST_P(RecordedRequest, IsRewrittenOrDenied) {
  const fs::path folder = goldenRoot() / "expected" / GetParam().folder;
  const json::object got = describe(admit(GetParam(), readScenario(parseObject(readFile(folder / "facts.json")))));
  const fs::path file = folder / (GetParam().name + ".json");
  if (fs::exists(file) && got == parseObject(readFile(file))) return;
  // For whoever changes a rule on purpose: this writes what comes out now, and the diff is to be reviewed.
  if (std::getenv("DS01_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << pretty(got) << "\n";
  ADD_FAILURE() << "got " << pretty(got);
}

// Test names may hold letters and digits only.
std::string testName(const testing::TestParamInfo<Recorded>& info) {
  std::string name = info.param.folder + "_" + info.param.name;
  std::ranges::replace_if(name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Admission, RecordedRequest, testing::ValuesIn(cases()), testName);

TEST(RecordedRequests, EachExpectationHasItsRequest) {
  std::vector<std::string> requests;
  for (const Recorded& one : cases()) requests.push_back(one.folder + "/" + one.name);
  EXPECT_GE(requests.size(), 60U);
  for (const auto& entry : fs::recursive_directory_iterator(goldenRoot() / "expected")) {
    if (entry.path().extension() != ".json" || entry.path().stem() == "facts") continue;
    const std::string name = entry.path().parent_path().filename().string() + "/" + entry.path().stem().string();
    EXPECT_TRUE(std::ranges::find(requests, name) != requests.end()) << name << " has no recorded request";
  }
}

}  // namespace
}  // namespace ds01::admission::test
