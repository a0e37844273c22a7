#include "unit/allocator/scene.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/format.h>

namespace ds01::allocator::test {

Inventory machine(const std::vector<std::vector<std::string>>& gpus) {
  Inventory inventory;
  for (std::size_t g = 0; g < gpus.size(); ++g) {
    for (std::size_t i = 0; i < gpus[g].size(); ++i) {
      const std::string& profile = gpus[g][i];
      const bool whole = profile == "full";
      GpuSlot slot;
      slot.slot = whole ? fmt::format("{}", g) : fmt::format("{}:{}", g, i);
      slot.uuid = (whole ? "GPU-" : "MIG-") + slot.slot;
      slot.model = "NVIDIA A100-SXM4-80GB";
      slot.profile = profile;
      slot.gpu = static_cast<std::int32_t>(g);
      slot.weight = whole ? GpuEq::whole(1) : GpuEq{(profile.front() - '0') * 1'000'000 / 7};
      inventory.slots.push_back(std::move(slot));
    }
  }
  return inventory;
}

Inventory siteMachine() {
  return machine({{"full"}, {"2g.20gb", "2g.20gb", "2g.20gb"}, {"3g.40gb", "3g.40gb"}, {"full"}});
}

GpuRequest count(std::int64_t number, std::string profile) {
  return {.kind = GpuRequest::Kind::Count, .count = number, .devices = {}, .profile = std::move(profile)};
}

GpuRequest all(std::string profile) {
  return {.kind = GpuRequest::Kind::All, .count = -1, .devices = {}, .profile = std::move(profile)};
}

GpuRequest devices(std::vector<std::string> names) {
  return {.kind = GpuRequest::Kind::Devices, .count = 0, .devices = std::move(names), .profile = {}};
}

Limits unlimited() {
  Limits limits;
  limits.group = "student";
  return limits;
}

Limits quota(double gpus) {
  Limits limits = unlimited();
  limits.max_gpu_equivalents = GpuEq{std::llround(gpus * 1e6)};
  limits.aggregate.gpu_limit = limits.max_gpu_equivalents;
  return limits;
}

std::uint32_t Scene::uid(const std::string& login) {
  auto known = std::ranges::find(logins_, login);
  if (known == logins_.end()) known = logins_.insert(logins_.end(), login);
  return 1000 + static_cast<std::uint32_t>(known - logins_.begin());
}

std::expected<Lease, Refusal> Scene::ask(const std::string& login, const GpuRequest& gpu, const Limits& limits,
                                         GpusForAll gpus_for_all, const std::string& container) {
  const auto start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + std::chrono::hours{8};
  ReserveRequest request;
  request.id = LeaseId(fmt::format("L{:016x}", asked_));
  request.uid = uid(login);
  request.login = login;
  request.group = limits.group;
  request.container_name = container;
  request.decision = DecisionId(fmt::format("D{:012x}", asked_));
  request.gpu = gpu;
  request.limits = limits;
  request.gpus_for_all = gpus_for_all;
  request.now = start + std::chrono::minutes{asked_++};
  return ledger.reserve(request);
}

Lease Scene::hold(const std::string& login, const std::string& container, const GpuRequest& gpu, const Limits& limits) {
  const std::expected<Lease, Refusal> lease = ask(login, gpu, limits, GpusForAll::One, container);
  if (!lease) throw std::runtime_error(container + " was refused: " + lease.error().text);
  const Status bound = ledger.bind(lease->id, ContainerId("c-" + container), container);
  if (!bound) throw std::runtime_error(bound.error().message());
  return *ledger.find(lease->id);
}

std::string Scene::slots(const std::expected<Lease, Refusal>& answer) const {
  if (!answer) return "refused: " + answer.error().text;
  std::string names;
  for (const std::string& uuid : answer->uuids) names += (names.empty() ? "" : ",") + ledger.slotByUuid(uuid)->slot;
  return names;
}

}  // namespace ds01::allocator::test
