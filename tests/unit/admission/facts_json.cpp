#include "unit/admission/facts_json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include "base/time_text.h"

namespace ds01::admission::test {
namespace {

namespace json = boost::json;

std::string str(const json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

std::string str(const json::object& from, std::string_view key, std::string fallback) {
  const json::value* found = from.if_contains(key);
  return found == nullptr ? fallback : str(*found);
}

bool truth(const json::object& from, std::string_view key, bool fallback) {
  const json::value* found = from.if_contains(key);
  return found == nullptr ? fallback : found->as_bool();
}

// null in the file: no limit.
template <typename Amount>
void readLimit(const json::object& from, std::string_view key, std::optional<Amount>& limit) {
  const json::value* found = from.if_contains(key);
  if (found == nullptr) return;
  if (found->is_null()) {
    limit.reset();
  } else {
    limit = Amount{found->as_int64()};
  }
}

void readLimits(const json::object& from, Limits& limits) {
  limits.group = str(from, "group", limits.group);
  limits.host_network = truth(from, "host_network", limits.host_network);
  limits.host_ipc = truth(from, "host_ipc", limits.host_ipc);
  if (const json::value* names = from.if_contains("capabilities")) {
    for (const json::value& name : names->as_array()) limits.capabilities.insert(str(name));
  }
  limits.run_as_owner = truth(from, "run_as_owner", limits.run_as_owner);
  readLimit(from, "max_cpu_millis", limits.max_cpus);
  readLimit(from, "memory", limits.memory);
  readLimit(from, "memory_swap", limits.memory_swap);
  readLimit(from, "shm_size", limits.shm_size);
  readLimit(from, "pids_limit", limits.pids_limit);
}

void readEngine(const json::object& from, EngineFacts& engine) {
  if (const json::value* api = from.if_contains("api_minor")) engine.api = {1, static_cast<int>(api->as_int64())};
  if (const json::value* cpus = from.if_contains("cpus")) engine.cpus = cpus->as_int64();
  engine.swap_limit = truth(from, "swap_limit", engine.swap_limit);
  engine.pids_limit = truth(from, "pids_limit", engine.pids_limit);
  engine.apparmor = truth(from, "apparmor", engine.apparmor);
  engine.default_runtime = str(from, "default_runtime", engine.default_runtime);
}

MountFact readMount(const json::object& from) {
  const auto number = [&from](std::string_view key) {
    const json::value* found = from.if_contains(key);
    return found == nullptr ? 0 : found->as_int64();
  };
  return {.type = str(from, "type", "volume"),
          .source = str(from, "source", ""),
          .target = str(from, "target", ""),
          .read_only = truth(from, "read_only", false),
          .subpath = str(from, "subpath", ""),
          .tmpfs_size = number("tmpfs_size"),
          .tmpfs_mode = number("tmpfs_mode")};
}

ContainerFact readContainer(const json::object& from) {
  ContainerFact fact{.id = ContainerId(str(from.at("id"))),
                     .own = from.at("own").as_bool(),
                     .has_folders = truth(from, "folders", false),
                     .host_ipc = truth(from, "host_ipc", false)};
  if (const json::value* mounts = from.if_contains("mounts")) {
    for (const json::value& mount : mounts->as_array()) fact.mounts.push_back(readMount(mount.as_object()));
  }
  return fact;
}

void readFacts(const json::object& from, Facts& facts) {
  facts.caller.admin = truth(from, "admin", false);
  facts.caller.user.login = str(from, "login", facts.caller.user.login);
  facts.user_agent = str(from, "user_agent", facts.user_agent);
  facts.container_name = str(from, "container_name", "");
  facts.cgroup_parent = str(from, "cgroup_parent", facts.cgroup_parent);
  if (const json::value* gids = from.if_contains("gids")) {
    facts.caller.user.gids = json::value_to<std::vector<std::uint32_t>>(*gids);
  }
  if (const json::value* limits = from.if_contains("limits")) readLimits(limits->as_object(), facts.limits);
  if (const json::value* engine = from.if_contains("engine")) readEngine(engine->as_object(), facts.engine);
  if (const json::value* env = from.if_contains("image_env")) {
    for (const json::value& variable : env->as_array()) facts.image_env.push_back(str(variable));
  }
  if (const json::value* labels = from.if_contains("image_labels")) {
    for (const json::value& key : labels->as_array()) facts.image_labels.insert(str(key));
  }
  if (const json::value* containers = from.if_contains("containers")) {
    for (const auto& [ref, fact] : containers->as_object()) {
      facts.containers[std::string(ref)] = readContainer(fact.as_object());
    }
  }
  if (const json::value* networks = from.if_contains("networks")) {
    for (const auto& [ref, fact] : networks->as_object()) {
      facts.networks[std::string(ref)] = {str(fact.at("id")), str(fact.at("name")),
                                          truth(fact.as_object(), "own", false)};
    }
  }
  if (const json::value* volumes = from.if_contains("volumes")) {
    for (const auto& [name, fact] : volumes->as_object()) {
      facts.volumes[std::string(name)] = {truth(fact.as_object(), "own", false)};
    }
  }
  facts.image_user = str(from, "image_user", "");
  facts.image_dev_container = str(from, "image_dev_container", "");
  if (const json::value* paths = from.if_contains("image_volumes")) {
    for (const json::value& path : paths->as_array()) facts.image_volumes.push_back(str(path));
  }
  if (const json::value* binds = from.if_contains("binds")) {
    for (const auto& [source, fact] : binds->as_object()) {
      facts.binds[std::string(source)] = {.resolved = str(fact.as_object(), "resolved", ""),
                                          .refusal = str(fact.as_object(), "refusal", ""),
                                          .writable = !fact.as_object().contains("read_only"),
                                          .warning = str(fact.as_object(), "warning", ""),
                                          .socket = truth(fact.as_object(), "socket", false),
                                          .shared = truth(fact.as_object(), "shared", false),
                                          .mapped = truth(fact.as_object(), "mapped", true)};
    }
  }
}

void readLease(const json::object& from, Completion& completion) {
  const std::string emitter = str(from, "emitter", "sim");
  completion.emitter = emitter == "nvidia" ? Emitter::Nvidia : emitter == "cdi" ? Emitter::Cdi : Emitter::Sim;
  if (const json::value* nodes = from.if_contains("device_nodes")) {
    for (const json::value& node : nodes->as_array()) completion.device_nodes.push_back(str(node));
  }
  const json::value* lease = from.if_contains("lease");
  if (lease == nullptr) return;
  completion.lease.emplace();
  completion.lease->id = LeaseId(str(lease->at("id")));
  completion.lease->since = parseRfc3339(str(lease->at("since"))).value();
  completion.lease->profile = str(lease->as_object(), "profile", "");
  for (const json::value& entry : lease->at("slots").as_array()) {
    GpuSlot slot;
    slot.slot = str(entry.at("slot"));
    slot.uuid = str(entry.at("uuid"));
    completion.lease->uuids.push_back(slot.uuid);
    completion.slots.push_back(slot);
  }
  completion.lease->count = static_cast<std::int64_t>(completion.slots.size());
}

}  // namespace

Facts student() {
  Facts facts;
  facts.caller.user.uid = 1001;
  facts.caller.user.gid = 1001;
  facts.caller.user.login = "alice@example.edu";
  facts.caller.user.home = "/home/alice";
  facts.limits.group = "student";
  facts.limits.max_cpus = CpuMillis{32'000};
  facts.limits.memory = Bytes{32LL << 30};
  facts.limits.memory_swap = Bytes{32LL << 30};
  facts.limits.shm_size = Bytes{16LL << 30};
  facts.limits.pids_limit = 4096;
  facts.engine.api = {1, 41};
  facts.engine.cpus = 64;
  facts.engine.swap_limit = true;
  facts.user_agent = "Docker-Client/20.10.24+dfsg1 (linux)";
  facts.cgroup_parent = "ds01-student-alice.slice";
  facts.now = parseRfc3339("2026-11-23T20:55:10.123Z").value();
  return facts;
}

Scenario readScenario(const json::object& from) {
  Scenario scenario;
  scenario.facts = student();
  readFacts(from, scenario.facts);
  readLease(from, scenario.completion);
  return scenario;
}

json::object parseObject(std::string_view text) {
  return json::parse(text).as_object();
}

std::string pretty(const json::value& value, std::size_t level) {
  const std::string inner = "\n" + std::string(level + 1, ' ');
  const std::string end = "\n" + std::string(level, ' ');
  std::string out;
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [key, member] : *object) {
      out += (out.empty() ? "{" : ",") + inner + json::serialize(json::string(key)) + ": " + pretty(member, level + 1);
    }
    return out + end + "}";
  }
  if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const json::value& element : *array) out += (out.empty() ? "[" : ",") + inner + pretty(element, level + 1);
    return out + end + "]";
  }
  return json::serialize(value);
}

}  // namespace ds01::admission::test
