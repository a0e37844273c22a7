// What we remember of one container.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"

namespace ds01::ownership {

struct Record {
  ContainerId id;
  std::string name;  // without the leading slash
  std::string image;
  std::string created;               // RFC 3339 as the Engine wrote it
  std::string type;                  // label ds01.container_type; empty if unknown or the owner is not proven
  std::optional<std::string> owner;  // login; unset: not proven, so the admins'
  std::optional<LeaseId> lease;      // label ds01.lease, only with a proven owner
  // Login of the service user that made it for its owner: label ds01.made_by, only with a proven owner; else empty.
  std::string made_by = {};
  bool confined = false;  // label ds01.confined_by, only with a proven owner: it must not run without AppArmor
};

}  // namespace ds01::ownership
