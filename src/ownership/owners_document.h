// container-owners.json: whose every container of the Engine is, for OPA and whoever else decides by it.
//
//   {"containers": {KEY: {"owner", "owner_uid", "name", "ds01_managed", "interface", "has_gpu", "created_at",
//                         "detection_method"}},
//    "admins": [LOGIN], "service_users": [LOGIN],
//    "flagged_gpu_containers": [{"container_id", "container_name", "owner", "interface", "detected_at", "reason"}],
//    "updated_at": TIME}
//
// Each container stands under its id, the first 12 digits of that, and its name; what is not known is null.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "ownership/tracker.h"

namespace ds01::ownership {

struct DocumentEntry {
  ContainerId id = {};
  std::string name = {};
  std::string image = {};  // not in the document
  Tracked owner = {};
  bool proven = false;         // made through us: label and cgroup parent agree
  std::string interface = {};  // interfaceOf()
  bool has_gpu = false;        // its configuration lets it use one
  std::string created = {};    // RFC 3339 as the Engine wrote it
  TimePoint noticed = {};      // when we first saw it

  friend bool operator==(const DocumentEntry&, const DocumentEntry&) = default;
};

struct OwnersDocument {
  std::vector<DocumentEntry> containers;
  std::vector<std::string> admins;
  std::vector<std::string> service_users;
  TimePoint updated;
};

// Members in the order above, containers by key. Names can look like ids, and users choose names: a key that is the id,
// or the beginning of the id, of one container never stands for another of that name; a beginning that two ids share
// stands for none.
std::string encode(const OwnersDocument& document);

}  // namespace ds01::ownership
