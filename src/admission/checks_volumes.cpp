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

void addAnonymous(json::array& mounts, std::string_view target, const User& owner) {
  json::object mount{{"Type", "volume"}, {"Target", target}};
  markMount(mount, owner);
  mounts.emplace_back(std::move(mount));
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
    for (const auto& entry : *tmpfs) targets.insert(cleanPath(key(entry)));
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

// What the Engine would make for the entry "TARGET" of Binds becomes a mount, which can say whose it is.
void moveAnonymousBinds(json::object& host, json::array& added, VolumeLabels& named, const User& owner) {
  const auto binds = strings(host, "Binds", "HostConfig.");
  if (!binds) return;
  json::array kept;
  for (const std::string& text : *binds) {
    const auto spec = parseBind(text);
    if (spec && spec->kind == BindSpec::Kind::Named) named.try_emplace(spec->source, ownerLabels(owner));
    if (spec && spec->kind == BindSpec::Kind::Anonymous) {
      addAnonymous(added, spec->target, owner);
    } else {
      kept.emplace_back(text);
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
    for (const auto& label : mount->at("VolumeOptions").at("Labels").get_object()) {
      if (label.value().is_string()) labels.try_emplace(std::string(key(label)), view(label.value().get_string()));
    }
  }
}

// The volumes that the image and the request declare by path alone.
Verdict declareAnonymous(Context& context, json::array& added, const User& owner) {
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
    addAnonymous(added, target, owner);
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
  const User& owner = ownerOf(context.facts);
  markMounts(context.host(), context.out.volumes, owner);
  json::array added;
  if (Verdict denial = declareAnonymous(context, added, owner)) return denial;
  moveAnonymousBinds(context.host(), added, context.out.volumes, owner);
  if (added.empty()) return std::nullopt;
  json::value& mounts = context.host()["Mounts"];
  if (!mounts.is_array()) mounts = json::array();
  for (json::value& mount : added) mounts.get_array().push_back(std::move(mount));
  return std::nullopt;
}

}  // namespace ds01::admission
