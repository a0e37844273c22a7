// HostConfig.RestartPolicy: what the Engine does by itself when a container ends or the Engine is started.
#pragma once

#include <cstdint>
#include <string>

namespace ds01 {

struct RestartPolicy {
  std::string name;              // "always", "unless-stopped", "on-failure", "no"; empty means "no"
  std::int64_t max_retries = 0;  // with "on-failure"; 0: without end

  bool none() const { return name.empty() || name == "no"; }
  bool operator==(const RestartPolicy&) const = default;
};

}  // namespace ds01
