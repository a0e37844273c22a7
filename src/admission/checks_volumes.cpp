#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/labels.h"
#include "admission/mount_spec.h"
#include "admission/pass.h"
#include "admission/references.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// Each becomes a mount of some hundred bytes, and a directory that the Engine makes. An image can declare any number.
constexpr std::size_t kMostVolumes = 256;

// Engines from 23 on mark so what nobody gave a name, but not what comes as a mount; `docker volume prune` goes by it.
constexpr ApiVersion kMarksAnonymous{1, 42};

std::string_view key(const json::key_value_pair& member) {
  return {member.key().data(), member.key().size()};
}

// The object under `name`, made if there is none. Ends with the next insertion into `from`.
json::object& objectAt(json::object& from, std::string_view name) {
  json::value& value = from[name];
  if (!value.is_object()) value = json::object();
  return value.get_object();
}

// The Engine gives a volume that it makes for a mount the labels that stand there; those of one that is there already
// stay as they are.
void markMount(json::object& mount, const User& owner) {
  json::object& labels = objectAt(objectAt(mount, "VolumeOptions"), "Labels");
  for (const auto& [name, value] : ownerLabels(owner)) labels[name] = value;
}

void addAnonymous(json::array& mounts, std::string_view target, const Facts& facts) {
  json::object mount{{"Type", "volume"}, {"Target", target}};
  markMount(mount, ownerOf(facts));
  if (facts.engine.api >= kMarksAnonymous) {
    mount.at("VolumeOptions").at("Labels").get_object()["com.docker.volume.anonymous"] = "";
  }
  mounts.emplace_back(std::move(mount));
}

// Before anything is made of them.
Verdict refuseTooMany(const Context& context) {
  std::size_t count = context.facts.image_volumes.size();
  if (const json::object* volumes = object(std::as_const(context.body()), "Volumes")) count += volumes->size();
  for (const std::string_view list : {"Binds", "Mounts"}) {
    if (const json::array* mounts = array(std::as_const(context.host()), list)) count += mounts->size();
  }
  if (count <= kMostVolumes) return std::nullopt;
  return malformed("too_many_volumes", fmt::format("the container and its image name {} volumes and mounts; {} are "
                                                   "allowed together",
                                                   count, kMostVolumes));
}

// Where something is mounted by the request itself.
std::set<std::string> mountedAt(const json::object& host) {
  std::set<std::string> targets;
  if (const auto binds = strings(host, "Binds", "HostConfig.")) {
    for (const std::string& text : *binds) {
      if (const auto spec = parseBind(text)) targets.insert(cleanPath(spec->target));
    }
  }
  if (const json::object* tmpfs = object(host, "Tmpfs")) {
    for (const auto& entry : *tmpfs) targets.emplace(key(entry));  // the Engine compares these as they stand
  }
  const json::array* mounts = array(host, "Mounts");
  if (mounts == nullptr) return targets;
  for (const json::value& element : *mounts) {
    if (const json::object* mount = element.if_object()) targets.insert(cleanPath(text(*mount, "Target")));
  }
  return targets;
}

Verdict refuseForeign(const Context& context) {
  for (const std::string& name : namedVolumes(context.host())) {
    const auto found = context.facts.volumes.find(name);
    if (found != context.facts.volumes.end() && !found->second.own) return volumeTaken(name);
  }
  return std::nullopt;
}

// Only an administrator's can be of a kind that we do not make.
bool isPlain(std::string_view driver) {
  return driver.empty() || driver == "local";
}

// What the Engine would make for the entry "TARGET" of Binds becomes a mount, which can say whose it is.
void moveAnonymousBinds(json::object& host, json::array& added, VolumeLabels& named, const Facts& facts) {
  const auto binds = strings(host, "Binds", "HostConfig.");
  if (!binds) return;
  const bool plain = isPlain(text(host, "VolumeDriver"));
  json::array kept;
  for (const std::string& bind : *binds) {
    const auto spec = parseBind(bind);
    if (spec && spec->kind == BindSpec::Kind::Named) {
      named.try_emplace(spec->source, plain ? ownerLabels(ownerOf(facts)) : std::map<std::string, std::string>());
    }
    if (spec && spec->kind == BindSpec::Kind::Anonymous) {
      addAnonymous(added, spec->target, facts);
    } else {
      kept.emplace_back(bind);
    }
  }
  if (kept.size() != binds->size()) host["Binds"] = std::move(kept);
}

void markMounts(json::object& host, VolumeLabels& named, const User& owner) {
  json::array* mounts = array(host, "Mounts");
  if (mounts == nullptr) return;
  for (json::value& element : *mounts) {
    json::object* mount = element.if_object();
    if (mount == nullptr || text(*mount, "Type") != "volume") continue;
    markMount(*mount, owner);
    const std::string_view name = text(*mount, "Source");
    if (name.empty()) continue;
    auto& labels = named[std::string(name)];
    const json::object* driver = object(std::as_const(mount->at("VolumeOptions").get_object()), "DriverConfig");
    if (driver != nullptr && (isSet(*driver, "Options") || !isPlain(text(*driver, "Name")))) continue;
    for (const auto& label : mount->at("VolumeOptions").at("Labels").get_object()) {
      if (label.value().is_string()) labels.try_emplace(std::string(key(label)), view(label.value().get_string()));
    }
  }
}

// The volumes that the image and the request declare by path alone.
Verdict declareAnonymous(Context& context, json::array& added) {
  std::vector<std::string> declared;
  if (const json::object* volumes = object(std::as_const(context.body()), "Volumes")) {
    for (const auto& entry : *volumes) {
      if (!key(entry).starts_with('/')) {
        return malformed("volume_path", fmt::format("{} (-v, Volumes) is no absolute path in the container; a volume "
                                                    "with a name is mounted by NAME:/PATH",
                                                    shown(key(entry))));
      }
      declared.emplace_back(key(entry));
    }
  }
  // The Engine refuses to start a container of an image whose path is not absolute.
  declared.insert(declared.end(), context.facts.image_volumes.begin(), context.facts.image_volumes.end());
  std::set<std::string> taken = mountedAt(context.host());
  for (const std::string& path : declared) {
    const std::string target = cleanPath(path);
    if (!path.starts_with('/') || target == "/" || !taken.insert(target).second) continue;
    addAnonymous(added, target, context.facts);
  }
  return std::nullopt;
}

}  // namespace

Denial volumeTaken(std::string_view name) {
  Denial denial{.http_status = 409,
                .reason = "volume_taken",
                .text = fmt::format("the volume name {} is taken by somebody else on this server; choose another name",
                                    shown(name))};
  return explained(std::move(denial), {"a volume's name", shown(name), "a name of yours, or one that nobody has"},
                   "Choose another name; for compose, another project name (-p) or `name:` of the volume.");
}

Verdict ownVolumes(Context& context) {
  // An administrator's own stay without an owner.
  if (context.admin() && !context.facts.owner) return std::nullopt;
  if (!context.admin()) {
    if (Verdict denial = refuseForeign(context)) return denial;
  }
  if (Verdict denial = refuseTooMany(context)) return denial;
  markMounts(context.host(), context.out.volumes, ownerOf(context.facts));
  json::array added;
  if (Verdict denial = declareAnonymous(context, added)) return denial;
  moveAnonymousBinds(context.host(), added, context.out.volumes, context.facts);
  if (added.empty()) return std::nullopt;
  json::value& mounts = context.host()["Mounts"];
  if (!mounts.is_array()) mounts = json::array();
  for (json::value& mount : added) mounts.get_array().push_back(std::move(mount));
  return std::nullopt;
}

}  // namespace ds01::admission
