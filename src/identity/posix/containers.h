// What identifying a peer in a container needs to know of the Docker Engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/ids.h"
#include "base/result.h"
#include "model/engine.h"

namespace ds01::identity::posix {

struct EngineContainer {
  std::optional<std::string> owner;  // login, proven; unset: the admins'
  std::string cgroup_parent;
  std::int32_t pid = 0;  // 0: it does not run
};

// I/O thread only.
class Containers {
 public:
  Containers() = default;
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;
  virtual ~Containers() = default;

  // Unset while the Engine is away.
  virtual std::optional<EngineFacts> engine() const = 0;
  // As the Engine has it now, never from memory. Unset: it has none with this id. Errors: it did not say.
  virtual boost::asio::awaitable<Result<std::optional<EngineContainer>>> find(ContainerId id) = 0;
};

}  // namespace ds01::identity::posix
