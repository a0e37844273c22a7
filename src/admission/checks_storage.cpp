#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/labels.h"
#include "admission/mount_spec.h"
#include "admission/pass.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// The NVIDIA runtime reads the names of files mounted here as a list of GPUs (nvidia-container-toolkit,
// accept-nvidia-visible-devices-as-volume-mounts). /var/run is a link to /run in most images.
constexpr std::array<std::string_view, 2> kGpuMountPoints{"/var/run/nvidia-container-devices",
                                                          "/run/nvidia-container-devices"};

Verdict checkTarget(std::string_view target, std::string_view where) {
  const std::string clean = cleanPath(target);
  for (const std::string_view reserved : kGpuMountPoints) {
    if (atOrBelow(clean, reserved)) {
      return explained(forbidden("gpu_mount", fmt::format("a mount at {} ({}) is not allowed here, because the NVIDIA "
                                                          "runtime takes it for a request; use --gpus",
                                                          shown(clean), where)),
                       {std::string(where), shown(clean), fmt::format("any target but {} and below", reserved)},
                       "Leave the mount out and use --gpus 1.");
    }
  }
  return std::nullopt;
}

Verdict checkKeys(const json::object* map, std::string_view where) {
  if (map == nullptr) return std::nullopt;
  for (const auto& entry : *map) {
    if (Verdict denial = checkTarget({entry.key().data(), entry.key().size()}, where)) return denial;
  }
  return std::nullopt;
}

Denial badVolumeName(std::string_view name, std::string_view where) {
  return malformed(
      "volume_name",
      fmt::format("{} is no name for a volume ({}): two characters or more, letters, digits and _.- only; a "
                  "directory of yours is named by its absolute path",
                  shown(name), where));
}

// What is known of a bind source, or why it cannot be mounted.
std::expected<const BindFact*, Denial> resolveSource(const Context& context, const std::string& source,
                                                     bool read_only) {
  const auto found = context.facts.binds.find(source);
  if (found == context.facts.binds.end()) {
    return std::unexpected(explained(
        forbidden("bind", fmt::format("the directory {} could not be checked, so it cannot be mounted", shown(source))),
        {"HostConfig.Binds, HostConfig.Mounts", shown(source), "a folder that can be looked up"},
        "Try again, or mount a folder below your home."));
  }
  if (!found->second.refusal.empty() || !found->second.resolved.starts_with('/')) {
    const std::string why = found->second.refusal.empty() ? "it has no real path" : found->second.refusal;
    return std::unexpected(
        explained(forbidden("bind", fmt::format("mounting {} is not allowed here: {}", shown(source), why)),
                  {"HostConfig.Binds, HostConfig.Mounts", shown(source), "a folder of your own below your home"},
                  "Mount a folder below your home instead, or copy what you need with docker cp."));
  }
  if (!found->second.writable && !read_only) {
    return std::unexpected(
        explained(forbidden("bind_read_only",
                            fmt::format("you may not write to {}, so it can be mounted read-only only (-v {}:…:ro)",
                                        shown(source), shown(source))),
                  {"HostConfig.Binds, HostConfig.Mounts", shown(source), "read-only"},
                  "Mount it read-only, with :ro or readonly."));
  }
  if (!found->second.warning.empty()) context.out.warnings.push_back("ds01: " + found->second.warning);
  return &found->second;
}

Verdict checkHostPathOptions(const BindSpec& spec) {
  for (const std::string_view option : {"shared", "rshared", "slave", "rslave"}) {
    if (spec.has(option)) {
      return explained(forbidden("bind_propagation", fmt::format("the mount option {} of {} (-v, HostConfig.Binds) is "
                                                                 "not allowed here; leave it out",
                                                                 option, shown(spec.source))),
                       {"HostConfig.Binds", std::string(option), "private, rprivate"},
                       fmt::format("Leave {} out.", option));
    }
  }
  for (const std::string_view option : {"z", "Z"}) {
    if (spec.has(option)) {
      return explained(forbidden("bind_relabel", fmt::format("the mount option {} of {} (-v, HostConfig.Binds) would "
                                                             "relabel files of the host and is not allowed here; leave "
                                                             "it out",
                                                             option, shown(spec.source))),
                       {"HostConfig.Binds", std::string(option), "ro, rw"}, fmt::format("Leave {} out.", option));
    }
  }
  return std::nullopt;
}

// The Engine mounts what a container has there into all that join its network, which have no record of it (moby's
// TrySetNetworkMount and NetworkMounts).
Verdict checkNetworkFile(std::string_view target) {
  const std::string clean = cleanPath(target);
  if (clean != "/etc/hosts" && clean != "/etc/hostname" && clean != "/etc/resolv.conf") return std::nullopt;
  return explained(
      forbidden("bind_target", fmt::format("a folder or file of the host cannot be mounted at {} here; use --add-host, "
                                           "--hostname, --dns",
                                           clean)),
      {"HostConfig.Binds, HostConfig.Mounts", clean, "any other target"}, "Use --add-host, --hostname or --dns.");
}

