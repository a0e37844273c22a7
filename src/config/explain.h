// What the configuration says about one login, value by value, with the layer and the line each comes from and which of
// several caps binds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "config/config.h"
#include "model/login_report.h"

namespace ds01::config {

struct ExplainFacts {
  std::optional<std::int64_t> engine_cpus;  // unset: the Engine is away
  TimePoint now;                            // for exemptions
};

// The values are those of limitsFor(), policiesFor() and lifetimesFor(). Of the caps on one thing the smallest is
// marked; one that nothing acts on yet is passed over as long as another one is honoured. `directory` is left empty.
LoginReport explainLogin(const Config& config, std::string_view login, std::string_view short_name,
                         const ExplainFacts& facts);

}  // namespace ds01::config
