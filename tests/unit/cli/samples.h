// Four GPUs in seven slots, as many sites cut them, and a reader at 14:05:00 in a zone one hour east of UTC.
#pragma once

#include <chrono>
#include <string>

#include "cli/paper.h"
#include "control/types.h"

namespace ds01::cli::test {

inline TimePoint now() {
  return TimePoint{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}} + std::chrono::hours{13} +
         std::chrono::minutes{5};
}

// Piped into a file: no width, no colours, plain ASCII.
inline Paper plainPaper() {
  return {.width = 0, .colour = false, .unicode = false, .now = now(), .utc_offset = [](TimePoint) {
            return std::chrono::seconds{3600};
          }};
}

inline Paper terminal(std::size_t width) {
  Paper paper = plainPaper();
  paper.width = width;
  paper.unicode = true;
  return paper;
}

inline control::GpuRow slot(std::string name, int gpu, std::string profile, std::int64_t micro) {
  control::GpuRow row;
  row.uuid = (profile == "full" ? "GPU-" : "MIG-") + name;
  row.slot = std::move(name);
  row.model = "NVIDIA A100-SXM4-80GB";
  row.profile = std::move(profile);
  row.gpu = gpu;
  row.memory_mib = 81920 * micro / 1'000'000;
  row.gpueq = {micro};
  return row;
}

inline control::GpuRow held(control::GpuRow row, std::string user, std::chrono::seconds since) {
  row.state = control::SlotState::Held;
  row.user = std::move(user);
  row.since = now() - since;
  return row;
}

inline control::StatusSnapshot freeMachine() {
  control::StatusSnapshot s;
  s.gpus = {slot("0", 0, "full", 1'000'000),    slot("1:0", 1, "2g.20gb", 285'714), slot("1:1", 1, "2g.20gb", 285'714),
            slot("1:2", 1, "2g.20gb", 285'714), slot("2:0", 2, "3g.40gb", 428'571), slot("2:1", 2, "3g.40gb", 428'571),
            slot("3", 3, "full", 1'000'000)};
  return s;
}

inline control::StatusSnapshot busyMachine() {
  using namespace std::chrono_literals;
  control::StatusSnapshot s = freeMachine();
  s.gpus[0] = held(s.gpus[0], "m.curie@example.edu", 3min);
  s.gpus[0].container = "train";
  s.gpus[0].container_id = std::string(64, 'a');
  s.gpus[1] = held(s.gpus[1], "m.curie@example.edu", 130min);
  s.gpus[1].container = "notebook";
  s.gpus[4] = held(s.gpus[4], "turing", 76h);
  s.gpus[5] = held(s.gpus[5], "turing", 0s);
  s.users = {{.user = "hopper", .group = "admin", .gpueq = {}, .limit = {}, .containers = 0},
             {.user = "turing", .group = "student", .gpueq = {857'142}, .limit = GpuEq{857'142}, .containers = 2},
             {.user = "m.curie@example.edu",
              .group = "researcher",
              .gpueq = {1'285'714},
              .limit = GpuEq::whole(2),
              .containers = 12}};
  return s;
}

}  // namespace ds01::cli::test
