#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "admission/body_schema.h"
#include "admission/json_access.h"
#include "admission/mount_spec.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

struct RefusedField {
  std::string_view field;  // of HostConfig
  std::string_view reason;
  std::string_view sentence;
};

constexpr std::array kRefused{
    RefusedField{
        "Privileged", "privileged",
        "--privileged (HostConfig.Privileged) is not allowed here: it would give the container every device and "
        "the host's kernel; for GPUs use --gpus"},
    RefusedField{
        "Devices", "devices",
        "--device (HostConfig.Devices) is not allowed here; for GPUs use --gpus, which brings the device files "
        "along"},
    RefusedField{"DeviceCgroupRules", "device_cgroup_rules",
                 "--device-cgroup-rule (HostConfig.DeviceCgroupRules) is not allowed here; for GPUs use --gpus"},
    RefusedField{"Sysctls", "sysctls", "--sysctl (HostConfig.Sysctls) is not allowed here; leave it out"},
    RefusedField{
        "Cgroup", "cgroup",
        "HostConfig.Cgroup is not allowed here; every container gets a cgroup below its owner's, leave it out"},
    RefusedField{"VolumesFrom", "volumes_from",
                 "--volumes-from (HostConfig.VolumesFrom) is not allowed here; name the volumes themselves with -v"},
    RefusedField{"Annotations", "annotations",
                 "--annotation (HostConfig.Annotations) is not allowed here, because runtimes take orders from it; use "
                 "--label for notes of your own"},
    RefusedField{"OomKillDisable", "oom_kill_disable",
                 "--oom-kill-disable (HostConfig.OomKillDisable) is not allowed here; ask for more memory with -m "
                 "instead"},
    RefusedField{"CpuRealtimePeriod", "cpu_realtime",
                 "--cpu-rt-period (HostConfig.CpuRealtimePeriod) is not allowed here; use --cpus"},
    RefusedField{"CpuRealtimeRuntime", "cpu_realtime",
                 "--cpu-rt-runtime (HostConfig.CpuRealtimeRuntime) is not allowed here; use --cpus"},
    RefusedField{"DiskQuota", "disk_quota", "HostConfig.DiskQuota is not supported here; leave it out"},
};

// Where buildx cannot reach the Engine's own BuildKit (POST /grpc), it asks for a container with one, privileged, of
// this name, which says nothing to somebody who typed `docker build`.
constexpr std::string_view kBuildxContainer = "buildx_buildkit_";

}  // namespace

Verdict refuseSetFields(Context& context) {
  if (isSet(context.host(), "Privileged") && context.facts.container_name.starts_with(kBuildxContainer)) {
    return forbidden("privileged",
                     "buildx would build in a privileged container (HostConfig.Privileged), which is not allowed here; "
                     "build with DOCKER_BUILDKIT=0 docker build");
  }
  for (const RefusedField& refused : kRefused) {
    if (isSet(context.host(), refused.field)) {
      return forbidden(std::string(refused.reason), std::string(refused.sentence));
    }
  }
  return std::nullopt;
}

// A client may name again what Docker grants by itself, most often after dropping ALL. Docker takes any case, with or
// without CAP_ in front.
Verdict checkCapabilities(Context& context) {
  static constexpr std::array<std::string_view, 13> kGranted{
      "audit_write", "chown",   "dac_override", "fowner",  "fsetid", "kill",      "net_bind_service",
      "net_raw",     "setfcap", "setgid",       "setpcap", "setuid", "sys_chroot"};
  const auto added = strings(context.host(), "CapAdd", "HostConfig.");
  if (!added) return added.error();
  for (const std::string& name : *added) {
    std::string plain = foldKey(name);
    if (plain.starts_with("cap_")) plain.erase(0, 4);
    if (std::ranges::find(kGranted, plain) != kGranted.end()) continue;
    return forbidden("capabilities",
                     fmt::format("--cap-add {} (HostConfig.CapAdd) is not allowed here; containers run with Docker's "
                                 "default capabilities without MKNOD, leave it out",
                                 shown(name)));
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
      return forbidden("block_device",
                       fmt::format("the path {} (HostConfig.{}[].Path) is not allowed here; name a block "
                                   "device below /dev",
                                   shown(path), field));
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
    return forbidden(
        "security_opt",
        fmt::format("--security-opt {} (HostConfig.SecurityOpt) is not allowed here; only no-new-privileges "
                    "is, leave the rest out",
                    shown(option)));
  }
  return std::nullopt;
}

Verdict checkRuntime(Context& context) {
  const std::string_view runtime = text(context.host(), "Runtime");
  // "runc" is dockerd's own name and cannot be given to another program.
  if (runtime.empty() || runtime == "runc" || runtime == context.facts.engine.default_runtime) return std::nullopt;
  return forbidden("runtime",
                   fmt::format("--runtime {} (HostConfig.Runtime) is not allowed here; leave it out, and for "
                               "GPUs use --gpus",
                               shown(runtime)));
}

Verdict checkIsolation(Context& context) {
  const std::string_view isolation = text(context.host(), "Isolation");
  if (isolation.empty() || isolation == "default") return std::nullopt;
  return forbidden("isolation", fmt::format("--isolation {} (HostConfig.Isolation) is not allowed here; leave it out",
                                            shown(isolation)));
}

Verdict checkPathMasks(Context& context) {
  // An empty list is an order too: mask nothing.
  for (const std::string_view field : {"MaskedPaths", "ReadonlyPaths"}) {
    if (get(context.host(), field) != nullptr) {
      return forbidden("path_masks", fmt::format("HostConfig.{} is not allowed here (clients send it for "
                                                 "--security-opt systempaths=unconfined); leave it out",
                                                 field));
    }
  }
  if (get(context.host(), "Capabilities") != nullptr) {
    return forbidden("capabilities", "HostConfig.Capabilities is not allowed here; leave it out");
  }
  return std::nullopt;
}

Verdict checkOomScore(Context& context) {
  const auto score = integer(context.host(), "OomScoreAdj", "HostConfig.");
  if (!score) return score.error();
  if (*score >= 0) return std::nullopt;
  return forbidden(
      "oom_score",
      fmt::format("--oom-score-adj {} (HostConfig.OomScoreAdj) is not allowed here, because others would be "
                  "killed first; use 0 or more",
                  *score));
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
      return forbidden("ulimit", fmt::format("--ulimit {} (HostConfig.Ulimits) is not allowed here, because it lets "
                                             "processes go before everybody else's; leave it out",
                                             name));
    }
  }
  return std::nullopt;
}

}  // namespace ds01::admission
