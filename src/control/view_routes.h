// GET /v1/status and GET /v1/containers: the daemon's state, cut to what the caller may see.
#pragma once

#include <vector>

#include "control/router.h"
#include "control/types.h"

namespace ds01::control {

// The daemon's state as the API shows it: complete, whoever asks.
class View {
 public:
  View() = default;
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  virtual ~View() = default;
  virtual StatusSnapshot status() const = 0;
  virtual std::vector<ContainerRow> containers() const = 0;
};

// `view` must outlive the router.
void addViewRoutes(Router& router, const View& view);

}  // namespace ds01::control
