#include "docker/codec.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "docker/container_list.h"
#include "docker/container_mounts.h"

namespace ds01::docker {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 64;

Error malformed(std::string_view what, std::string_view why) {
  return {ErrorCode::Malformed, fmt::format("the Engine's {}: {}", what, why)};
}

Result<json::value> parse(std::string_view text, std::string_view what) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code code;
  json::value value = json::parse({text.data(), text.size()}, code, {}, options);
  if (code) return fail(malformed(what, code.message()));
  return value;
}

Result<json::object> parseObject(std::string_view text, std::string_view what) {
  auto value = parse(text, what);
  if (!value) return fail(value.error());
  if (!value->is_object()) return fail(malformed(what, "not an object"));
  return std::move(value->get_object());
}

// Absent, null and of another kind are all "not there".
const json::object* objectAt(const json::object* from, std::string_view key) {
  if (from == nullptr) return nullptr;
  const json::value* value = from->if_contains({key.data(), key.size()});
  return value == nullptr ? nullptr : value->if_object();
}

std::string stringAt(const json::object* from, std::string_view key) {
  if (from == nullptr) return {};
  const json::value* value = from->if_contains({key.data(), key.size()});
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string().data(), value->get_string().size()));
}

bool boolAt(const json::object& from, std::string_view key, bool otherwise) {
  const json::value* value = from.if_contains({key.data(), key.size()});
  return value != nullptr && value->is_bool() ? value->get_bool() : otherwise;
}

// 0 for what is no pid.
std::int32_t pidAt(const json::object& from, std::string_view key) {
  const json::value* value = from.if_contains({key.data(), key.size()});
  const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number != nullptr && std::in_range<std::int32_t>(*number) && *number > 0 ? static_cast<std::int32_t>(*number)
                                                                                  : 0;
}

std::map<std::string, std::string> stringsAt(const json::object* from, std::string_view key) {
  std::map<std::string, std::string> out;
  const json::object* object = objectAt(from, key);
  if (object == nullptr) return out;
  for (const auto& [name, value] : *object) {
    if (value.is_string()) out.insert_or_assign(std::string(name), std::string(value.get_string()));
  }
  return out;
}

std::vector<std::string> textsAt(const json::object& from, std::string_view key) {
  std::vector<std::string> out;
  const json::value* value = from.if_contains({key.data(), key.size()});
  const json::array* list = value == nullptr ? nullptr : value->if_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if ((*list)[i].is_string()) out.emplace_back(std::string_view((*list)[i].get_string()));
  }
  return out;
}

std::int64_t integerAt(const json::object* from, std::string_view key) {
  const json::value* value = from != nullptr ? from->if_contains(key) : nullptr;
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::vector<DeviceRequestView> deviceRequestsAt(const json::object* from) {
  std::vector<DeviceRequestView> out;
  const json::value* value = from != nullptr ? from->if_contains("DeviceRequests") : nullptr;
  const json::array* list = value != nullptr ? value->if_array() : nullptr;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::object* item = (*list)[i].if_object();
    if (item == nullptr) continue;
    DeviceRequestView request;
    request.driver = stringAt(item, "Driver");
    request.count = integerAt(item, "Count");
    request.ids = textsAt(*item, "DeviceIDs");
    const json::value* sets = item->if_contains("Capabilities");
    const json::array* all = sets != nullptr ? sets->if_array() : nullptr;
    for (std::size_t s = 0; all != nullptr && s < all->size(); ++s) {
      const json::array* set = (*all)[s].if_array();
      request.gpu = request.gpu || (set != nullptr && std::ranges::find(*set, json::value("gpu")) != set->end());
    }
    out.push_back(std::move(request));
  }
  return out;
}

std::vector<std::string> devicePathsAt(const json::object* from) {
  std::vector<std::string> out;
  const json::value* value = from != nullptr ? from->if_contains("Devices") : nullptr;
  const json::array* list = value != nullptr ? value->if_array() : nullptr;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if (std::string path = stringAt((*list)[i].if_object(), "PathOnHost"); !path.empty())
      out.push_back(std::move(path));
  }
  return out;
}

std::vector<std::string> bindMountsAt(const json::object* from) {
  std::vector<std::string> out;
  const json::value* value = from != nullptr ? from->if_contains("Mounts") : nullptr;
  const json::array* list = value != nullptr ? value->if_array() : nullptr;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::object* mount = (*list)[i].if_object();
    if (stringAt(mount, "Type") == "bind") out.push_back(stringAt(mount, "Source"));
  }
  return out;
}

std::vector<std::string> bindSourcesAt(const json::object* from) {
  std::vector<std::string> out;
  if (from == nullptr) return out;
  for (std::string& bind : textsAt(*from, "Binds")) {
    if (!bind.starts_with('/') || bind.find(':') == std::string::npos) continue;
    bind.resize(bind.find(':'));
    out.push_back(std::move(bind));
  }
  return out;
}

