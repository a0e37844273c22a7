#include "unit/admission/recorded.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include <boost/json/parse.hpp>

#include "admission/json_guard.h"

namespace ds01::admission::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::string str(const json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

Recorded read(const fs::path& file) {
  const json::object document = parseObject(readFile(file));
  const json::object& request = document.at("request").as_object();
  Recorded recorded;
  recorded.folder = file.parent_path().filename().string();
  recorded.name = file.stem().string();
  recorded.body = str(request.at("body"));
  const json::value* agent = request.at("headers").as_object().if_contains("User-Agent");
  if (agent != nullptr) recorded.user_agent = str(*agent);
  const std::string target = str(request.at("target"));
  const std::size_t name = target.find("name=");
  if (name != std::string::npos) recorded.container_name = target.substr(name + 5, target.find('&', name) - name - 5);
  return recorded;
}

void find(const References& named, Facts& facts) {
  for (const std::string& source : named.bind_sources) {
    const bool home = source == "/home/alice" || source.starts_with("/home/alice/");
    facts.binds.try_emplace(source, home ? BindFact{source, ""} : BindFact{"", "it is not below your home directory"});
  }
  for (const std::string& ref : named.containers) {
    facts.containers.try_emplace(ref, ContainerFact{ContainerId(std::string(64, 'c')), true});
  }
  char digit = '0';
  for (const std::string& ref : named.networks) {
    facts.networks.try_emplace(ref, NetworkFact{std::string(64, digit++), ref, true});
  }
}

void lease(const GpuRequest& wanted, Completion& completion) {
  static constexpr std::array<std::pair<const char*, const char*>, 4> kPool{
      {{"0", "GPU-00000000-0000-0000-0000-000000000000"},
       {"1", "GPU-11111111-0000-0000-0000-000000000000"},
       {"2:0", "MIG-22222222-0000-0000-0000-000000000000"},
       {"2:1", "MIG-22222222-0000-0000-0000-000000000001"}}};
  completion.lease.emplace();
  completion.lease->id = LeaseId("L00112233445566aa");
  completion.lease->since = student().now;
  for (std::size_t i = 0; i < std::min<std::size_t>(static_cast<std::size_t>(wanted.count), kPool.size()); ++i) {
    GpuSlot slot;
    slot.slot = kPool.at(i).first;
    slot.uuid = kPool.at(i).second;
    completion.lease->uuids.push_back(slot.uuid);
    completion.slots.push_back(std::move(slot));
  }
}

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

}  // namespace

fs::path goldenRoot() {
  return fs::path(DS01_SOURCE_DIR) / "tests/golden";
}

std::string readFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<Recorded> allRecorded() {
  std::vector<Recorded> found;
  for (const auto& entry : fs::recursive_directory_iterator(goldenRoot() / "recorded")) {
    if (entry.path().extension() == ".json") found.push_back(read(entry.path()));
  }
  std::ranges::sort(found, {}, [](const Recorded& one) { return std::pair(one.folder, one.name); });
  return found;
}

Outcome admit(const Recorded& recorded, Scenario scenario) {
  Facts& facts = scenario.facts;
  facts.user_agent = recorded.user_agent;
  facts.container_name = recorded.container_name;
  Outcome outcome;
  outcome.asked = parseObject(recorded.body);
  auto body = guardBody("POST", "/containers/create", recorded.body, {facts.caller.admin, facts.engine.api});
  if (!body) {
    outcome.denial = std::move(body.error());
    return outcome;
  }
  find(references(*body), facts);
  auto examined = examine(std::move(*body), facts);
  if (!examined) {
    outcome.denial = std::move(examined.error());
    return outcome;
  }
  outcome.examined = *examined;
  if (examined->gpu) lease(*examined->gpu, scenario.completion);
  outcome.sent = complete(std::move(*examined), scenario.completion);
  return outcome;
}

void compare(const json::object& before, const json::object& after, const std::string& at, json::object& changes,
             json::array& removed) {
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) removed.emplace_back(at + "/" + escaped(key));
  }
  for (const auto& [key, value] : after) {
    const json::value* old = before.if_contains(key);
    if (old != nullptr && *old == value) continue;
    const std::string path = at + "/" + escaped(key);
    if (old != nullptr && old->is_object() && value.is_object()) {
      compare(old->get_object(), value.get_object(), path, changes, removed);
    } else {
      changes[path] = value;
    }
  }
}

}  // namespace ds01::admission::test