// Our socket, as it goes to the Engine. Read-only, which keeps nobody from connecting: root in the container would own
// it, and could close it to everybody (chmod).
std::string socketBind(const std::string& socket, const BindSpec& spec) {
  std::string bind = socket + ":" + spec.target + ":ro";
  for (const std::string& option : spec.options) {
    if (option != "ro" && option != "rw") bind += "," + option;
  }
  return bind;
}

// A bind of a folder becomes a mount, because the Engine makes folders for binds that find none.
Verdict moveToMounts(Context& context, const std::string& text, const BindSpec& spec, const BindFact& fact) {
  json::object mount{
      {"Type", "bind"}, {"Source", fact.resolved}, {"Target", spec.target}, {"ReadOnly", spec.has("ro")}};
  for (const std::string_view propagation : {"private", "rprivate"}) {
    if (spec.has(propagation)) mount["BindOptions"] = json::object{{"Propagation", propagation}};
  }
  json::value& value = context.host()["Mounts"];
  if (!value.is_array()) value = json::array();
  json::array& mounts = value.get_array();
  context.out.pins.push_back({.source = spec.source,
                              .bind = text,
                              .create = true,
                              .read_only = spec.has("ro"),
                              .shared = fact.shared,
                              .mapped = fact.mapped,
                              .mount = mounts.size()});
  mounts.push_back(std::move(mount));
  return std::nullopt;
}

// A bind with a path of the host in it. `kept`: those that stay binds.
Verdict takeHostPath(Context& context, const std::string& text, const BindSpec& spec, json::array& kept) {
  if (Verdict denial = checkHostPathOptions(spec)) return denial;
  const auto fact = resolveSource(context, spec.source, spec.has("ro"));
  if (!fact) return fact.error();
  if (!(*fact)->socket) {
    if (Verdict denial = checkNetworkFile(spec.target)) return denial;
    return moveToMounts(context, text, spec, **fact);
  }
  kept.emplace_back(socketBind((*fact)->resolved, spec));
  return std::nullopt;
}

Verdict checkBindMount(Context& context, json::object& mount, std::size_t place) {
  const std::string source(text(mount, "Source"));
  if (!source.starts_with('/')) {
    return malformed("bind_syntax", fmt::format("the source {} of a bind mount (--mount, HostConfig.Mounts) must be an "
                                                "absolute path",
                                                shown(source)));
  }
  bool create = false;
  if (json::object* options = object(mount, "BindOptions")) {
    create = isSet(*options, "CreateMountpoint");
    options->erase("CreateMountpoint");  // the Engine finds a pin or nothing
    const std::string_view propagation = text(*options, "Propagation");
    if (!propagation.empty() && propagation != "rprivate" && propagation != "private") {
      return explained(
          forbidden(
              "bind_propagation",
              fmt::format("bind-propagation={} (HostConfig.Mounts[].BindOptions.Propagation) is not allowed here; "
                          "leave it out",
                          shown(propagation))),
          {"HostConfig.Mounts[].BindOptions.Propagation", shown(propagation), "private, rprivate"},
          "Leave bind-propagation out.");
    }
  }
  const auto fact = resolveSource(context, source, isSet(mount, "ReadOnly"));
  if (!fact) return fact.error();
  mount["Source"] = (*fact)->resolved;
  if ((*fact)->socket) {
    mount["ReadOnly"] = true;  // as in socketBind()
    return std::nullopt;
  }
  if (Verdict denial = checkNetworkFile(text(mount, "Target"))) return denial;
  context.out.pins.push_back({.source = source,
                              .create = create,
                              .read_only = isSet(mount, "ReadOnly"),
                              .shared = (*fact)->shared,
                              .mapped = (*fact)->mapped,
                              .mount = place});
  return std::nullopt;
}

Verdict checkVolumeMount(json::object& mount) {
  const std::string_view name = text(mount, "Source");
  if (!name.empty() && !validVolumeName(name)) return badVolumeName(name, "--mount, HostConfig.Mounts");
  json::object* options = object(mount, "VolumeOptions");
  if (json::object* labels = options == nullptr ? nullptr : object(*options, "Labels")) {
    removeReservedLabels(*labels);
    if (Verdict denial = checkLabelSize(*labels)) return denial;
  }
  const json::object* driver = options == nullptr ? nullptr : object(std::as_const(*options), "DriverConfig");
  if (driver == nullptr) return std::nullopt;
  const std::string_view driver_name = text(*driver, "Name");
  if (!driver_name.empty() && driver_name != "local") {
    return explained(
        forbidden("volume_driver", fmt::format("volume-driver={} (HostConfig.Mounts[].VolumeOptions.DriverConfig.Name) "
                                               "is not allowed here; leave it out",
                                               shown(driver_name))),
        {"HostConfig.Mounts[].VolumeOptions.DriverConfig.Name", shown(driver_name), "local"},
        "Leave volume-driver out.");
  }
  if (isSet(*driver, "Options")) {
    return explained(
        forbidden("volume_options",
                  "volume-opt (HostConfig.Mounts[].VolumeOptions.DriverConfig.Options) is not allowed here, because it "
                  "can mount anything of the host; use a plain volume or a directory of your own"),
        {"HostConfig.Mounts[].VolumeOptions.DriverConfig.Options", "", "nothing"},
        "Use a plain volume, or a folder of your own.");
  }
  return std::nullopt;
}