void readGpuWays(const json::object* config, const json::object* host_config, ContainerView& view) {
  if (config != nullptr) view.env = textsAt(*config, "Env");
  if (host_config == nullptr) return;
  view.privileged = boolAt(*host_config, "Privileged", false);
  view.runtime = stringAt(host_config, "Runtime");
  view.devices = devicePathsAt(host_config);
  view.device_rules = textsAt(*host_config, "DeviceCgroupRules");
  view.device_requests = deviceRequestsAt(host_config);
}

// "1.41"
std::optional<ApiVersion> parseApiVersion(std::string_view text) {
  ApiVersion version;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || minor.ptr != end || version.major < 1 || version.minor < 0) return std::nullopt;
  return version;
}

// Boost.JSON reports bad text by error code, but memory by exception.
template <typename T, typename Decode>
Result<T> guarded(std::string_view what, Decode decode) {
  try {
    return decode();
  } catch (const std::exception& error) {
    return fail(malformed(what, error.what()));
  }
}

}  // namespace

Result<EngineFacts> decodeFacts(std::string_view info, std::string_view version) {
  return guarded<EngineFacts>("facts", [&]() -> Result<EngineFacts> {
    const auto about = parseObject(info, "/info");
    if (!about) return fail(about.error());
    const auto versions = parseObject(version, "/version");
    if (!versions) return fail(versions.error());
    EngineFacts facts;
    const auto api = parseApiVersion(stringAt(&*versions, "ApiVersion"));
    if (!api) return fail(malformed("/version", "no ApiVersion"));
    facts.api = *api;
    const json::value* cpus = about->if_contains("NCPU");
    if (cpus == nullptr || !cpus->is_int64() || cpus->get_int64() < 1) return fail(malformed("/info", "no NCPU"));
    facts.cpus = cpus->get_int64();
    facts.swap_limit = boolAt(*about, "SwapLimit", false);
    facts.pids_limit = boolAt(*about, "PidsLimit", true);
    facts.systemd_cgroups = stringAt(&*about, "CgroupDriver") == "systemd";
    facts.cdi_spec_dirs = textsAt(*about, "CDISpecDirs");
    facts.cgroup_v2 = stringAt(&*about, "CgroupVersion") == "2";
    // "name=seccomp,profile=default"
    const std::vector<std::string> options = textsAt(*about, "SecurityOptions");
    facts.apparmor = std::ranges::any_of(options, [](const std::string& option) {
      return option == "name=apparmor" || option.starts_with("name=apparmor,");
    });
    if (std::string name = stringAt(&*about, "DefaultRuntime"); !name.empty()) facts.default_runtime = std::move(name);
    return facts;
  });
}

Result<ContainerView> decodeContainer(std::string_view text) {
  return guarded<ContainerView>("container", [&]() -> Result<ContainerView> {
    const auto object = parseObject(text, "container");
    if (!object) return fail(object.error());
    const json::object* config = objectAt(&*object, "Config");
    const json::object* host_config = objectAt(&*object, "HostConfig");
    ContainerView view;
    view.id = ContainerId(stringAt(&*object, "Id"));
    if (!isFullId(view.id.str())) return fail(malformed("container", "no full Id"));
    view.name = stringAt(&*object, "Name");
    if (view.name.starts_with('/')) view.name.erase(0, 1);
    // The name that was asked for; the one at the top is its digest.
    view.image = stringAt(config, "Image");
    view.image_id = stringAt(&*object, "Image");
    if (view.image.empty()) view.image = view.image_id;
    view.created = stringAt(&*object, "Created");
    const json::object* state = objectAt(&*object, "State");
    view.status = stringAt(state, "Status");
    if (view.status.empty()) return fail(malformed("container", "no State.Status"));
    view.pid = pidAt(*state, "Pid");
    view.labels = stringsAt(config, "Labels");
    view.cgroup_parent = stringAt(host_config, "CgroupParent");
    view.network_mode = stringAt(host_config, "NetworkMode");
    view.ipc_mode = stringAt(host_config, "IpcMode");
    view.memory = integerAt(host_config, "Memory");
    view.shm_size = integerAt(host_config, "ShmSize");
    view.nano_cpus = integerAt(host_config, "NanoCpus");
    view.cpu_quota = integerAt(host_config, "CpuQuota");
    view.cpu_period = integerAt(host_config, "CpuPeriod");
    view.pids_limit = integerAt(host_config, "PidsLimit");
    view.started = stringAt(state, "StartedAt");
    const json::object* restart = objectAt(host_config, "RestartPolicy");
    view.restart = {stringAt(restart, "Name"), integerAt(restart, "MaximumRetryCount")};
    readGpuWays(config, host_config, view);
    view.bind_mounts = bindMountsAt(host_config);
    view.binds = bindSourcesAt(host_config);
    view.mounts = mountsOf(*object);
    return view;
  });
}

