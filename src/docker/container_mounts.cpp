#include "docker/container_mounts.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace ds01::docker {

namespace json = boost::json;

namespace {

// Absent, null and of another kind are all "not there".
const json::object* objectAt(const json::object* from, std::string_view key) {
  const json::value* value = from != nullptr ? from->if_contains(key) : nullptr;
  return value != nullptr ? value->if_object() : nullptr;
}

std::string stringAt(const json::object* from, std::string_view key) {
  const json::value* value = from != nullptr ? from->if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string();
}

std::int64_t integerAt(const json::object* from, std::string_view key) {
  const json::value* value = from != nullptr ? from->if_contains(key) : nullptr;
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::vector<const json::object*> objectsAt(const json::object* from, std::string_view key) {
  std::vector<const json::object*> out;
  const json::value* value = from != nullptr ? from->if_contains(key) : nullptr;
  const json::array* list = value != nullptr ? value->if_array() : nullptr;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if (const json::object* object = (*list)[i].if_object()) out.push_back(object);
  }
  return out;
}

// A target as the Engine lists it, of one as the request had it: Go's path.Clean of an absolute path.
std::string cleanTarget(std::string_view target) {
  std::vector<std::string_view> kept;
  while (!target.empty()) {
    const std::size_t end = std::min(target.find('/'), target.size());
    const std::string_view part = target.substr(0, end);
    target.remove_prefix(std::min(end + 1, target.size()));
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!part.empty() && part != "." && part != "..") kept.push_back(part);
  }
  std::string clean;
  for (const std::string_view part : kept) clean.append("/").append(part);
  return clean;
}

}  // namespace

std::vector<MountView> mountsOf(const json::object& container) {
  std::map<std::string, const json::object*> asked;  // by target
  for (const json::object* mount : objectsAt(objectAt(&container, "HostConfig"), "Mounts")) {
    asked[cleanTarget(stringAt(mount, "Target"))] = mount;
  }
  std::vector<MountView> out;
  for (const json::object* mount : objectsAt(&container, "Mounts")) {
    MountView view;
    view.type = stringAt(mount, "Type");
    view.name = stringAt(mount, "Name");
    view.source = stringAt(mount, "Source");
    view.target = stringAt(mount, "Destination");
    view.propagation = stringAt(mount, "Propagation");
    const json::value* writable = mount->if_contains("RW");
    view.writable = writable != nullptr && writable->is_bool() && writable->get_bool();
    if (const auto spec = asked.find(cleanTarget(view.target)); spec != asked.end()) {
      view.subpath = stringAt(objectAt(spec->second, "VolumeOptions"), "Subpath");
      const json::object* const tmpfs = objectAt(spec->second, "TmpfsOptions");
      view.tmpfs_size = integerAt(tmpfs, "SizeBytes");
      view.tmpfs_mode = integerAt(tmpfs, "Mode");
    }
    out.push_back(std::move(view));
  }
  return out;
}

}  // namespace ds01::docker
