// How long a container may live, by its owner and its type.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/config.h"

namespace ds01::config {

// A time and what set it.
struct Lifetime {
  enum class By {
    Limits,     // the merged limits of the login
    Type,       // container_types.TYPE, see Lifetimes::type
    Exemption,  // lifecycle-exemptions.yaml lifts it
    Policies,   // of sigterm_grace
  };
  std::optional<std::chrono::seconds> limit;  // unset: none
  By by = By::Limits;
  Place at;  // in no file: a built-in default
};

struct Lifetimes {
  std::string type;  // whose entry of container_types holds; empty: there is none
  Lifetime idle;     // a GPU container idle for this long is stopped
  Lifetime runtime;  // a container is stopped after this
  Lifetime hold;     // a stopped container is removed after this
  Lifetime grace;    // between SIGTERM and SIGKILL
};

// `type` is a container's type: docker, compose, devcontainer, jupyter, api, unknown. A type that the site has no entry
// for takes docker's if it is jupyter, else unknown's. For each time the smaller of the login's limit and the type's
// holds; null is no limit on either side, with one exception: a type whose idle_timeout is null is never idle, whatever
// the login's limit, since that is what sites write for development containers. An exemption in force at `now` lifts
// both. `login` and `short_name` as in lookup.h.
Lifetimes lifetimesFor(const Config& config, std::string_view login, std::string_view short_name, std::string_view type,
                       TimePoint now);

// The exemption of the login from `idle` or the maximum runtime that is in force at `now`; null if there is none.
const Exemption* exemptionFor(const Config& config, std::string_view login, std::string_view short_name, bool idle,
                              TimePoint now);

}  // namespace ds01::config
