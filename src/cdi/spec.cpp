#include "cdi/spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ds01::cdi {
namespace {

namespace json = boost::json;

constexpr std::string_view kFilePrefix = "ds01.io-lease_";
constexpr std::string_view kFileEnd = ".json";
constexpr std::string_view kUuids = "ds01.io/uuids";  // an annotation, for ourselves
constexpr std::string_view kVisible = "NVIDIA_VISIBLE_DEVICES=";

// The oldest version with annotations; Docker 25, the first with CDI, knows it.
constexpr std::array<int, 3> kVersion{0, 6, 0};

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

std::string_view textAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? view(value->get_string()) : std::string_view{};
}

const json::array* arrayAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

const json::object* objectAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

// What we declare must be at least what the vendor's parts need.
std::string versionFor(const std::optional<json::object>& vendor) {
  std::array<int, 3> version = kVersion;
  if (vendor) {
    std::array<int, 3> theirs{};
    std::string_view rest = textAt(*vendor, "cdiVersion");
    for (int& part : theirs) {
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), part);
      if (error != std::errc{}) break;
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
      if (!rest.empty()) rest.remove_prefix(1);
    }
    version = std::max(version, theirs);
  }
  return fmt::format("{}.{}.{}", version[0], version[1], version[2]);
}

bool numberedAfter(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return !path.empty() && path.find_first_not_of("0123456789") == std::string_view::npos;
}

// The files that reach one GPU or one MIG instance, in contrast to those that all share.
bool reachesOne(std::string_view path) {
  return numberedAfter(path, "/dev/nvidia") || numberedAfter(path, "/dev/nvidia-caps/nvidia-cap") ||
         path.starts_with("/dev/dri/");
}

std::set<std::string> gpuFiles(const json::object& device) {
  std::set<std::string> files;
  const json::object* edits = objectAt(device, "containerEdits");
  const json::array* nodes = edits == nullptr ? nullptr : arrayAt(*edits, "deviceNodes");
  if (nodes == nullptr) return files;
  for (const json::value& node : *nodes) {
    const std::string_view path = node.is_object() ? textAt(node.get_object(), "path") : std::string_view{};
    if (reachesOne(path) && !path.starts_with("/dev/dri/")) files.emplace(path);
  }
  return files;
}

// The container edits of an entry, gathered from several sources.
class Edits {
 public:
  void addNode(std::string_view path) {
    if (!paths_.emplace(path).second) return;
    nodes_.push_back(json::object{{"path", path}, {"permissions", "rw"}});
  }

  // `own`: of the slot itself; else only what all devices share is taken.
  void take(const json::object& edits, bool own) {
    for (const std::string_view key : {"env", "mounts", "hooks", "additionalGids"}) {
      if (const json::array* list = arrayAt(edits, key)) append(key, *list);
    }
    const json::array* nodes = arrayAt(edits, "deviceNodes");
    if (nodes == nullptr) return;
    for (const json::value& node : *nodes) {
      if (!node.is_object()) continue;
      const std::string path(textAt(node.get_object(), "path"));
      if (path.empty() || (!own && reachesOne(path)) || !paths_.insert(path).second) continue;
      json::object taken = node.get_object();
      taken["permissions"] = "rw";  // never m: nobody makes device files in a container
      nodes_.emplace_back(std::move(taken));
    }
  }

  void setVisible(std::string_view value) {
    json::array kept;
    if (const json::array* env = arrayAt(out_, "env")) {
      for (const json::value& variable : *env) {
        if (variable.is_string() && !view(variable.get_string()).starts_with(kVisible)) kept.push_back(variable);
      }
    }
    kept.emplace_back(fmt::format("{}{}", kVisible, value));
    out_["env"] = std::move(kept);
  }

  json::object done() && {
    if (!nodes_.empty()) out_["deviceNodes"] = std::move(nodes_);
    return std::move(out_);
  }

 private:
  void append(std::string_view key, const json::array& list) {
    json::value& all = out_[key];
    if (!all.is_array()) all = json::array();
    for (const json::value& item : list) all.get_array().push_back(item);
  }

  json::object out_;
  json::array nodes_;
  std::set<std::string, std::less<>> paths_;
};