Result<ImageView> decodeImage(std::string_view text) {
  return guarded<ImageView>("image", [&]() -> Result<ImageView> {
    const auto object = parseObject(text, "image");
    if (!object) return fail(object.error());
    ImageView view;
    view.id = stringAt(&*object, "Id");
    if (view.id.empty()) return fail(malformed("image", "no Id"));
    view.tags = textsAt(*object, "RepoTags");
    view.digests = textsAt(*object, "RepoDigests");
    const json::object* config = objectAt(&*object, "Config");
    view.labels = stringsAt(config, "Labels");
    view.user = stringAt(config, "User");
    if (const json::object* volumes = objectAt(config, "Volumes")) {
      for (const auto& volume : *volumes) view.volumes.emplace_back(volume.key());
    }
    const json::value* env = config == nullptr ? nullptr : config->if_contains("Env");
    if (env == nullptr || env->is_null()) return view;
    // Admission searches it for ways to a GPU: what cannot be understood must not look empty.
    if (!env->is_array()) return fail(malformed("image", "Config.Env is not an array"));
    for (const json::value& item : env->get_array()) {
      if (!item.is_string()) return fail(malformed("image", "Config.Env holds more than strings"));
      view.env.emplace_back(std::string_view(item.get_string()));
    }
    return view;
  });
}

Result<ImageList> decodeImages(std::string_view text) {
  return guarded<ImageList>("images", [&]() -> Result<ImageList> {
    const auto value = parse(text, "images");
    if (!value) return fail(value.error());
    const json::array* list = value->if_array();
    if (list == nullptr) return fail(malformed("images", "not an array"));
    ImageList images;
    for (const json::value& item : *list) {
      if (!item.is_object()) return fail(malformed("images", "it holds more than objects"));
      images.ids.insert(stringAt(&item.get_object(), "Id"));
      for (std::string& tag : textsAt(item.get_object(), "RepoTags")) images.tags.insert(std::move(tag));
    }
    return images;
  });
}

Result<NetworkView> decodeNetwork(std::string_view text) {
  return guarded<NetworkView>("network", [&]() -> Result<NetworkView> {
    const auto object = parseObject(text, "network");
    if (!object) return fail(object.error());
    NetworkView view{stringAt(&*object, "Id"), stringAt(&*object, "Name"), stringsAt(&*object, "Labels")};
    if (!isFullId(view.id) || view.name.empty()) return fail(malformed("network", "no full Id or no Name"));
    return view;
  });
}

Result<VolumeView> decodeVolume(std::string_view text) {
  return guarded<VolumeView>("volume", [&]() -> Result<VolumeView> {
    const auto object = parseObject(text, "volume");
    if (!object) return fail(object.error());
    VolumeView view{stringAt(&*object, "Name"), stringsAt(&*object, "Labels")};
    if (view.name.empty()) return fail(malformed("volume", "no Name"));
    return view;
  });
}

std::string volumeBody(std::string_view name, const std::map<std::string, std::string>& labels) {
  json::object marks;
  for (const auto& [key, value] : labels) marks[key] = value;
  return json::serialize(json::object{{"Name", name}, {"Driver", "local"}, {"Labels", std::move(marks)}});
}

Result<ExecView> decodeExec(std::string_view text) {
  return guarded<ExecView>("exec", [&]() -> Result<ExecView> {
    const auto object = parseObject(text, "exec");
    if (!object) return fail(object.error());
    ExecView view;
    view.id = stringAt(&*object, "ID");
    view.container = ContainerId(stringAt(&*object, "ContainerID"));
    if (view.id.empty() || !isFullId(view.container.str())) return fail(malformed("exec", "no ID or ContainerID"));
    return view;
  });
}

Result<EngineEvent> decodeEvent(std::string_view text) {
  return guarded<EngineEvent>("event", [&]() -> Result<EngineEvent> {
    const auto object = parseObject(text, "event");
    if (!object) return fail(object.error());
    EngineEvent event;
    event.type = stringAt(&*object, "Type");
    event.action = stringAt(&*object, "Action");
    const json::object* actor = objectAt(&*object, "Actor");
    event.actor = stringAt(actor, "ID");
    event.attributes = stringsAt(actor, "Attributes");
    if (event.action.empty()) event.action = stringAt(&*object, "status");
    if (event.type.empty() && !event.action.empty()) event.type = "container";
    if (event.actor.empty()) event.actor = stringAt(&*object, "id");
    if (const std::string from = stringAt(&*object, "from"); !from.empty() && event.type == "container") {
      event.attributes.try_emplace("image", from);
    }
    if (event.type.empty() || event.action.empty()) return fail(malformed("event", "no Type and Action"));
    return event;
  });
}

std::string restartPolicyBody(const RestartPolicy& policy) {
  const json::object body{{"RestartPolicy", json::object{{"Name", policy.none() ? "no" : policy.name},
                                                         {"MaximumRetryCount", policy.max_retries}}}};
  return json::serialize(body);
}

std::optional<std::string> decodeErrorMessage(std::string_view body) {
  try {
    const auto object = parseObject(body, "error");
    if (!object) return std::nullopt;
    std::string message = stringAt(&*object, "message");
    if (message.empty()) return std::nullopt;
    return message;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::string missingImageSentence(std::string_view message) {
  const std::size_t begin = message.rfind("No such image: ");
  return std::string(begin == std::string_view::npos ? message : message.substr(begin));
}

}  // namespace ds01::docker
