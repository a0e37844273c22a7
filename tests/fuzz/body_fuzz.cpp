// The body of POST /containers/create as a user sends it, through guard, look-up, examination and completion: whatever
// comes out is ours, within the limits, and would be admitted again unchanged.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>

#include "admission/admission.h"
#include "admission/body_schema.h"
#include "admission/environment.h"
#include "admission/json_access.h"
#include "admission/json_guard.h"
#include "admission/mount_spec.h"
#include "fuzz/property.h"
#include "unit/admission/facts_json.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;
using fuzz::require;

// Docker's defaults (moby's oci/caps) without MKNOD.
constexpr std::array<std::string_view, 13> kDefaultCapabilities{
    "chown",   "dac_override", "fsetid",           "fowner",     "net_raw", "setgid",     "setuid",
    "setfcap", "setpcap",      "net_bind_service", "sys_chroot", "kill",    "audit_write"};
constexpr std::string_view kHome = "/home/alice";
constexpr std::string_view kLeaseUuid = "GPU-ours";
const std::string kOwnId(64, 'a');
const std::string kOwnNetwork(64, 'c');
const std::string kHostNetwork(64, 'e');

BindFact bindFact(std::string_view source) {
  const std::string clean = cleanPath(source);
  if (atOrBelow(clean, kHome)) return {.resolved = clean, .refusal = "", .writable = true, .warning = ""};
  return {.resolved = "", .refusal = "it is not below your home", .writable = true, .warning = ""};
}

// What the gateway would have looked up for this body.
Facts factsFor(const json::object& body, bool admin) {
  Facts facts = test::student();
  facts.caller.admin = admin;
  facts.image_env = {"NVIDIA_VISIBLE_DEVICES=all", "nvidia_visible_devices=0", "PATH=/bin"};
  facts.image_labels = {"ds01.interface", "maintainer"};
  const References named = references(body);
  for (const std::string& source : named.bind_sources) facts.binds[source] = bindFact(source);
  for (const std::string& ref : named.containers) {
    if (ref == "own" || ref == kOwnId) {
      facts.containers[ref] = {ContainerId(kOwnId), true};
      const std::string folder = ref == "own" ? "/home/alice/own" : "/etc";
      facts.containers[ref].mounts = {{.type = "bind", .source = folder, .target = "/x"},
                                      {.type = "volume", .source = "data", .target = "/z"}};
      facts.binds[folder] = bindFact(folder);
    }
    if (ref == "bob") facts.containers[ref] = {ContainerId(std::string(64, 'b')), false};
  }
  for (const std::string& ref : named.networks) {
    if (ref.starts_with("beef") || ref == kHostNetwork) facts.networks[ref] = {kHostNetwork, "host"};
    if (ref.starts_with("cafe") || ref == kOwnNetwork) facts.networks[ref] = {kOwnNetwork, "lab"};
  }
  return facts;
}

Completion completionFor(const Examined& examined) {
  Completion completion;
  completion.emitter = Emitter::Nvidia;
  if (!examined.gpu) return completion;
  completion.lease.emplace();
  completion.lease->id = LeaseId("L00000000000000aa");
  completion.lease->uuids = {std::string(kLeaseUuid)};
  completion.slots.resize(1);
  completion.slots[0].slot = "3";
  return completion;
}

void checkEnvironment(const json::object& body, bool leased) {
  const json::array& env = body.at("Env").as_array();
  const std::string ours = std::string(kVisibleDevices) + "=" + (leased ? std::string(kLeaseUuid) : "void");
  std::size_t choosing = 0;
  for (const json::value& variable : env) {
    const std::string_view text = view(variable.as_string());
    if (!choosesGpus(environmentKey(text))) continue;
    if (environmentKey(text) == kVisibleDevices) ++choosing;
    require(text == ours || text == std::string(environmentKey(text)) + "=", "no variable of the user's chooses GPUs",
            text);
  }
  require(choosing == 1 && view(env.back().as_string()) == ours, "NVIDIA_VISIBLE_DEVICES is ours, once and last");
}

void checkLabels(const json::object& body, bool leased) {
  const json::object& labels = body.at("Labels").as_object();
  require(text(labels, "ds01.user") == "alice@example.edu", "the owner's label is ours");
  require(text(labels, "ds01.lease") == (leased ? "L00000000000000aa" : ""), "the lease's label is ours");
  require(text(labels, "ds01.interface").empty(), "labels of the image are neutralised");
  require(text(labels, "ds01.protected").empty(), "nobody protects themselves");
  for (const auto& label : labels) {
    const std::string_view key(label.key().data(), label.key().size());
    require(!key.starts_with("aime.mlc"), "labels that readers act on are ours", key);
  }
}

