// --volumes-from. The Engine would read the other container's mounts once more when it makes the new one, and would
// mount the very same there: pins, which go with the other container, and whatever it has got by then. So the request
// is rewritten into what its owner would have written for each: the volume's name, the folder's own path. What is
// looked at further on, and sent, is that; VolumesFrom itself is not sent.
#include <algorithm>
#include <array>
#include <expected>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/mount_spec.h"
#include "admission/pass.h"
#include "admission/references.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

using Mounts = std::map<std::string, json::object>;  // by clean target

struct Entry {
  std::string container;
  bool read_only = false;
};

// "REF[:OPTIONS]" as moby's ParseVolumesFrom reads it: the options are those of a mount, without what says how to
// mount.
std::expected<Entry, Denial> parseEntry(const std::string& text) {
  const std::size_t colon = text.find(':');
  Entry entry{text.substr(0, colon)};
  const std::string options = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  const auto spec = parseBind(options.empty() ? std::string("/from:/to") : fmt::format("/from:/to:{}", options));
  static constexpr std::array<std::string_view, 7> kRefused{"nocopy", "private", "rprivate", "slave",
                                                            "rslave", "shared",  "rshared"};
  const auto refused = [&spec](std::string_view option) { return spec->has(option); };
  if (entry.container.empty() || !spec || std::ranges::any_of(kRefused, refused)) {
    return std::unexpected(malformed("volumes_from", fmt::format("invalid specification {} (--volumes-from, "
                                                                 "HostConfig.VolumesFrom); it is CONTAINER[:ro|:rw]",
                                                                 shown(text))));
  }
  entry.read_only = spec->has("ro");
  return entry;
}

// Where the request itself mounts something, which goes before what it takes over.
std::set<std::string> ownTargets(const json::object& host) {
  std::set<std::string> targets;
  if (const auto binds = strings(host, "Binds", "HostConfig.")) {
    for (const std::string& text : *binds) {
      if (const auto spec = parseBind(text)) targets.insert(cleanPath(spec->target));
    }
  }
  if (const json::object* tmpfs = object(host, "Tmpfs")) {
    for (const auto& entry : *tmpfs) targets.insert(cleanPath({entry.key().data(), entry.key().size()}));
  }
  const json::array* mounts = array(host, "Mounts");
  if (mounts == nullptr) return targets;
  for (const json::value& element : *mounts) {
    if (const json::object* mount = element.if_object()) targets.insert(cleanPath(text(*mount, "Target")));
  }
  return targets;
}

Denial cannotTake(const Entry& entry, const MountFact& mount, std::string_view why) {
  return explained(
      forbidden("volumes_from", fmt::format("what {} has mounted at {} cannot be had by --volumes-from "
                                            "(HostConfig.VolumesFrom) here: {}",
                                            shown(entry.container), shown(mount.target), why)),
      {"HostConfig.VolumesFrom", shown(entry.container), "containers of your own with volumes and folders of your own"},
      fmt::format("Name what you need of it with -v, or mount something else at {}.", shown(mount.target)));
}

json::object volume(const MountFact& fact) {
  // The Engine does not copy what the image has there into what it takes from another container.
  json::object options{{"NoCopy", true}};
  if (!fact.subpath.empty()) options["Subpath"] = fact.subpath;
  return {{"Type", "volume"}, {"Source", fact.source}, {"VolumeOptions", std::move(options)}};
}

json::object tmpfs(const MountFact& fact) {
  json::object options;
  if (fact.tmpfs_size > 0) options["SizeBytes"] = fact.tmpfs_size;
  if (fact.tmpfs_mode > 0) options["Mode"] = fact.tmpfs_mode;
  json::object mount{{"Type", "tmpfs"}};
  if (!options.empty()) mount["TmpfsOptions"] = std::move(options);
  return mount;
}

// The same mount as a request would ask for it.
std::expected<json::object, Denial> asAsked(const Context& context, const Entry& entry, const MountFact& fact) {
  json::object mount;
  if (fact.type == "tmpfs") {
    mount = tmpfs(fact);
  } else if (fact.type == "bind" && !fact.source.empty()) {
    mount = {{"Type", "bind"}, {"Source", fact.source}};
  } else if (fact.type == "bind") {
    return std::unexpected(cannotTake(entry, fact, "it is no folder that you could mount by yourself"));
  } else if (fact.type == "volume" && validVolumeName(fact.source)) {
    const auto known = context.facts.volumes.find(fact.source);
    if (known != context.facts.volumes.end() && !known->second.own) {
      return std::unexpected(cannotTake(entry, fact, "the volume is not yours"));
    }
    mount = volume(fact);
  } else {
    return std::unexpected(cannotTake(entry, fact, fmt::format("it is a mount of type {}", shown(fact.type))));
  }
  mount["Target"] = fact.target;
  if (entry.read_only || fact.read_only) mount["ReadOnly"] = true;
  return mount;
}

std::expected<Mounts, Denial> mountsFrom(const Context& context, const Entry& entry, const ContainerFact& container,
                                         const std::set<std::string>& taken) {
  Mounts mounts;
  for (const MountFact& fact : container.mounts) {
    const std::string target = cleanPath(fact.target);
    if (taken.contains(target)) continue;
    auto mount = asAsked(context, entry, fact);
    if (!mount) return std::unexpected(std::move(mount.error()));
    mounts[target] = std::move(*mount);
  }
  return mounts;
}

void addMounts(json::object& host, Mounts mounts) {
  if (mounts.empty()) return;
  json::value& list = host["Mounts"];
  if (!list.is_array()) list = json::array();
  for (auto& [target, mount] : mounts) list.get_array().push_back(std::move(mount));
}

}  // namespace

Verdict takeVolumesFrom(Context& context) {
  const auto entries = strings(context.host(), "VolumesFrom", "HostConfig.");
  if (!entries) return entries.error();
  if (entries->empty()) return std::nullopt;
  // While neither counts, what cannot be said in other words goes on to the Engine.
  const bool watched = context.excused(RuleClass::Ownership) && context.excused(RuleClass::Mounts);
  const std::set<std::string> taken = ownTargets(context.host());
  Mounts all;
  json::array kept;
  for (const std::string& text : *entries) {
    const auto entry = parseEntry(text);
    if (!entry) return entry.error();
    const auto found = context.facts.containers.find(entry->container);
    if (found == context.facts.containers.end() || !found->second.own) return noSuchContainer(entry->container);
    auto mounts = mountsFrom(context, *entry, found->second, taken);
    if (mounts) {
      for (auto& [target, mount] : *mounts) all[target] = std::move(mount);  // the last one named wins
    } else if (watched) {
      kept.emplace_back(found->second.id.str() + (entry->read_only ? ":ro" : ""));
    } else {
      // Whose the container is has been settled.
      mounts.error().rules = RuleClass::Mounts;
      return std::move(mounts.error());
    }
  }
  addMounts(context.host(), std::move(all));
  if (kept.empty()) {
    context.host().erase("VolumesFrom");
  } else {
    context.host()["VolumesFrom"] = std::move(kept);
  }
  return std::nullopt;
}

}  // namespace ds01::admission
