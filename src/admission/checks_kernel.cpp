#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admission/body_schema.h"
#include "admission/environment.h"
#include "admission/json_access.h"
#include "admission/mount_spec.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

struct RefusedField {
  std::string_view field;  // of HostConfig
  std::string_view flag;
  std::string_view reason;
  std::string_view because;  // ends the sentence
  std::string_view remedy;
};

constexpr std::array kRefused{
    RefusedField{"Privileged", "--privileged", "privileged",
                 ": it would give the container every device and the host's kernel; for GPUs use --gpus",
                 "Leave --privileged out; for GPUs use --gpus."},
    RefusedField{"Devices", "--device", "devices", "; for GPUs use --gpus, which brings the device files along",
                 "Leave --device out; for a GPU use --gpus 1."},
    RefusedField{"DeviceCgroupRules", "--device-cgroup-rule", "device_cgroup_rules", "; for GPUs use --gpus",
                 "Leave --device-cgroup-rule out; for a GPU use --gpus 1."},
    RefusedField{"Sysctls", "--sysctl", "sysctls", "; leave it out", "Leave --sysctl out."},
    RefusedField{"Cgroup", "", "cgroup", "; every container gets a cgroup below its owner's, leave it out",
                 "Leave HostConfig.Cgroup out."},
    RefusedField{"Annotations", "--annotation", "annotations",
                 ", because runtimes take orders from it; use --label for notes of your own",
                 "Use --label instead of --annotation."},
    RefusedField{"OomKillDisable", "--oom-kill-disable", "oom_kill_disable", "; ask for more memory with -m instead",
                 "Leave --oom-kill-disable out and ask for more memory with -m."},
    RefusedField{"CpuRealtimePeriod", "--cpu-rt-period", "cpu_realtime", "; use --cpus", "Use --cpus."},
    RefusedField{"CpuRealtimeRuntime", "--cpu-rt-runtime", "cpu_realtime", "; use --cpus", "Use --cpus."},
    RefusedField{"DiskQuota", "", "disk_quota", "; leave it out", "Leave HostConfig.DiskQuota out."},
};

Verdict refuseField(Context& context, const RefusedField& refused) {
  if (!isSet(context.host(), refused.field)) return std::nullopt;
  std::string path = fmt::format("HostConfig.{}", refused.field);
  std::string name = refused.flag.empty() ? path : fmt::format("{} ({})", refused.flag, path);
  const std::string value = json::serialize(*get(context.host(), refused.field));
  return explained(
      forbidden(std::string(refused.reason), fmt::format("{} is not allowed here{}", name, refused.because)),
      {std::move(path), shown(value), "nothing"}, std::string(refused.remedy));
}

// A builder of buildx's driver docker-container asks for a container with a BuildKit of its own, privileged, of this
// name, which says nothing to somebody who typed `docker build`. Its default one uses the Engine's (POST /grpc).
constexpr std::string_view kBuildxContainer = "buildx_buildkit_";

// The --gpus that means what NVIDIA_VISIBLE_DEVICES means to NVIDIA's runtime; empty if it asks for none.
std::string gpusFlag(const Context& context) {
  const auto variables = strings(context.body(), "Env", "");
  if (!variables) return {};
  std::string devices;
  for (const std::string& variable : *variables) {
    if (environmentKey(variable) != kVisibleDevices) continue;
    devices = variable.substr(std::min(variable.size(), kVisibleDevices.size() + 1));
  }
  if (devices.empty() || devices == "void" || devices == "none") return {};
  if (devices == "all") return "--gpus all";
  const auto names_gpus = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:,").find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(devices, names_gpus)) return "--gpus 1";
  const bool several = devices.find(',') != std::string::npos;
  return several ? fmt::format("--gpus '\"device={}\"'", devices) : fmt::format("--gpus device={}", devices);
}

}  // namespace

