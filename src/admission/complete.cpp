#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admission/admission.h"
#include "admission/environment.h"
#include "base/time_text.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// The object under `key`, made if there is none. Ends with the next insertion into `from`.
json::object& objectAt(json::object& from, std::string_view key) {
  json::value& value = from[key];
  if (!value.is_object()) value = json::object();
  return value.get_object();
}

void setVisibleDevices(json::object& body, std::string_view value) {
  json::value& env = body["Env"];
  if (!env.is_array()) env = json::array();
  env.get_array().emplace_back(fmt::format("{}={}", kVisibleDevices, value));
}

void setLeaseLabels(json::object& body, const Completion& completion) {
  std::vector<std::string> slots;
  for (const GpuSlot& slot : completion.slots) slots.push_back(slot.slot);
  const std::string uuids = fmt::format("{}", fmt::join(completion.lease->uuids, ","));
  json::object& labels = objectAt(body, "Labels");
  labels["ds01.lease"] = completion.lease->id.str();
  if (completion.emitter == Emitter::Cdi) {
    // What a start asks for; which slots it got stands in the ledger.
    labels["ds01.gpu.profile"] = completion.lease->profile;
    labels["ds01.gpu.slot_count"] = std::to_string(completion.lease->count);
    return;
  }
  labels["ds01.gpu.uuids"] = uuids;
  labels["ds01.gpu.slots"] = fmt::format("{}", fmt::join(slots, ","));
  labels["ds01.gpu.allocated_at"] = toRfc3339(completion.lease->since);
  labels["ds01.gpu_slot"] = uuids;  // the older name, for readers that are not ours
  labels["ds01.gpu_ephemeral"] = "true";
}

// moby takes the ids only if Count is 0, and turns them into NVIDIA_VISIBLE_DEVICES itself (daemon/nvidia_linux.go).
void setDeviceRequest(json::object& body, const Lease& lease, json::array capabilities) {
  json::object request;
  request["Driver"] = "nvidia";
  request["Count"] = 0;
  request["DeviceIDs"] = json::array(lease.uuids.begin(), lease.uuids.end());
  request["Capabilities"] = std::move(capabilities);
  request["Options"] = json::object();
  json::array requests;
  requests.emplace_back(std::move(request));
  objectAt(body, "HostConfig")["DeviceRequests"] = std::move(requests);
}

// So that the nodes stay when systemd reloads or the container is updated: dockerd then writes the device list anew
// from its own configuration, which knows nothing of what a hook has added.
void addDeviceNodes(json::object& body, const std::vector<std::string>& paths) {
  if (paths.empty()) return;
  json::value& devices = objectAt(body, "HostConfig")["Devices"];
  if (!devices.is_array()) devices = json::array();  // an admin's own stay
  for (const std::string& path : paths) {
    devices.get_array().emplace_back(
        json::object{{"PathOnHost", path}, {"PathInContainer", path}, {"CgroupPermissions", "rw"}});
  }
}

// moby's CDI driver takes neither a count nor capabilities nor options (daemon/cdi.go).
void setCdiDevice(json::object& body, const LeaseId& lease) {
  json::object request;
  request["Driver"] = "cdi";
  request["Count"] = 0;
  request["DeviceIDs"] = json::array{json::string("ds01.io/lease=" + lease.str())};
  request["Capabilities"] = nullptr;
  request["Options"] = nullptr;
  json::array requests;
  requests.emplace_back(std::move(request));
  objectAt(body, "HostConfig")["DeviceRequests"] = std::move(requests);
}

// The pins, which are there: a missing one must fail the start and not become an empty folder, as for HostConfig.Binds.
void setPins(json::object& body, const std::vector<PinnedBind>& binds, const std::vector<std::string>& paths) {
  if (paths.empty()) return;
  json::array& mounts = objectAt(body, "HostConfig").at("Mounts").as_array();
  for (std::size_t i = 0; i < binds.size(); ++i) mounts.at(binds[i].mount).as_object()["Source"] = paths.at(i);
}

}  // namespace

json::object complete(Examined examined, const Completion& completion) {
  json::object body = std::move(examined.body);
  setPins(body, examined.pins, completion.pins);
  if (!completion.lease) {
    setVisibleDevices(body, "void");
    return body;
  }
  setLeaseLabels(body, completion);
  if (completion.emitter == Emitter::Cdi) {
    setVisibleDevices(body, "void");  // the CDI device overwrites it
    setCdiDevice(body, completion.lease->id);
    return body;
  }
  setVisibleDevices(body, fmt::format("{}", fmt::join(completion.lease->uuids, ",")));
  if (completion.emitter == Emitter::Nvidia) {
    setDeviceRequest(body, *completion.lease, std::move(examined.capabilities));
    addDeviceNodes(body, completion.device_nodes);
  }
  return body;
}

}  // namespace ds01::admission