Verdict checkMount(Context& context, json::object& mount, std::size_t place) {
  const std::string type(text(mount, "Type"));
  if (isSet(mount, "ClusterOptions")) {
    return explained(forbidden("mount_type", "HostConfig.Mounts[].ClusterOptions is not allowed here; leave it out"),
                     {"HostConfig.Mounts[].ClusterOptions", "", "nothing"}, "Leave ClusterOptions out.");
  }
  if (type == "bind") return checkBindMount(context, mount, place);
  if (type == "volume") return checkVolumeMount(mount);
  if (type == "tmpfs" || type == "image") return std::nullopt;
  return explained(
      forbidden("mount_type", fmt::format("a mount of type {} (--mount, HostConfig.Mounts) is not allowed here; use "
                                          "bind, volume, tmpfs or image",
                                          shown(type))),
      {"HostConfig.Mounts[].Type", shown(type), "bind, volume, tmpfs, image"}, "Use a mount of one of these types.");
}

}  // namespace

Verdict checkVolumeDriver(Context& context) {
  const std::string_view driver = text(context.host(), "VolumeDriver");
  if (driver.empty() || driver == "local") return std::nullopt;
  return explained(
      forbidden(
          "volume_driver",
          fmt::format("--volume-driver {} (HostConfig.VolumeDriver) is not allowed here; leave it out", shown(driver))),
      {"HostConfig.VolumeDriver", shown(driver), "local"}, "Leave --volume-driver out.");
}

Verdict checkStorageOptions(Context& context) {
  const json::object* options = object(std::as_const(context.host()), "StorageOpt");
  if (options == nullptr) return std::nullopt;
  for (const auto& option : *options) {
    if (option.key() == "size") continue;
    return explained(forbidden("storage_opt",
                               fmt::format("--storage-opt {} (HostConfig.StorageOpt) is not allowed here; only size is",
                                           shown({option.key().data(), option.key().size()}))),
                     {"HostConfig.StorageOpt", shown({option.key().data(), option.key().size()}), "size"},
                     "Leave the option out.");
  }
  return std::nullopt;
}

// A pass of its own, because a site may let folders pass and still count GPUs.
Verdict checkGpuTargets(Context& context) {
  if (Verdict denial = checkKeys(object(std::as_const(context.body()), "Volumes"), "-v, Volumes")) return denial;
  if (Verdict denial = checkKeys(object(std::as_const(context.host()), "Tmpfs"), "--tmpfs, HostConfig.Tmpfs")) {
    return denial;
  }
  if (const json::array* mounts = array(context.host(), "Mounts")) {
    for (const json::value& item : *mounts) {
      const json::object* mount = item.if_object();
      if (mount == nullptr) return malformed("field_type", "HostConfig.Mounts must be a list of objects");
      if (Verdict denial = checkTarget(text(*mount, "Target"), "--mount, HostConfig.Mounts")) return denial;
    }
  }
  const auto binds = strings(context.host(), "Binds", "HostConfig.");
  if (!binds) return binds.error();
  for (const std::string& bind : *binds) {
    const auto spec = parseBind(bind);
    if (!spec) return spec.error();
    if (Verdict denial = checkTarget(spec->target, "-v, HostConfig.Binds")) return denial;
  }
  return std::nullopt;
}

Verdict checkBinds(Context& context) {
  const auto binds = strings(context.host(), "Binds", "HostConfig.");
  if (!binds) return binds.error();
  if (binds->empty()) return std::nullopt;
  json::array kept;
  for (const std::string& text : *binds) {
    const auto spec = parseBind(text);
    if (!spec) return spec.error();
    if (spec->kind == BindSpec::Kind::HostPath) {
      if (Verdict denial = takeHostPath(context, text, *spec, kept)) return denial;
      continue;
    }
    if (spec->kind == BindSpec::Kind::Named && !validVolumeName(spec->source)) {
      return badVolumeName(spec->source, "-v, HostConfig.Binds");
    }
    kept.emplace_back(text);
  }
  context.host()["Binds"] = std::move(kept);
  return std::nullopt;
}

Verdict checkMounts(Context& context) {
  json::array* mounts = array(context.host(), "Mounts");
  if (mounts == nullptr) return std::nullopt;
  for (std::size_t place = 0; place < mounts->size(); ++place) {
    json::object* mount = (*mounts)[place].if_object();
    if (mount == nullptr) return malformed("field_type", "HostConfig.Mounts must be a list of objects");
    if (Verdict denial = checkMount(context, *mount, place)) return denial;
  }
  return std::nullopt;
}

}  // namespace ds01::admission