Verdict refuseSetFields(Context& context) {
  if (isSet(context.host(), "Privileged") && context.facts.container_name.starts_with(kBuildxContainer)) {
    return explained(
        forbidden("privileged",
                  "buildx would build in a privileged container (HostConfig.Privileged), which is not allowed here; "
                  "use the classic builder (DOCKER_BUILDKIT=0) or, where BuildKit is open, docker buildx use default"),
        {"HostConfig.Privileged", "true", "nothing"}, "DOCKER_BUILDKIT=0 docker build ...");
  }
  for (const RefusedField& refused : kRefused) {
    if (Verdict denial = refuseField(context, refused)) return denial;
  }
  return std::nullopt;
}

namespace {

// Docker takes any case, with or without CAP_ in front.
std::string plainCapability(std::string_view name) {
  std::string plain = foldKey(name);
  if (plain.starts_with("cap_")) plain.erase(0, 4);
  return plain;
}

}  // namespace

Verdict withoutCapabilities(Context& context, std::initializer_list<std::string_view> names, std::string_view because) {
  const auto added = strings(context.host(), "CapAdd", "HostConfig.");
  if (!added) return added.error();
  for (const std::string_view name : names) {
    const auto asked = [&](const std::string& each) { return plainCapability(each) == plainCapability(name); };
    if (std::ranges::none_of(*added, asked)) continue;
    return explained(
        forbidden("capabilities", fmt::format("--cap-add {} (HostConfig.CapAdd) is not allowed here beside "
                                              "{}; leave one of them out",
                                              name, because)),
        {"HostConfig.CapAdd", std::string(name), "nothing"},
        fmt::format("Leave --cap-add {} or {} out.", name, because));
  }
  const auto dropped = strings(context.host(), "CapDrop", "HostConfig.");
  if (!dropped) return dropped.error();
  json::value& list = context.host()["CapDrop"];
  if (!list.is_array()) list = json::array();
  for (const std::string_view name : names) {
    const auto covers = [&](const std::string& each) {
      return plainCapability(each) == plainCapability(name) || plainCapability(each) == "all";
    };
    if (std::ranges::none_of(*dropped, covers)) list.get_array().emplace_back(name);
  }
  return std::nullopt;
}

namespace {

// Whether it was asked for.
bool erasePtrace(Context& context) {
  json::value* const value = context.host().if_contains("CapAdd");
  json::array* const added = value != nullptr ? value->if_array() : nullptr;
  if (added == nullptr) return false;
  const auto is_ptrace = [](const json::value& name) {
    return name.is_string() && plainCapability(std::string_view(name.get_string())) == "sys_ptrace";
  };
  const std::size_t before = added->size();
  for (auto name = added->begin(); name != added->end();) {
    name = is_ptrace(*name) ? added->erase(name) : name + 1;
  }
  return added->size() != before;
}

// With it a process of the container can attach to runc while that enters the container for an exec, with all
// capabilities of the host's root and not yet any filter; without a user namespace the kernel lets it. Under its
// AppArmor profile it attaches to what runs under that too, and runc does not until it has become the program that was
// asked for. Elsewhere what people name it for, debuggers and profilers on processes of the same user, mostly works
// without. So such requests run, and are told.
void confinePtrace(Context& context) {
  if (!context.facts.engine.apparmor) {
    leavePtraceOut(
        context,
        "because the Docker Engine of this server does not confine containers by AppArmor, and so it opens the host");
  } else if (erasePtrace(context)) {
    context.host().at("CapAdd").get_array().emplace_back("SYS_PTRACE");
    context.out.ptrace = true;
  }
}

}  // namespace

void leavePtraceOut(Context& context, std::string_view because) {
  if (!erasePtrace(context)) return;
  context.out.ptrace = false;
  context.out.warnings.push_back(fmt::format(
      "ds01: --cap-add SYS_PTRACE was left out, {}; debuggers work on processes of the same user without it", because));
}

