// One step of examine(): looks at the request, changes it or refuses it. The list in admission.cpp gives the order.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>

#include <boost/json/object.hpp>

#include "admission/admission.h"

namespace ds01::admission {

struct Context {
  Examined& out;
  const Facts& facts;

  // References end with the next insertion into the object that holds them, so they are asked for anew.
  boost::json::object& body() const { return out.body; }
  boost::json::object& host() const { return out.body.at("HostConfig").get_object(); }
  bool admin() const { return facts.caller.admin; }
  bool excused(RuleClass rules) const { return facts.excused.contains(rules); }
};

using Verdict = std::optional<Denial>;  // unset: go on; Denial::rules if they are not those of the pass

struct Pass {
  enum class For {
    NonAdmins,
    Users,      // NonAdmins; asks by itself which classes of rules are excused, because it guards more than one
    Everybody,  // so too
  };

  std::string_view name;
  Verdict (*run)(Context& context);
  For whom = For::NonAdmins;
  RuleClass rules = RuleClass::Host;
};

// checks_kernel.cpp: what would reach the host's kernel
Verdict refuseSetFields(Context& context);
Verdict checkSecurityOptions(Context& context);
Verdict checkCapabilities(Context& context);
// Refused if one of them is asked for, else dropped from what Docker grants. `because` is the option that has that
// consequence.
Verdict withoutCapabilities(Context& context, std::initializer_list<std::string_view> names, std::string_view because);
// SYS_PTRACE, with a warning that ends with `because`. CapAdd must be a list of texts.
void leavePtraceOut(Context& context, std::string_view because);
Verdict checkBlockDevices(Context& context);
Verdict dropDeviceNodes(Context& context);
Verdict checkRuntime(Context& context);
Verdict checkIsolation(Context& context);
Verdict checkPathMasks(Context& context);
Verdict checkOomScore(Context& context);
Verdict checkUlimits(Context& context);
// By name; the Engine turns it into capitals. With these a process may take the CPU from everybody: no cgroup limits
// real-time scheduling.
bool outranksOthers(std::string_view ulimit);

// checks_logging.cpp: what dockerd would do with the container's output, outside of the user's cgroup
Verdict checkLogging(Context& context);

// checks_namespaces.cpp: whose namespaces, networks and containers
Verdict checkNamespaces(Context& context);
Verdict checkNetworks(Context& context);
Verdict resolveContainers(Context& context);
// One connection to a network, as create and /networks/{}/connect describe it; `where` is its path in the body.
Verdict checkEndpoint(const boost::json::object& endpoint, std::string_view where);

// volumes_from.cpp: what another container of the caller's has mounted, as if the request had named each. So it comes
// before all that looks at mounts.
Verdict takeVolumesFrom(Context& context);

// checks_storage.cpp: binds, volumes, mounts
Verdict checkVolumeDriver(Context& context);
Verdict checkStorageOptions(Context& context);
Verdict checkGpuTargets(Context& context);
Verdict checkBinds(Context& context);
Verdict checkMounts(Context& context);

// checks_pins.cpp: as whom a container with binds runs
Verdict runAsOwner(Context& context);
Verdict keepOwnersOfFiles(Context& context);
Verdict keepFoldersApart(Context& context);
Verdict joinOwnersGroups(Context& context);
Verdict namePinUsers(Context& context);
// USER[:GROUP] in digits as UID:GID, if that is this user, who is not root, with one of their groups.
std::optional<std::string> asOwner(std::string_view spec, const User& owner);

// checks_volumes.cpp: whose volumes
Verdict ownVolumes(Context& context);

// labels.cpp
Verdict setLabels(Context& context);

// limits.cpp
Verdict setCgroupParent(Context& context);
Verdict refuseKernelMemory(Context& context);
Verdict limitMemory(Context& context);
Verdict limitSwap(Context& context);
Verdict limitSwapAlone(Context& context);  // beside a memory that is not known here
Verdict limitCpus(Context& context);
Verdict limitPids(Context& context);
Verdict limitShm(Context& context);
Verdict limitStopTimeout(Context& context);

// gpu.cpp
Verdict takeGpuRequest(Context& context);
Verdict cleanEnvironment(Context& context);

}  // namespace ds01::admission
