// A machine with one whole GPU and one cut in two, and three users.
#pragma once

#include <chrono>

#include "control/types.h"

namespace ds01::control::test {

inline TimePoint at(int seconds) {
  return TimePoint{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}} + std::chrono::hours{12} +
         std::chrono::seconds{seconds};
}

inline StatusSnapshot sampleStatus() {
  StatusSnapshot s;
  s.gpus.push_back({.slot = "0",
                    .uuid = "GPU-0",
                    .model = "NVIDIA A100-SXM4-80GB",
                    .profile = "full",
                    .gpu = 0,
                    .memory_mib = 81920,
                    .gpueq = GpuEq::whole(1),
                    .state = SlotState::Held,
                    .user = "alice",
                    .since = at(0),
                    .container = "train",
                    .container_id = "aaaa"});
  s.gpus.push_back({.slot = "1:0",
                    .uuid = "MIG-10",
                    .model = "NVIDIA A100-SXM4-80GB",
                    .profile = "2g.20gb",
                    .gpu = 1,
                    .memory_mib = {},
                    .gpueq = {285'714},
                    .state = SlotState::Held,
                    .user = "bob",
                    .since = at(60),
                    .container = "notebook",
                    .container_id = "bbbb",
                    .until = at(20 * 60)});
  s.gpus.push_back({.slot = "1:1",
                    .uuid = "MIG-11",
                    .model = "NVIDIA A100-SXM4-80GB",
                    .profile = "2g.20gb",
                    .gpu = 1,
                    .memory_mib = {},
                    .gpueq = {285'714},
                    .state = SlotState::Free,
                    .user = {},
                    .since = {},
                    .container = {},
                    .container_id = {}});
  s.gpus.push_back({.slot = "2",
                    .uuid = "GPU-2",
                    .model = "NVIDIA A100-SXM4-80GB",
                    .profile = "full",
                    .gpu = {},
                    .memory_mib = {},
                    .gpueq = GpuEq::whole(1),
                    .state = SlotState::Foreign,
                    .user = {},
                    .since = {},
                    .container = "outside",
                    .container_id = "ffff"});
  s.queue.push_back(
      {.user = "carol", .slots = 2, .since = at(90), .place = 1, .reason = "all 2 that would do are held"});
  s.users.push_back({.user = "alice", .group = "staff", .gpueq = GpuEq::whole(1), .limit = {}, .containers = 1});
  s.users.push_back(
      {.user = "bob", .group = "student", .gpueq = {285'714}, .limit = GpuEq{1'500'000}, .containers = 2});
  s.counters = {{"denials", 3}, {"requests", 17}};
  return s;
}

inline ContainerRow sampleContainer(std::string id, std::optional<std::string> user) {
  return {.id = std::move(id),
          .name = "train",
          .user = std::move(user),
          .image = "pytorch:2",
          .created = at(-5),
          .state = "running",
          .gpus = {"0", "1:0"},
          .gpueq = {1'285'714},
          .type = "docker",
          .since = at(0)};
}

}  // namespace ds01::control::test
