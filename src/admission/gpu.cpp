#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admission/environment.h"
#include "admission/json_access.h"
#include "admission/labels.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// What moby's NVIDIA driver knows (daemon/nvidia_linux.go): "gpu" and "nvidia" select it, the rest are its own.
constexpr std::array<std::string_view, 9> kCapabilities{"gpu",     "nvidia", "compute", "compat32", "graphics",
                                                        "utility", "video",  "display", "ngx"};
constexpr std::string_view kWhere = "HostConfig.DeviceRequests";

bool plainName(std::string_view name, std::size_t longest, std::string_view signs) {
  return !name.empty() && name.size() <= longest && std::ranges::all_of(name, [signs](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           signs.find(c) != std::string_view::npos;
  });
}

bool selectsNvidia(const json::value& alternative) {
  const json::array* wanted = alternative.if_array();
  return wanted != nullptr && !wanted->empty() && std::ranges::all_of(*wanted, [](const json::value& element) {
           return element.is_string() &&
                  std::ranges::find(kCapabilities, view(element.get_string())) != kCapabilities.end();
         });
}

// Capabilities are alternatives, each a list of which all must be there; dockerd takes the first that a driver has
// (pkg/capabilities). We take the same one, and send on no other.
std::expected<json::array, Denial> chosenCapabilities(const json::object& request) {
  if (const json::array* alternatives = array(request, "Capabilities")) {
    const auto chosen = std::ranges::find_if(*alternatives, selectsNvidia);
    if (chosen != alternatives->end()) return json::array{*chosen};
  }
  const std::string known = fmt::format("{}", fmt::join(std::span(kCapabilities).subspan(1), ", "));
  return std::unexpected(explained(
      forbidden("device_request",
                fmt::format("a device request ({}[].Capabilities) must ask for \"gpu\", as --gpus and compose's "
                            "capabilities: [gpu] do; known beside it are {}",
                            kWhere, known)),
      {fmt::format("{}[].Capabilities", kWhere), "", "gpu, " + known},
      "Ask with --gpus 1, in compose with capabilities: [gpu]."));
}

// The --gpus for the names that NVIDIA's toolkit gives in CDI: nvidia.com/gpu=0, nvidia.com/gpu=all, ….
std::string gpusFlagForCdi(const json::object& request) {
  static constexpr std::string_view kKind = "nvidia.com/gpu=";
  const auto names = strings(request, "DeviceIDs", "");
  if (!names || names->size() != 1 || !names->front().starts_with(kKind)) return "--gpus 1";
  const std::string device = names->front().substr(kKind.size());
  return device == "all" ? "--gpus all" : fmt::format("--gpus device={}", shown(device));
}

Verdict checkRequest(const json::object& request) {
  const std::string_view driver = text(request, "Driver");
  if (!driver.empty() && driver != "nvidia") {
    // CLI 28 makes this of `--device nvidia.com/gpu=0`.
    const std::string gpus = driver == "cdi" ? gpusFlagForCdi(request) : "--gpus 1";
    return explained(
        forbidden("device_request", fmt::format("the device driver {} ({}[].Driver) is not allowed here; use "
                                                "{} instead",
                                                shown(driver), kWhere, gpus)),
        {fmt::format("{}[].Driver", kWhere), shown(driver), "nothing, nvidia"}, fmt::format("Ask with {}.", gpus));
  }
  if (isSet(request, "Options")) {
    return explained(forbidden("device_request",
                               fmt::format("options of a device request ({}[].Options) are not allowed here; leave "
                                           "them out",
                                           kWhere)),
                     {fmt::format("{}[].Options", kWhere), "", "nothing"}, "Leave the options out.");
  }
  return std::nullopt;
}

std::expected<GpuRequest, Denial> readDevices(std::vector<std::string> ids) {
  std::set<std::string> seen;
  for (const std::string& id : ids) {
    if (!plainName(id, 96, ":._-")) {
      return std::unexpected(
          malformed("device_request", fmt::format("{} is no GPU (--gpus device=…, {}[].DeviceIDs); name a "
                                                  "slot, an index or a UUID",
                                                  shown(id), kWhere)));
    }
    if (!seen.insert(id).second) {
      return std::unexpected(
          malformed("device_request", fmt::format("the GPU {} is named twice ({}[].DeviceIDs)", id, kWhere)));
    }
  }
  GpuRequest wanted;
  wanted.kind = GpuRequest::Kind::Devices;
  wanted.count = static_cast<std::int64_t>(ids.size());
  wanted.devices = std::move(ids);
  return wanted;
}