// A client may name again what Docker grants by itself, most often after dropping ALL.
Verdict checkCapabilities(Context& context) {
  static constexpr std::array<std::string_view, 13> kGranted{
      "audit_write", "chown",   "dac_override", "fowner",  "fsetid", "kill",      "net_bind_service",
      "net_raw",     "setfcap", "setgid",       "setpcap", "setuid", "sys_chroot"};
  const std::set<std::string>& opened = context.facts.limits.capabilities;
  if (const auto asked = strings(context.host(), "CapAdd", "HostConfig."); !asked) return asked.error();
  confinePtrace(context);
  const auto added = strings(context.host(), "CapAdd", "HostConfig.");
  if (!added) return added.error();
  for (const std::string& name : *added) {
    const std::string plain = plainCapability(name);
    const auto is_it = [&plain](const std::string& each) { return plainCapability(each) == plain; };
    if (std::ranges::find(kGranted, plain) != kGranted.end() || std::ranges::any_of(opened, is_it)) continue;
    if (context.out.ptrace && plain == "sys_ptrace") continue;
    const std::string more = opened.empty() ? "" : fmt::format(", and may add {}", fmt::join(opened, ", "));
    const std::string allowed = opened.empty() ? "" : fmt::format(", {}", fmt::join(opened, ", "));
    return explained(forbidden("capabilities", fmt::format("--cap-add {} (HostConfig.CapAdd) is not allowed here; "
                                                           "containers run with Docker's default capabilities without "
                                                           "MKNOD{}, leave it out",
                                                           shown(name), more)),
                     {"HostConfig.CapAdd", shown(name), fmt::format("{}{}", fmt::join(kGranted, ", "), allowed)},
                     fmt::format("Leave --cap-add {} out.", shown(name)));
  }
  return std::nullopt;
}

// dockerd looks at these paths with root's eyes and says what it finds.
Verdict checkBlockDevices(Context& context) {
  for (const std::string_view field : {"BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
                                       "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps"}) {
    const json::array* limits = array(std::as_const(context.host()), field);
    if (limits == nullptr) continue;
    for (const json::value& element : *limits) {
      const json::object* limit = element.if_object();
      if (limit == nullptr)
        return malformed("field_type", fmt::format("HostConfig.{} must be a list of objects", field));
      const std::string_view path = text(*limit, "Path");
      if (path.starts_with("/dev/") && cleanPath(path) == path) continue;
      return explained(
          forbidden("block_device", fmt::format("the path {} (HostConfig.{}[].Path) is not allowed here; name a block "
                                                "device below /dev",
                                                shown(path), field)),
          {fmt::format("HostConfig.{}[].Path", field), shown(path), "a path below /dev"},
          "Name the block device itself, like /dev/sda.");
    }
  }
  return std::nullopt;
}

// With MKNOD, which Docker grants by default, root in a container makes a device node in a mounted folder and opens it
// on the host, or reaches a GPU that it has no lease for.
Verdict dropDeviceNodes(Context& context) {
  const auto dropped = strings(context.host(), "CapDrop", "HostConfig.");
  if (!dropped) return dropped.error();
  const auto covers = [](const std::string& name) {
    return name == "ALL" || name == "all" || name == "MKNOD" || name == "CAP_MKNOD";
  };
  if (std::ranges::any_of(*dropped, covers)) return std::nullopt;
  json::value& list = context.host()["CapDrop"];
  if (!list.is_array()) list = json::array();
  list.get_array().emplace_back("MKNOD");
  return std::nullopt;
}

Verdict checkSecurityOptions(Context& context) {
  const auto options = strings(context.host(), "SecurityOpt", "HostConfig.");
  if (!options) return options.error();
  for (const std::string& option : *options) {
    if (option == "no-new-privileges" || option == "no-new-privileges:true" || option == "no-new-privileges=true") {
      continue;
    }
    return explained(forbidden("security_opt", fmt::format("--security-opt {} (HostConfig.SecurityOpt) is not allowed "
                                                           "here; only no-new-privileges is, leave the rest out",
                                                           shown(option))),
                     {"HostConfig.SecurityOpt", shown(option), "no-new-privileges"},
                     fmt::format("Leave --security-opt {} out.", shown(option)));
  }
  return std::nullopt;
}

