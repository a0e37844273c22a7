#include "allocator/refusal.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "allocator/foreign.h"
#include "allocator/suggestion.h"
#include "base/time_text.h"

namespace ds01::allocator {
namespace {

constexpr std::size_t kListed = 8;  // longer lists end with "and N more"

// What the user wrote, fit to stand in a sentence.
std::string quoted(std::string_view text) {
  static constexpr std::size_t kLongest = 64;
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) out += c >= ' ' && c <= '~' && c != '"' && c != '\\' ? c : '?';
  return out + (text.size() > kLongest ? "...\"" : "\"");
}

// "a, b, c and 9 more"; `items` may have been cut to kListed of `total` already.
std::string listed(const std::vector<std::string>& items, std::size_t total = 0) {
  const std::size_t shown = std::min(items.size(), kListed);
  total = std::max(total, items.size());
  std::string text =
      fmt::format("{}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < total) text += fmt::format(" and {} more", total - shown);
  return text;
}

std::string slotNames(const Pool& pool, std::span<const SlotIndex> slots) {
  std::vector<std::string> names;
  for (const SlotIndex i : slots) names.push_back(pool.slot(i).slot);
  return fmt::format("{} {}", slots.size() == 1 ? "slot" : "slots", listed(names));
}

std::string slotNames(const Pool& pool, const Lease& lease) {
  std::vector<std::string> names;
  for (const std::string& uuid : lease.uuids) {
    const auto slot = pool.byUuid(uuid);
    names.push_back(slot ? pool.slot(*slot).slot : uuid);
  }
  return fmt::format("{} {}", names.size() == 1 ? "slot" : "slots", listed(names));
}

// What `docker rm` takes.
std::string nameOf(const Lease& lease) {
  return lease.container_name.empty() ? lease.container.str().substr(0, 12) : lease.container_name;
}

std::string whereHeld(const Lease& lease) {
  const std::string name = nameOf(lease);
  if (lease.state == Lease::State::Bound) return "in " + name;
  return name.empty() ? "being created" : fmt::format("in {}, being created", name);
}

std::string worth(GpuEq amount) {
  if (amount < GpuEq::whole(1)) return toString(amount) + " of a GPU";
  return toString(amount) + (amount == GpuEq::whole(1) ? " GPU's worth" : " GPUs' worth");
}

// "You hold 2 GPUs' worth (slot 0 in train; slot 3 in eval)"
std::string holding(const Pool& pool, const Budget& budget, std::span<const Lease* const> own) {
  if (own.empty()) return "You hold no GPU";
  std::string where;
  for (const Lease* lease : own.first(std::min(own.size(), kListed))) {
    where += fmt::format("{}{} {}", where.empty() ? "" : "; ", slotNames(pool, *lease), whereHeld(*lease));
  }
  if (own.size() > kListed) where += fmt::format(" and {} more", own.size() - kListed);
  return fmt::format("You hold {} ({})", worth(budget.held), where);
}

std::string askedFor(const Pool& pool, const GpuRequest& request) {
  if (request.kind == GpuRequest::Kind::All) return "all GPUs";
  if (request.kind == GpuRequest::Kind::Devices) {
    std::vector<std::string> names;
    for (const std::string& name : request.devices) {
      auto slot = pool.bySlotName(name);
      if (!slot) slot = pool.byUuid(name);
      names.push_back(slot ? pool.slot(*slot).slot : quoted(name));
    }
    return fmt::format("{} {}", names.size() == 1 ? "slot" : "slots", listed(names));
  }
  if (request.count != 1) {
    const bool mig = !request.profile.empty() && request.profile != "full";
    return fmt::format("{} {}", request.count, mig ? "times " + quoted(request.profile) : "whole GPUs");
  }
  if (request.profile.empty()) return "one GPU";
  return request.profile == "full" ? "one whole GPU" : "one MIG slice " + quoted(request.profile);
}

std::string quotaText(const ReserveRequest& request, const Budget& budget, const Misfit& misfit) {
  const std::string_view more = budget.held_slots > 0 ? " more" : "";
  const std::string& group = request.limits.group;
  if (budget.max_slots && budget.held_slots + misfit.asked_slots > *budget.max_slots) {
    return fmt::format("asked for {}{}; your limit is {} (max_gpu_slots, group {})", misfit.asked_slots, more,
                       *budget.max_slots, group);
  }
  const bool any =
      request.gpu.kind != GpuRequest::Kind::Devices && request.gpu.profile.empty() && misfit.asked < GpuEq::whole(1);
  return fmt::format("asked for {}{}{}; your limit is {} ({}, group {})", any ? "at least " : "",
                     toString(misfit.asked), more, toString(*budget.limit), budget.limit_key, group);
}

std::string neverText(const Pool& pool, const ReserveRequest& request, const Misfit& misfit) {
  const std::string asked = askedFor(pool, request.gpu);
  switch (misfit.problem) {
    case Problem::NoGpus:
      return fmt::format("asked for {}; this machine has no GPU to give", asked);
    case Problem::TooFewWhole: {
      const auto whole = std::ranges::count_if(pool.inventory().slots, &GpuSlot::whole);
      return fmt::format("asked for {}; this machine has {}", asked, whole == 0 ? "none" : std::to_string(whole));
    }
    case Problem::UnknownProfile: {
      std::vector<std::string> kinds;
      for (const GpuSlot& slot : pool.inventory().slots) {
        if (std::ranges::find(kinds, slot.profile) == kinds.end()) kinds.push_back(slot.profile);
      }
      return fmt::format("asked for {}; the kinds on this machine are {}", asked, listed(kinds));
    }
    case Problem::ProfileNeedsOne:
    case Problem::SeveralMig:
      return fmt::format("asked for {}; a CUDA process can use only one MIG slice, so a container gets only one",
                         asked);
    case Problem::MigAndWhole:
      return fmt::format("asked for {}; a CUDA process cannot use a MIG slice beside a whole GPU", asked);
    default:
      return fmt::format("asked for {}; one is the least", asked);
  }
}

// Who has these, or will: what is kept for others is as good as held.
std::string holders(const Pool& pool, const ReserveRequest& request, std::span<const SlotIndex> slots,
                    const SlotSet& kept) {
  std::vector<std::string> items;
  std::size_t held = 0;
  for (const SlotIndex i : slots) {
    const Lease* lease = pool.holder(i);
    const GpuUse* use = pool.foreignUse(i);
    if ((!lease && !use && !kept.contains(i)) || ++held > kListed) continue;
    if (!lease && !use) {
      items.push_back(pool.slot(i).slot + " kept for who came first");
      continue;
    }
    const std::string since = toRfc3339(lease ? lease->since : use->since);
    const std::string who = !lease                      ? "a container outside of DS01"
                            : lease->uid == request.uid ? "you " + whereHeld(*lease)
                                                        : lease->login;
    items.push_back(fmt::format("{} by {} since {} {} UTC", pool.slot(i).slot, who,
                                std::string_view(since).substr(0, 10), std::string_view(since).substr(11, 5)));
  }
  return listed(items, held);
}

std::string noneFreeText(const Pool& pool, const ReserveRequest& request, const Misfit& misfit, const SlotSet& kept) {
  const auto free =
      std::ranges::count_if(misfit.slots, [&](SlotIndex i) { return available(pool, i, {.kept = &kept}); });
  const std::string asked = askedFor(pool, request.gpu);
  const std::string who = holders(pool, request, misfit.slots, kept);
  if (misfit.asked_slots > 1) {
    return fmt::format("asked for {}; {} of {} {} free, held are {}", asked, free, misfit.slots.size(),
                       free == 1 ? "is" : "are", who);
  }
  return fmt::format("asked for {}; {} held: {}", asked,
                     misfit.slots.size() == 1 ? "the only slot that would do is"
                                              : fmt::format("all {} slots that would do are", misfit.slots.size()),
                     who);
}

// "0 (the driver reports …), 3 (…)"
std::string outOfOrderText(const Pool& pool, const ReserveRequest& request, const Misfit& misfit) {
  std::vector<std::string> items;
  for (const SlotIndex i : misfit.slots) items.push_back(fmt::format("{} ({})", pool.slot(i).slot, pool.slot(i).sick));
  return fmt::format("asked for {}; out of order: {}", askedFor(pool, request.gpu), listed(items));
}

// A wrong name is answered with the right ones; what is held does not matter.
std::string deviceText(const Pool& pool, const ReserveRequest& request, const Misfit& misfit) {
  const std::string subject = quoted(misfit.subject);
  std::vector<std::string> names;
  const auto describe = [&](const GpuSlot& slot) { return fmt::format("{} ({})", slot.slot, slot.profile); };
  switch (misfit.problem) {
    case Problem::NoDeviceNamed:
      return "The request names no GPU. Name a slot (--gpus device=SLOT) or ask for a number (--gpus 1).";
    case Problem::CutGpu:
      for (const SlotIndex i : misfit.slots) names.push_back(describe(pool.slot(i)));
      return fmt::format("GPU {} is cut into MIG slices and cannot be had as a whole. Name one of its slices: {}.",
                         misfit.subject, listed(names));
    case Problem::SameDeviceTwice:
      return fmt::format("The request names a GPU twice: {}. Name each slot once.", subject);
    case Problem::WrongProfile:
      return fmt::format(
          "Slot {} is of kind {}, but the label ds01.request.profile asks for {}. Leave one of the two out.",
          pool.slot(misfit.slots.front()).slot, pool.slot(misfit.slots.front()).profile, quoted(request.gpu.profile));
    default:
      for (const GpuSlot& slot : pool.inventory().slots) names.push_back(describe(slot));
      if (names.empty()) return fmt::format("There is no GPU {}: this machine has no GPU to give.", subject);
      return fmt::format("There is no GPU {}. The slots are {}.", subject, listed(names));
  }
}

// "Remove train (docker rm -f train), or ask for …."; empty if nothing would work.
std::string whatWorks(const Pool& pool, const ReserveRequest& request, const Budget& budget,
                      std::span<const Lease* const> own, const SlotSet& kept) {
  const Suggestion suggestion = suggest(pool, request, budget, own, kept);
  std::string text;
  if (!suggestion.remove.empty()) {
    std::vector<std::string> names;
    for (const Lease* lease : suggestion.remove) names.push_back(nameOf(*lease));
    const bool one_of_several = names.size() == 1 && own.size() > 1;
    text = fmt::format("Remove {} (docker rm -f {})",
                       one_of_several ? "one of them" : fmt::format("{}", fmt::join(names, " and ")),
                       fmt::join(names, " "));
  }
  if (suggestion.instead.empty()) return text.empty() ? text : text + ".";
  text += text.empty() ? "Ask for " : ", or ask for ";
  if (suggestion.instead.size() > 1) {
    return text +
           fmt::format("--gpus {}: {} are free.", suggestion.instead.size(), slotNames(pool, suggestion.instead));
  }
  const GpuSlot& slot = pool.slot(suggestion.instead.front());
  if (suggestion.by_device) return text + fmt::format("--gpus device={}: it is of the same kind and free.", slot.slot);
  if (slot.whole()) return text + fmt::format("one GPU (--gpus 1): slot {} is free and would fit.", slot.slot);
  return text + fmt::format("a MIG slice (--gpus 1): {} in slot {} is free and {} would fit.", slot.profile, slot.slot,
                            toString(slot.weight));
}

std::string sentence(const Pool& pool, const ReserveRequest& request, const Budget& budget, const Misfit& misfit,
                     const SlotSet& kept) {
  const std::string& group = request.limits.group;
  switch (misfit.code) {
    case RefusalCode::Quota:
      return quotaText(request, budget, misfit);
    case RefusalCode::PerContainerCap:
      return fmt::format("asked for {}; your limit is {} in one container (max_gpu_slots_per_container, group {})",
                         askedFor(pool, request.gpu), *budget.per_container, group);
    case RefusalCode::FullGpuNotAllowed:
      return fmt::format("asked for {}; only whole GPUs would do, and group {} may not use them (allow_full_gpu)",
                         askedFor(pool, request.gpu), group);
    case RefusalCode::NeverSatisfiable:
      return neverText(pool, request, misfit);
    case RefusalCode::DeviceHeld:
      return fmt::format("asked for {}; held: {}", askedFor(pool, request.gpu),
                         holders(pool, request, misfit.slots, kept));
    case RefusalCode::OutOfOrder:
      return outOfOrderText(pool, request, misfit);
    default:
      return noneFreeText(pool, request, misfit, kept);
  }
}

}  // namespace

Refusal explain(const Pool& pool, const ReserveRequest& request, const Budget& budget, const Misfit& misfit,
                std::span<const Lease* const> own, const SlotSet& kept) {
  Refusal refusal{.code = misfit.code, .held = budget.held, .asked = misfit.asked};
  for (const Lease* lease : own) {
    const std::string name = nameOf(*lease);
    const std::string_view state = lease->state == Lease::State::Bound ? "" : ", being created";
    refusal.held_by_user.push_back(
        fmt::format("{} (container {}{})", slotNames(pool, *lease), name.empty() ? "without a name" : name, state));
  }
  refusal.all_slots = static_cast<std::int64_t>(pool.size());
  for (SlotIndex i = 0; i < pool.size(); ++i) refusal.free_slots += pool.free(i) ? 1 : 0;
  if (misfit.code == RefusalCode::NoSuchDevice) {
    refusal.text = deviceText(pool, request, misfit);
    return refusal;
  }
  if (misfit.code == RefusalCode::PerContainerCap) {
    refusal.limit_key = "max_gpu_slots_per_container";
  } else if (misfit.code == RefusalCode::FullGpuNotAllowed) {
    refusal.limit_key = "allow_full_gpu";
  } else if (misfit.code == RefusalCode::Quota) {
    const bool slots_bind = budget.max_slots && budget.held_slots + misfit.asked_slots > *budget.max_slots;
    refusal.limit_key = slots_bind ? "max_gpu_slots" : budget.limit_key;
    if (!slots_bind) refusal.limit = budget.limit;
  }
  refusal.text = fmt::format("{} and {}.", holding(pool, budget, own), sentence(pool, request, budget, misfit, kept));
  const bool waiting_helps = misfit.code == RefusalCode::NoneFree || misfit.code == RefusalCode::DeviceHeld;
  refusal.remedy = whatWorks(pool, request, budget, own, kept);
  if (refusal.remedy.empty() && misfit.code == RefusalCode::OutOfOrder) {
    refusal.remedy = "Please tell your administrator.";
  } else if (refusal.remedy.empty() && waiting_helps) {
    refusal.remedy = "Try again when it is given back; ds01 status shows who holds what.";
  }
  if (!refusal.remedy.empty()) refusal.text += " " + refusal.remedy;
  return refusal;
}

}  // namespace ds01::allocator