void within(const json::object& host, std::string_view field, std::int64_t most) {
  const json::value* value = get(host, field);
  require(value != nullptr && value->is_int64() && value->get_int64() > 0 && value->get_int64() <= most,
          "a limit is set and not above the user's", field);
}

void checkLimits(const json::object& host) {
  const Limits limits = test::student().limits;
  within(host, "Memory", limits.memory->count);
  within(host, "MemorySwap", limits.memory_swap->count);
  within(host, "ShmSize", limits.shm_size->count);
  within(host, "PidsLimit", *limits.pids_limit);
  require(integer(host, "MemorySwap", "").value() >= integer(host, "Memory", "").value(), "swap counts the memory");
  require(integer(host, "MemoryReservation", "").value() <= integer(host, "Memory", "").value(),
          "a reservation is below the memory");
  const std::int64_t quota = integer(host, "CpuQuota", "").value();
  if (!isSet(host, "CpuQuota")) {
    within(host, "NanoCpus", limits.max_cpus->count * 1'000'000);
    return;
  }
  const std::int64_t period = isSet(host, "CpuPeriod") ? integer(host, "CpuPeriod", "").value() : 100'000;
  require(!isSet(host, "NanoCpus"), "NanoCpus does not stand beside a quota");
  require(quota > 0 && quota <= std::max<std::int64_t>(period * limits.max_cpus->count / 1000, 1000),
          "the quota is not above the user's CPUs");
}

void checkTarget(std::string_view target) {
  const std::string clean = cleanPath(target);
  for (const std::string_view taken : {"/var/run/nvidia-container-devices", "/run/nvidia-container-devices"}) {
    require(!atOrBelow(clean, taken), "no mount asks for GPUs", target);
  }
}

void checkMounts(const json::object& body, const json::object& host) {
  for (const std::string& text : strings(host, "Binds", "").value()) {
    const auto bind = parseBind(text);
    require(bind.has_value(), "a bind is one to Docker", text);
    checkTarget(bind->target);
    if (bind->kind != BindSpec::Kind::HostPath) continue;
    require(bind->source == cleanPath(bind->source) && atOrBelow(bind->source, kHome), "binds are of the home", text);
    for (const std::string_view option : {"shared", "rshared", "slave", "rslave", "z", "Z"}) {
      require(!bind->has(option), "binds touch nothing of the host's", text);
    }
  }
  if (const json::array* mounts = array(host, "Mounts")) {
    for (const json::value& element : *mounts) {
      const json::object& mount = element.as_object();
      checkTarget(text(mount, "Target"));
      const std::string_view type = text(mount, "Type");
      require(type == "bind" || type == "volume" || type == "tmpfs" || type == "image", "mounts are of known types");
      if (type == "bind") require(atOrBelow(text(mount, "Source"), kHome), "mounts are of the home");
      const json::object* options = object(mount, "VolumeOptions");
      const json::object* driver = options == nullptr ? nullptr : object(*options, "DriverConfig");
      require(driver == nullptr || !isSet(*driver, "Options"), "volumes have no options of the driver");
    }
  }
  for (const json::object* map : {object(body, "Volumes"), object(host, "Tmpfs")}) {
    if (map == nullptr) continue;
    for (const auto& entry : *map) checkTarget({entry.key().data(), entry.key().size()});
  }
}

