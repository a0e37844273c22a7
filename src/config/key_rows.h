// The rows of the key table by the file they stand in; keyTable() joins them. Inside the folder only.
#pragma once

#include <span>

#include "config/keys.h"

namespace ds01::config {

std::span<const Key> siteRows();    // resource-limits.yaml, overrides, exemptions
std::span<const Key> daemonRows();  // ds01d.yaml and simulated inventories

}  // namespace ds01::config
