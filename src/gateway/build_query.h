// Queries that decide as much as a body does: of POST /build and POST /images/create.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buildkit/control.h"
#include "docker/image_reference.h"
#include "gateway/target.h"
#include "model/denial.h"

namespace ds01::gateway {

// What a user may not ask of a build: another network than the default, bridge or one by name; security options; a
// cgroup parent; real-time ulimits; a context that the Engine fetches by itself; the classic builder where its steps
// would run under another runtime than runc; BuildKit where it is not opened. Unset: nothing of that kind is there.
// `default_runtime` is the Engine's.
std::optional<Denial> checkBuildQuery(const Target& target, std::string_view default_runtime, RuleSet excused = {},
                                      bool buildkit_open = false);

// What a build does with its result: where images get their names by `outputs` instead of `t`, those too.
struct BuildOutputs {
  std::string text;  // for the query; empty: nothing was given
  std::vector<docker::ImageReference> tags;
};
// Written anew, with nothing in it but kinds and attributes that are known.
std::expected<BuildOutputs, Denial> rewriteBuildOutputs(std::string_view text);

// What one exporter of BuildKit's does, whose names are written anew and added to `tags`.
std::optional<Denial> examineOutput(std::string_view type, buildkit::Attributes& attributes,
                                    std::vector<docker::ImageReference>& tags);

// BuildKit where the site has not opened it.
Denial buildKitClosed();

// BuildKit for those whose containers run as they themselves.
Denial buildsRunAsOwner();

// An import from an address that the Engine would open is refused; pulls and uploads are open.
std::optional<Denial> checkImageCreateQuery(const Target& target);

}  // namespace ds01::gateway