// The vendor's device that is this slot; null with a warning if there is none that can be believed.
const json::object* vendorDevice(const json::object& vendor, const GpuSlot& slot, std::string& warning) {
  const json::array* devices = arrayAt(vendor, "devices");
  const std::set<std::string> wanted(slot.device_nodes.begin(), slot.device_nodes.end());
  const json::object* found = nullptr;
  for (std::size_t i = 0; devices != nullptr && i < devices->size(); ++i) {
    const json::object* device = (*devices)[i].if_object();
    const std::string_view name = device == nullptr ? std::string_view{} : textAt(*device, "name");
    if (!name.empty() && (name == slot.uuid || (name == slot.slot && found == nullptr))) found = device;
  }
  if (found == nullptr) {
    warning = fmt::format("it has no device {} or {}", slot.uuid, slot.slot);
    return nullptr;
  }
  if (!wanted.empty() && gpuFiles(*found) == wanted) return found;
  warning = fmt::format("its device {} has the files {}, but slot {} has {}", textAt(*found, "name"),
                        fmt::join(gpuFiles(*found), " "), slot.slot, fmt::join(wanted, " "));
  return nullptr;
}

}  // namespace

std::string deviceName(const LeaseId& lease) {
  return fmt::format("{}={}", kKind, lease.str());
}

std::string fileName(const LeaseId& lease) {
  return fmt::format("{}{}{}", kFilePrefix, lease.str(), kFileEnd);
}

std::optional<LeaseId> leaseOf(std::string_view file_name) {
  if (!file_name.starts_with(kFilePrefix) || !file_name.ends_with(kFileEnd)) return std::nullopt;
  file_name.remove_prefix(kFilePrefix.size());
  if (file_name.size() <= kFileEnd.size()) return std::nullopt;
  file_name.remove_suffix(kFileEnd.size());
  return LeaseId(std::string(file_name));
}

std::vector<std::string> controlNodes() {
  return {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"};
}

Entry entryFor(const Lease& lease, std::span<const GpuSlot> slots, const EntryFacts& facts) {
  Entry entry;
  Edits edits;
  if (facts.vendor) {
    if (const json::object* shared = objectAt(*facts.vendor, "containerEdits")) edits.take(*shared, false);
    for (const GpuSlot& slot : slots) {
      const json::object* device = vendorDevice(*facts.vendor, slot, entry.warning);
      const json::object* own = device == nullptr ? nullptr : objectAt(*device, "containerEdits");
      if (own != nullptr) edits.take(*own, true);
    }
  }
  for (const std::string& node : facts.nodes) edits.addNode(node);
  const std::string uuids = fmt::format("{}", fmt::join(lease.uuids, ","));
  // void as in the vendor's own description: what it names is all, and its runtime must add nothing.
  edits.setVisible(facts.vendor ? "void" : uuids);

  json::object device{{"name", lease.id.str()},
                      {"annotations", json::object{{kUuids, uuids}}},
                      {"containerEdits", std::move(edits).done()}};
  json::array devices;
  devices.emplace_back(std::move(device));
  entry.text = json::serialize(
      json::object{{"cdiVersion", versionFor(facts.vendor)}, {"kind", kKind}, {"devices", std::move(devices)}});
  entry.text += "\n";
  return entry;
}

Result<std::vector<std::string>> uuidsIn(std::string_view text) {
  boost::system::error_code error;
  const json::value entry = json::parse(text, error);
  const json::array* devices = !error && entry.is_object() ? arrayAt(entry.get_object(), "devices") : nullptr;
  const json::object* device = devices != nullptr && devices->size() == 1 ? devices->front().if_object() : nullptr;
  const json::object* annotations = device == nullptr ? nullptr : objectAt(*device, "annotations");
  std::string_view list = annotations == nullptr ? std::string_view{} : textAt(*annotations, kUuids);
  std::vector<std::string> uuids;
  while (!list.empty()) {
    const std::string_view uuid = list.substr(0, list.find(','));
    if (!uuid.empty()) uuids.emplace_back(uuid);
    list.remove_prefix(std::min(uuid.size() + 1, list.size()));
  }
  if (uuids.empty()) return fail(ErrorCode::Malformed, "is no entry of a lease");
  return uuids;
}

}  // namespace ds01::cdi
