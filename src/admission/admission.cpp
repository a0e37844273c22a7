#include "admission/admission.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

// Refusals first and cheapest first, then what writes; environment last, so that nothing adds to it afterwards.
constexpr std::array kPasses{
    Pass{"fields", refuseSetFields},
    Pass{"volumes from", takeVolumesFrom, Pass::For::Users, RuleClass::Ownership},
    Pass{"security options", checkSecurityOptions},
    Pass{"capabilities", checkCapabilities},
    Pass{"device nodes", dropDeviceNodes},
    Pass{"block devices", checkBlockDevices},
    Pass{"runtime", checkRuntime},
    Pass{"isolation", checkIsolation},
    Pass{"path masks", checkPathMasks},
    Pass{"oom score", checkOomScore},
    Pass{"ulimits", checkUlimits},
    Pass{"logging", checkLogging},
    Pass{"namespaces", checkNamespaces},
    Pass{"networks", checkNetworks, Pass::For::Users, RuleClass::Host},
    Pass{"volume driver", checkVolumeDriver},
    Pass{"storage options", checkStorageOptions},
    Pass{"targets", checkGpuTargets, Pass::For::NonAdmins, RuleClass::Limits},
    Pass{"mounts", checkMounts, Pass::For::NonAdmins, RuleClass::Mounts},
    Pass{"binds", checkBinds, Pass::For::NonAdmins, RuleClass::Mounts},  // adds to the mounts
    Pass{"pins", runAsOwner, Pass::For::NonAdmins, RuleClass::Mounts},
    Pass{"owners of files", keepOwnersOfFiles, Pass::For::NonAdmins, RuleClass::Mounts},
    Pass{"processes", keepFoldersApart, Pass::For::NonAdmins, RuleClass::Mounts},
    Pass{"groups", joinOwnersGroups, Pass::For::NonAdmins, RuleClass::Mounts},
    Pass{"view", namePinUsers, Pass::For::NonAdmins, RuleClass::Mounts},
    Pass{"volumes", ownVolumes, Pass::For::Everybody, RuleClass::Ownership},
    Pass{"containers", resolveContainers, Pass::For::Everybody, RuleClass::Ownership},
    Pass{"cgroup parent", setCgroupParent, Pass::For::Everybody},
    Pass{"kernel memory", refuseKernelMemory, Pass::For::Everybody, RuleClass::Limits},
    Pass{"memory", limitMemory, Pass::For::Everybody, RuleClass::Limits},
    Pass{"swap", limitSwap, Pass::For::Everybody, RuleClass::Limits},
    Pass{"cpus", limitCpus, Pass::For::Everybody, RuleClass::Limits},
    Pass{"pids", limitPids, Pass::For::Everybody, RuleClass::Limits},
    Pass{"shm", limitShm, Pass::For::Everybody, RuleClass::Limits},
    Pass{"stop timeout", limitStopTimeout, Pass::For::NonAdmins, RuleClass::Limits},
    Pass{"gpu", takeGpuRequest, Pass::For::Everybody, RuleClass::Limits},  // reads a label, so before the labels
    Pass{"labels", setLabels, Pass::For::Everybody},
    Pass{"environment", cleanEnvironment, Pass::For::Everybody},
};

}  // namespace

std::expected<Examined, Denial> examine(boost::json::object body, const Facts& facts) {
  Examined out;
  out.body = std::move(body);
  boost::json::value& host = out.body["HostConfig"];
  // Daemons up to 24 read a HostConfig spread over the top level, but only if this object is absent.
  if (host.is_null()) host = boost::json::object();
  if (!host.is_object()) return std::unexpected(malformed("field_type", "HostConfig must be an object"));

  Context context{out, facts};
  for (const Pass& pass : kPasses) {
    if (facts.caller.admin && pass.whom != Pass::For::Everybody) continue;
    if (facts.excused.contains(pass.rules) && pass.whom == Pass::For::NonAdmins) continue;
    if (Verdict denial = pass.run(context)) {
      denial->part = fmt::format("admission: {}", pass.name);
      if (!denial->rules) denial->rules = pass.rules;
      return std::unexpected(std::move(*denial));
    }
  }
  return out;
}

}  // namespace ds01::admission