std::expected<GpuRequest, Denial> readCount(std::int64_t count, const Facts& facts) {
  // Compose 1.29 sends 0 for a service that says neither how many nor which; its manual says that this means all.
  if (count == 0 && facts.user_agent.starts_with("docker-compose/")) count = -1;
  if (count < -1 || count == 0) {
    return std::unexpected(explained(
        malformed("device_request",
                  fmt::format("a device request ({}) asks for {} GPUs; use --gpus N with N ≥ 1, --gpus all or "
                              "--gpus device=0 for the GPU 0; leave it out for none",
                              kWhere, count)),
        {fmt::format("{}[].Count", kWhere), std::to_string(count), "1 or more, -1 for all"},
        count == 0 ? "Leave --gpus out for no GPU; --gpus 1 is one GPU, --gpus device=0 the GPU 0."
                   : "Use --gpus 1, or --gpus all."));
  }
  GpuRequest wanted;
  wanted.kind = count == -1 ? GpuRequest::Kind::All : GpuRequest::Kind::Count;
  wanted.count = count == -1 ? 1 : count;
  return wanted;
}

std::expected<GpuRequest, Denial> readRequest(const json::object& request, const Facts& facts) {
  const auto count = integer(request, "Count", "HostConfig.DeviceRequests[].");
  if (!count) return std::unexpected(count.error());
  auto ids = strings(request, "DeviceIDs", "HostConfig.DeviceRequests[].");
  if (!ids) return std::unexpected(ids.error());
  if (ids->empty()) return readCount(*count, facts);
  if (*count == 0) return readDevices(std::move(*ids));
  return std::unexpected(malformed(
      "device_request", fmt::format("a device request ({}) has both Count and DeviceIDs; give one of them", kWhere)));
}

std::expected<std::string, Denial> readProfile(const Context& context) {
  const json::object* labels = object(std::as_const(context.body()), "Labels");
  std::string profile(labels == nullptr ? std::string_view{} : text(*labels, kRequestProfile));
  if (profile.empty() || plainName(profile, 32, ".+_")) return profile;
  return std::unexpected(malformed(
      "profile", fmt::format("the label {} holds {}, which is no profile; use full or a MIG profile like 2g.20gb",
                             kRequestProfile, shown(profile))));
}

}  // namespace

Verdict takeGpuRequest(Context& context) {
  auto profile = readProfile(context);
  if (!profile) return profile.error();
  const json::array* requests = array(std::as_const(context.host()), "DeviceRequests");
  if (requests == nullptr && isSet(context.host(), "DeviceRequests")) {
    return malformed("field_type", fmt::format("{} must be a list", kWhere));
  }
  if (requests == nullptr || requests->empty()) {
    context.host().erase("DeviceRequests");
    return std::nullopt;
  }
  if (requests->size() > 1) {
    return explained(
        forbidden("device_request",
                  fmt::format("one device request only is allowed here ({}); ask for all GPUs in one --gpus", kWhere)),
        {std::string(kWhere), fmt::format("{} requests", requests->size()), "one request"},
        "Ask once for all GPUs: --gpus 2, or --gpus '\"device=0,1\"'; in compose one entry under devices.");
  }
  const json::object* request = requests->front().if_object();
  if (request == nullptr) return malformed("field_type", fmt::format("{} must be a list of objects", kWhere));
  if (Verdict denial = checkRequest(*request)) return denial;
  auto capabilities = chosenCapabilities(*request);
  if (!capabilities) return capabilities.error();
  auto wanted = readRequest(*request, context.facts);
  if (!wanted) return wanted.error();
  wanted->profile = std::move(*profile);
  context.out.capabilities = std::move(*capabilities);
  context.out.gpu = std::move(*wanted);
  context.host().erase("DeviceRequests");
  return std::nullopt;
}

Verdict cleanEnvironment(Context& context) {
  auto variables = strings(context.body(), "Env", "");
  if (!variables) return variables.error();
  json::array kept;
  bool pointless = false;
  for (const std::string& variable : *variables) {
    if (!choosesGpus(environmentKey(variable))) {
      kept.emplace_back(variable);
      continue;
    }
    const std::string_view value = std::string_view(variable).substr(environmentKey(variable).size());
    pointless = pointless || (!value.empty() && value != "=" && value != "=void" && value != "=none");
  }
  std::set<std::string_view> neutralised;
  // Between our look at the image and the Engine's, its tag can be moved to an image that sets these; what the request
  // says wins. Only where NVIDIA's runtime reads them: a GPU was asked for, or it is the default for all.
  if (context.out.gpu || context.facts.engine.default_runtime != "runc") {
    for (const std::string_view key : kOtherChoices) {
      neutralised.insert(key);
      kept.emplace_back(std::string(key) + "=");
    }
  }
  for (const std::string& variable : context.facts.image_env) {
    const std::string_view key = environmentKey(variable);
    // NVIDIA_VISIBLE_DEVICES itself is always set by complete().
    if (!choosesGpus(key) || key == kVisibleDevices || !neutralised.insert(key).second) continue;
    kept.emplace_back(std::string(key) + "=");
  }
  context.body()["Env"] = std::move(kept);
  if (pointless && !context.out.gpu) {
    context.out.warnings.emplace_back("ds01: environment variables do not give GPUs here; use --gpus");
  }
  return std::nullopt;
}

}  // namespace ds01::admission
