// The Engine's BuildKit for a FakeDockerd, as far as one asks it for builds: it answers Solve and the Status beside it,
// and takes sessions of which it makes nothing.
//
//   BuildKitScript script;
//   FakeDockerd engine([&](FakeDockerd::Connection& peer) { serveBuildKit(script, peer); });
#pragma once

#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "buildkit/control.h"
#include "support/fake_dockerd.h"

namespace ds01::test {

struct BuildKitScript {
  // What becomes of each build; set before there are requests.
  std::vector<std::string> status{"one", "two"};
  std::string code = "0";  // gRPC's
  std::string text;
  bool endless = false;  // goes on until it is cancelled, and then until `stopped`
  std::promise<void> stopped;
  int upgrade = 101;  // else there is no BuildKit
  std::function<void()> on_solve = [] {};

  static std::string image() { return "sha256:" + std::string(64, '5'); }

  // What has been asked; other requests than for BuildKit are answered with 200.
  std::mutex mutex;
  std::vector<std::string> requests;  // method and target
  std::vector<buildkit::SolveRequest> solves;
  std::vector<std::string> followed;  // refs
  std::promise<void> cancelled;

  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex);
    return requests;
  }
};

void serveBuildKit(BuildKitScript& script, FakeDockerd::Connection& peer);

}  // namespace ds01::test
