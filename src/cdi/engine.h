// Whether an Engine finds our entries.
#pragma once

#include <string>

#include "model/engine.h"

namespace ds01::cdi {

// Why it does not, with the remedy, as a sentence for the administrator; empty: it does. `directory` is gpu.cdi_dir.
std::string whyNotUsable(const EngineFacts& engine, const std::string& directory);

}  // namespace ds01::cdi