void checkHost(const json::object& host, bool leased) {
  require(text(host, "CgroupParent") == "ds01-student-alice.slice", "the cgroup parent is ours");
  for (const std::string_view field :
       {"Privileged", "Devices", "DeviceCgroupRules", "Sysctls", "Annotations", "VolumesFrom", "Cgroup",
        "OomKillDisable", "KernelMemory", "MaskedPaths", "ReadonlyPaths", "UTSMode", "UsernsMode", "Capabilities"}) {
    require(!isSet(host, field), "what is closed to users is unset", field);
  }
  require(text(host, "Runtime").empty() || text(host, "Runtime") == "runc", "the runtime is the Engine's default");
  for (const std::string_view field : {"NetworkMode", "IpcMode", "PidMode", "CgroupnsMode"}) {
    const std::string_view mode = text(host, field);
    require(mode != "host" && mode != kHostNetwork && !mode.starts_with("ns:"), "no namespace of the host's", field);
    require(!mode.starts_with("container:") || mode == "container:" + kOwnId, "namespaces of own containers only",
            mode);
  }
  const std::string_view network = text(host, "NetworkMode");
  require(network.empty() || network == kOwnNetwork || network.starts_with("container:") ||
              network.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos,
          "a network is named by what is no id, or by its full id", network);
  for (const std::string& link : strings(host, "Links", "").value()) {
    require(link.starts_with(kOwnId + ":"), "links to own containers only", link);
  }
  for (const std::string& option : strings(host, "SecurityOpt", "").value()) {
    require(option.starts_with("no-new-privileges"), "confinement stays", option);
  }
  for (const std::string& name : strings(host, "CapAdd", "").value()) {
    std::string plain = foldKey(name);
    if (plain.starts_with("cap_")) plain.erase(0, 4);
    require(std::ranges::find(kDefaultCapabilities, plain) != kDefaultCapabilities.end(), "no capability is new", name);
  }
  const std::vector<std::string> dropped = strings(host, "CapDrop", "").value();
  require(std::ranges::any_of(dropped, [](const std::string& name) { return name != "" && name.size() < 10; }) &&
              std::ranges::any_of(dropped,
                                  [](const std::string& name) {
                                    return name == "MKNOD" || name == "CAP_MKNOD" || name == "ALL" || name == "all";
                                  }),
          "nobody makes device nodes");
  require(isSet(host, "DeviceRequests") == leased, "GPUs by lease only");
  if (!leased) return;
  const json::array& requests = host.at("DeviceRequests").as_array();
  require(requests.size() == 1 && requests[0].at("DeviceIDs") == json::array{kLeaseUuid} &&
              requests[0].at("Count") == 0 && requests[0].at("Driver") == "nvidia",
          "the device request is ours");
}

// The body that comes out, as a new request of the same user, is admitted as it is.
void checkFixedPoint(const json::object& out, const GuardOptions& options) {
  const std::string sent = json::serialize(out);
  auto guarded = guardBody("POST", "/containers/create", sent, options);
  require(guarded.has_value(), "what is sent on passes the guard", guarded ? sent : guarded.error().text + "\n" + sent);
  require(*guarded == out, "what is sent on has one reading", sent);
  if (isSet(out.at("HostConfig").as_object(), "DeviceRequests")) return;  // asks for another slot
  const Facts facts = factsFor(*guarded, false);
  auto examined = examine(std::move(*guarded), facts);
  require(examined.has_value(), "what was admitted is admitted", examined ? sent : examined.error().text + "\n" + sent);
  const json::object again = complete(std::move(*examined), Completion{});
  require(again == out, "admitting twice changes nothing", sent + "\n" + json::serialize(again));
}

void takeAsUser(std::string_view bytes) {
  const GuardOptions options{.admin = false, .engine = {1, 43}};
  auto body = guardBody("POST", "/containers/create", bytes, options);
  if (!body) return require(body.error().http_status == 400 && !body.error().text.empty(), "a refusal has a sentence");
  const Facts facts = factsFor(*body, false);
  auto examined = examine(std::move(*body), facts);
  if (!examined) {
    const int status = examined.error().http_status;
    return require((status == 400 || status == 403) && !examined.error().text.empty(), "a refusal has a sentence");
  }
  const Completion completion = completionFor(*examined);
  const bool leased = completion.lease.has_value();
  const json::object out = complete(std::move(*examined), completion);
  const json::object& host = out.at("HostConfig").as_object();
  checkEnvironment(out, leased);
  checkLabels(out, leased);
  checkLimits(host);
  checkHost(host, leased);
  checkMounts(out, host);
  checkFixedPoint(out, options);
}

// Admins may ask for more; their containers are labelled and leased all the same.
void takeAsAdmin(std::string_view bytes) {
  auto body = guardBody("POST", "/containers/create", bytes, {.admin = true, .engine = {1, 43}});
  if (!body) return;
  const Facts facts = factsFor(*body, true);
  auto examined = examine(std::move(*body), facts);
  if (!examined) return;
  const Completion completion = completionFor(*examined);
  const json::object out = complete(std::move(*examined), completion);
  checkEnvironment(out, completion.lease.has_value());
  checkLabels(out, completion.lease.has_value());
}

}  // namespace
}  // namespace ds01::admission

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::admission::takeAsUser(ds01::fuzz::asText(data, size));
  if (size % 4 == 0) ds01::admission::takeAsAdmin(ds01::fuzz::asText(data, size));
  return 0;
}
