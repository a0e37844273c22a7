#include "allocator/devices.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace ds01::allocator {
namespace {

Misfit misnamed(Problem problem, std::string_view subject) {
  return {.code = RefusalCode::NoSuchDevice, .problem = problem, .subject = std::string(subject)};
}

// The instances of the GPU with this index; empty if the name is no index.
std::vector<SlotIndex> instancesOf(const Pool& pool, std::string_view name) {
  std::int32_t index = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc{} || end != name.data() + name.size()) return {};
  const auto gpu = std::ranges::find(pool.gpus(), index, &Pool::Gpu::index);
  return gpu == pool.gpus().end() ? std::vector<SlotIndex>{} : gpu->slots;
}

std::expected<SlotIndex, Misfit> resolve(const Pool& pool, std::string_view name) {
  if (const auto slot = pool.bySlotName(name)) return *slot;
  if (const auto slot = pool.byUuid(name)) return *slot;
  Misfit misfit = misnamed(Problem::UnknownDevice, name);
  if (misfit.slots = instancesOf(pool, name); !misfit.slots.empty()) misfit.problem = Problem::CutGpu;
  return std::unexpected(std::move(misfit));
}

std::expected<std::vector<SlotIndex>, Misfit> resolveAll(const Pool& pool, const GpuRequest& request) {
  if (request.devices.empty()) return std::unexpected(misnamed(Problem::NoDeviceNamed, {}));
  std::vector<SlotIndex> slots;
  for (const std::string& name : request.devices) {
    const std::expected<SlotIndex, Misfit> slot = resolve(pool, name);
    if (!slot) return std::unexpected(slot.error());
    if (std::ranges::find(slots, *slot) != slots.end())
      return std::unexpected(misnamed(Problem::SameDeviceTwice, name));
    if (!request.profile.empty() && pool.slot(*slot).profile != request.profile) {
      Misfit misfit = misnamed(Problem::WrongProfile, name);
      misfit.slots = {*slot};
      return std::unexpected(std::move(misfit));
    }
    slots.push_back(*slot);
  }
  return slots;
}

}  // namespace

std::expected<std::vector<SlotIndex>, Misfit> placeDevices(const Pool& pool, const GpuRequest& request,
                                                           const Budget& budget, const Assumed& assumed) {
  using enum RefusalCode;
  std::expected<std::vector<SlotIndex>, Misfit> slots = resolveAll(pool, request);
  if (!slots) return slots;

  Misfit misfit{.asked = weightOf(pool, *slots), .asked_slots = static_cast<std::int64_t>(slots->size())};
  const auto refuse = [&](RefusalCode code, Problem problem = Problem::None) {
    misfit.code = code;
    misfit.problem = problem;
    return std::unexpected(std::move(misfit));
  };
  const auto whole = std::ranges::count_if(*slots, [&](SlotIndex i) { return pool.slot(i).whole(); });
  if (whole < misfit.asked_slots && misfit.asked_slots > 1) {
    return refuse(NeverSatisfiable, whole > 0 ? Problem::MigAndWhole : Problem::SeveralMig);
  }
  if (whole > 0 && !budget.allow_full) return refuse(FullGpuNotAllowed);
  if (budget.per_container && misfit.asked_slots > *budget.per_container) return refuse(PerContainerCap);
  if (!budget.fits(misfit.asked, misfit.asked_slots)) return refuse(Quota);
  std::ranges::copy_if(*slots, std::back_inserter(misfit.slots), [&](SlotIndex i) { return !pool.slot(i).healthy(); });
  if (!misfit.slots.empty()) return refuse(OutOfOrder);
  std::ranges::copy_if(*slots, std::back_inserter(misfit.slots),
                       [&](SlotIndex i) { return !available(pool, i, assumed); });
  if (!misfit.slots.empty()) return refuse(DeviceHeld);
  return slots;
}

}  // namespace ds01::allocator
