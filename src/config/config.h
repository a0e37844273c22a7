// The configuration of a site as plain data: who belongs where and what each layer says. Made by compile(), unchanged
// from then on; may be read from any thread. What one login may have is merged at look-up, see lookup.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "config/daemon_settings.h"
#include "model/rollout.h"

namespace ds01::config {

// Where something stands in the files.
struct Place {
  std::shared_ptr<const std::string> file;  // shared by all that stands in it; null: in none
  int line = 0;                             // 0: the file as a whole
};

// What one layer says about one key: nothing (the layer below holds), a value, or that there is no limit.
template <typename T>
struct Setting {
  bool present = false;
  std::optional<T> value;  // unset while present: unlimited, which some keys cannot be
  Place at;

  void overrideWith(const Setting& upper) {
    if (upper.present) *this = upper;
  }
};

struct AggregateLayer {
  Setting<CpuMillis> cpu_quota;
  Setting<Bytes> memory_max;
  Setting<Bytes> memory_high;
  Setting<std::int64_t> tasks_max;
  Setting<GpuEq> gpu_limit;
};

// None of these can be unlimited.
struct PoliciesLayer {
  Setting<double> gpu_idle_threshold;
  Setting<double> cpu_idle_threshold;
  Setting<std::int64_t> network_idle_threshold;
  Setting<std::int64_t> idle_detection_window;
  Setting<std::chrono::seconds> sigterm_grace;
};

// One of the layers defaults, a group, an override. Names are those of the keys.
struct LimitsLayer {
  Setting<GpuEq> max_gpu_equivalents;
  Setting<std::int64_t> max_gpu_slots;
  Setting<std::int64_t> max_gpus_per_user;
  Setting<std::int64_t> max_mig_instances;
  Setting<std::int64_t> max_gpu_slots_per_container;
  Setting<std::int64_t> max_gpus_per_container;
  Setting<std::int64_t> max_mig_per_container;
  Setting<bool> allow_full_gpu;                    // never unlimited
  Setting<bool> host_network;                      // never unlimited
  Setting<bool> buildkit;                          // never unlimited
  Setting<bool> host_ipc;                          // never unlimited
  Setting<bool> run_as_owner;                      // never unlimited
  Setting<std::vector<std::string>> capabilities;  // never unlimited; names without CAP_, in capitals
  Setting<std::int64_t> max_containers_per_user;
  Setting<std::int64_t> priority;  // never unlimited

  Setting<CpuMillis> max_cpus;
  Setting<Bytes> memory;
  Setting<Bytes> memory_swap;
  Setting<Bytes> shm_size;
  Setting<std::int64_t> pids_limit;

  Setting<std::chrono::seconds> max_runtime;
  Setting<std::chrono::seconds> idle_timeout;
  Setting<std::chrono::seconds> gpu_hold_after_stop;
  Setting<std::chrono::seconds> container_hold_after_stop;

  AggregateLayer aggregate;
  PoliciesLayer policies;
};

struct Group {
  std::string name;
  LimitsLayer limits;
};

// The policies in force for one login, or those of the site.
struct Policies {
  double gpu_idle_threshold = 5;                    // per cent
  double cpu_idle_threshold = 2;                    // per cent
  std::int64_t network_idle_threshold = 1'048'576;  // bytes per check
  std::int64_t idle_detection_window = 3;           // checks in a row
  std::chrono::seconds sigterm_grace{60};
  double high_demand_threshold = 0.8;       // fraction of the GPUs
  double high_demand_idle_reduction = 0.5;  // factor on the idle timeout
  std::chrono::seconds grace_period = std::chrono::minutes(30);
  std::chrono::seconds created_container_timeout = std::chrono::minutes(30);
  std::chrono::seconds keepalive_max_duration = std::chrono::hours(24);
  std::chrono::seconds gpu_hold_after_manual_stop = std::chrono::minutes(15);
};

struct ContainerType {
  Setting<std::chrono::seconds> idle_timeout;
  Setting<std::chrono::seconds> max_runtime;
  Setting<std::chrono::seconds> container_hold_after_stop;
  Setting<std::chrono::seconds> sigterm_grace;  // never unlimited
};

struct Exemption {
  std::string login;
  bool idle_timeout = false;
  bool max_runtime = false;
  std::string reason;
  std::string approved_by;
  std::optional<TimePoint> approved_on;
  std::optional<TimePoint> expires_on;  // unset: never
  std::string category;                 // research_grant, waiver, or empty
  Place at;
};

// That a file puts a login into a group.
struct Membership {
  std::string group;
  Place at;
};
using Memberships = std::map<std::string, Membership, std::less<>>;  // by login

struct AccessControl {
  std::set<std::string, std::less<>> admin_users;
  std::string admin_group = "ds01-admin";
  Rollout rollout;
};

struct Config {
  LimitsLayer defaults;
  std::vector<Group> groups;  // in the order of the file
  std::string default_group = "student";
  Place default_group_at;
  Memberships group_overrides;
  Memberships members;                                        // in the first group that names the login
  std::set<std::string, std::less<>> archived;                // logins that may not use the machine any more
  std::map<std::string, LimitsLayer, std::less<>> overrides;  // by login

  AccessControl access;
  bool aggregate_limits = true;  // whether slices get the aggregate limits
  Policies policies;             // of the site, before groups and overrides
  PoliciesLayer site_policies;   // what of these the file says
  std::map<std::string, ContainerType, std::less<>> container_types;
  std::vector<Exemption> exemptions;
  DaemonSettings daemon;
};

}  // namespace ds01::config
