// `ds01 explain --dry-run -- COMMAND…`: runs the command with DOCKER_HOST leading to a socket of our own. What only
// reads goes on to the real socket as this user; each POST /containers/create is shown to the daemon, which says what
// would come of it, and is then answered with an error; everything else is refused and listed. So nothing is made,
// pulled, started or removed, as long as the command goes where DOCKER_HOST says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/paper.h"
#include "control/client.h"

namespace ds01::cli {

Outcome dryRun(const std::vector<std::string>& command, const control::Client& client, bool json, const Paper& paper);

// What becomes of a request in a dry run.
enum class Treatment { PassOn, Explain, Refuse };
Treatment treatmentOf(std::string_view method, std::string_view target);

// The request as people say it: "would pull busybox:latest", "would start container train".
std::string effectOf(std::string_view method, std::string_view target);

}  // namespace ds01::cli