Verdict checkRuntime(Context& context) {
  const std::string_view runtime = text(context.host(), "Runtime");
  // "runc" is dockerd's own name and cannot be given to another program.
  if (runtime.empty() || runtime == "runc" || runtime == context.facts.engine.default_runtime) return std::nullopt;
  // What people used before there was --gpus.
  const std::string gpus = gpusFlag(context);
  std::string use = gpus.empty() ? "for GPUs use --gpus" : fmt::format("use {} instead", gpus);
  return explained(
      forbidden("runtime", fmt::format("--runtime {} (HostConfig.Runtime) is not allowed here; leave it out, "
                                       "and {}",
                                       shown(runtime), use)),
      {"HostConfig.Runtime", shown(runtime), fmt::format("runc, {}", context.facts.engine.default_runtime)},
      gpus.empty() ? "Leave --runtime out." : fmt::format("Replace --runtime by {}.", gpus));
}

Verdict checkIsolation(Context& context) {
  const std::string_view isolation = text(context.host(), "Isolation");
  if (isolation.empty() || isolation == "default") return std::nullopt;
  return explained(
      forbidden("isolation", fmt::format("--isolation {} (HostConfig.Isolation) is not allowed here; leave "
                                         "it out",
                                         shown(isolation))),
      {"HostConfig.Isolation", shown(isolation), "default"}, "Leave --isolation out.");
}

Verdict checkPathMasks(Context& context) {
  // An empty list is an order too: mask nothing.
  for (const std::string_view field : {"MaskedPaths", "ReadonlyPaths"}) {
    if (get(context.host(), field) != nullptr) {
      return explained(forbidden("path_masks", fmt::format("HostConfig.{} is not allowed here (clients send it for "
                                                           "--security-opt systempaths=unconfined); leave it out",
                                                           field)),
                       {fmt::format("HostConfig.{}", field), "", "nothing, the Engine's own"},
                       "Leave --security-opt systempaths=unconfined out.");
    }
  }
  if (get(context.host(), "Capabilities") != nullptr) {
    return explained(forbidden("capabilities", "HostConfig.Capabilities is not allowed here; leave it out"),
                     {"HostConfig.Capabilities", "", "nothing"}, "Leave HostConfig.Capabilities out.");
  }
  return std::nullopt;
}

Verdict checkOomScore(Context& context) {
  const auto score = integer(context.host(), "OomScoreAdj", "HostConfig.");
  if (!score) return score.error();
  if (*score >= 0) return std::nullopt;
  return explained(
      forbidden("oom_score", fmt::format("--oom-score-adj {} (HostConfig.OomScoreAdj) is not allowed here, "
                                         "because others would be killed first; use 0 or more",
                                         *score)),
      {"HostConfig.OomScoreAdj", std::to_string(*score), "0 or more"}, "Leave --oom-score-adj out.");
}

bool outranksOthers(std::string_view ulimit) {
  const std::string name = foldKey(ulimit);
  return name == "rtprio" || name == "nice";
}

Verdict checkUlimits(Context& context) {
  const json::array* ulimits = array(context.host(), "Ulimits");
  if (ulimits == nullptr) return std::nullopt;
  for (const json::value& element : *ulimits) {
    const json::object* ulimit = element.if_object();
    if (ulimit == nullptr) return malformed("field_type", "HostConfig.Ulimits must be a list of objects");
    const std::string_view name = text(*ulimit, "Name");
    if (outranksOthers(name) && (isSet(*ulimit, "Soft") || isSet(*ulimit, "Hard"))) {
      return explained(
          forbidden("ulimit", fmt::format("--ulimit {} (HostConfig.Ulimits) is not allowed here, because it "
                                          "lets processes go before everybody else's; leave it out",
                                          name)),
          {"HostConfig.Ulimits[].Name", shown(name), "all but rtprio and nice"},
          fmt::format("Leave --ulimit {} out.", shown(name)));
    }
  }
  return std::nullopt;
}

}  // namespace ds01::admission
