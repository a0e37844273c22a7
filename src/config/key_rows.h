// The rows of the key table by the file they stand in; keyTable() joins them. Inside the folder only.
#pragma once

#include <span>
#include <string_view>

#include "config/keys.h"

namespace ds01::config {

std::span<const Key> siteRows();    // resource-limits.yaml, overrides
std::span<const Key> accessRows();  // resource-limits.yaml: access_control; exemptions
std::span<const Key> daemonRows();  // ds01d.yaml and simulated inventories

// A key of the earlier system that has no effect here.
constexpr Key unread(Block block, std::string_view name, std::string_view doc, std::string_view see = {}) {
  return {.block = block, .name = name, .status = KeyStatus::Unread, .see = see, .doc = doc};
}

}  // namespace ds01::config
