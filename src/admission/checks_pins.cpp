#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>

#include "admission/json_access.h"
#include "admission/pass.h"
#include "admission/references.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestUser = 256;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool isGroupOf(const User& user, std::uint32_t gid) {
  return gid == user.gid || std::ranges::find(user.gids, gid) != user.gids.end();
}

// Why a container runs as its owner, for the refusals.
struct Reason {
  std::string name;
  std::string sentence;
};

std::optional<Reason> reasonToRunAsOwner(const Context& context) {
  if (context.facts.limits.run_as_owner) {
    return Reason{"runs_as_owner", "containers of your group run as their owner and without capabilities"};
  }
  const auto unmapped = std::ranges::find(context.out.pins, false, &PinnedBind::mapped);
  if (unmapped == context.out.pins.end()) return std::nullopt;
  return Reason{"bind_unmapped", fmt::format("the file system of {} cannot map ids, so it can be mounted only into a "
                                             "container that runs as you and without capabilities",
                                             shown(unmapped->source))};
}

Denial mustRunAsOwner(const Reason& reason, const std::string& user, const User& owner) {
  const std::string remedy = fmt::format("--user {}:{}", owner.uid, owner.gid);
  return explained(forbidden(reason.name, fmt::format("{} ({})", reason.sentence, remedy)),
                   {"User", shown(user), fmt::format("{}:{}", owner.uid, owner.gid)}, fmt::format("Add {}.", remedy));
}

// The Engine looks for each among the names of the image's groups first, numbers too, so any of them may be any group.
Verdict checkNoGroups(const Context& context, const Reason& reason) {
  const auto groups = strings(context.host(), "GroupAdd", "HostConfig.");
  if (!groups) return groups.error();
  if (groups->empty()) return std::nullopt;
  return explained(forbidden(reason.name, fmt::format("--group-add {} (HostConfig.GroupAdd) is not allowed here: {}",
                                                      shown(groups->front()), reason.sentence)),
                   {"HostConfig.GroupAdd", shown(groups->front()), "nothing"},
                   fmt::format("Leave --group-add {} out.", shown(groups->front())));
}

Verdict checkNoCapabilities(const Context& context, const Reason& reason) {
  const auto added = strings(context.host(), "CapAdd", "HostConfig.");
  if (!added) return added.error();
  if (added->empty()) return std::nullopt;
  return explained(forbidden(reason.name, fmt::format("--cap-add {} (HostConfig.CapAdd) is not allowed here: {}",
                                                      shown(added->front()), reason.sentence)),
                   {"HostConfig.CapAdd", shown(added->front()), "nothing"},
                   fmt::format("Leave --cap-add {} out.", shown(added->front())));
}

// The last one named counts, as for the dev container tools.
std::string remoteUser(std::string_view metadata) {
  boost::system::error_code error;
  const json::value value = json::parse(metadata, error);
  if (error) return {};
  std::string user;
  const auto read = [&user](const json::value& element) {
    const json::object* object = element.if_object();
    const std::string_view named = object == nullptr ? std::string_view() : text(*object, "remoteUser");
    if (!named.empty()) user = named;
  };
  if (const json::array* list = value.if_array()) {
    for (const json::value& element : *list) read(element);
  } else {
    read(value);
  }
  return user.size() <= kLongestUser ? user : std::string();
}

}  // namespace

std::optional<std::string> asOwner(std::string_view spec, const User& owner) {
  const std::size_t colon = spec.find(':');
  const auto uid = number(spec.substr(0, colon));
  const auto gid = colon == std::string_view::npos ? std::optional(owner.gid) : number(spec.substr(colon + 1));
  if (owner.uid == 0 || uid != owner.uid || !gid || !isGroupOf(owner, *gid)) return std::nullopt;
  return fmt::format("{}:{}", *uid, *gid);
}

// Where ids cannot be mapped, root in the container would be root on what is mounted. So nothing there is root, or can
// become it, or is in a group that its owner is not in. Sites can have that for all containers.
Verdict runAsOwner(Context& context) {
  const std::optional<Reason> reason = reasonToRunAsOwner(context);
  if (!reason) return std::nullopt;
  const User& owner = ownerOf(context.facts);
  std::string user(text(context.body(), "User"));
  // Where it is the rule nobody need ask for it.
  if (user.empty() && context.facts.limits.run_as_owner) user = fmt::format("{}:{}", owner.uid, owner.gid);
  if (user.empty()) user = context.facts.image_user;
  const std::optional<std::string> own = asOwner(user, owner);
  if (!own) return mustRunAsOwner(*reason, user, owner);
  if (Verdict denial = checkNoGroups(context, *reason)) return denial;
  leavePtraceOut(context, "because this container runs as its owner and without capabilities");
  if (Verdict denial = checkNoCapabilities(context, *reason)) return denial;
  // With a group in the request the Engine reads none from the image's /etc/group.
  context.body()["User"] = *own;
  context.host()["CapDrop"] = json::array{"ALL"};
  context.host()["SecurityOpt"] = json::array{"no-new-privileges"};
  context.out.as_owner = true;
  return std::nullopt;
}

// Whoever may change owners in the user namespace of a file system may also change those that a mount does not map, to
// ids that it does (chown_ok() in Linux' fs/attr.c), and so take what is somebody else's below the folder.
Verdict keepOwnersOfFiles(Context& context) {
  if (context.out.as_owner || std::ranges::all_of(context.out.pins, &PinnedBind::read_only)) return std::nullopt;
  return withoutCapabilities(context, {"CHOWN"}, "a folder of the host that it may write to");
}

// In a common pid namespace each container sees the other's mounts (/proc/PID/root), with its own capabilities.
Verdict keepFoldersApart(Context& context) {
  const std::string_view mode = text(context.host(), "PidMode");
  if (!mode.starts_with(kContainerMode)) return std::nullopt;
  const auto joined = context.facts.containers.find(std::string(mode.substr(kContainerMode.size())));
  // Of somebody else's it is not told that it is there: who may not join it is refused by resolveContainers().
  const bool found = joined != context.facts.containers.end() && joined->second.own;
  const bool theirs = found && joined->second.has_folders;
  if (!theirs && context.out.pins.empty()) return std::nullopt;
  return explained(
      forbidden("pid_folders", fmt::format("--pid {} (HostConfig.PidMode) is not allowed here, because one of the two "
                                           "containers has a folder of this machine mounted; leave it out",
                                           shown(mode))),
      {"HostConfig.PidMode", shown(mode), "nothing"}, "Leave --pid out, or mount a volume instead.");
}

// What a group shares in a directory of the site stays readable to whoever is in it.
Verdict joinOwnersGroups(Context& context) {
  const bool shared = std::ranges::any_of(context.out.pins, &PinnedBind::shared);
  if (!shared || context.out.as_owner) return std::nullopt;  // why: checkNoGroups()
  const auto given = strings(context.host(), "GroupAdd", "HostConfig.");
  if (!given) return given.error();
  const User& owner = ownerOf(context.facts);
  json::value& value = context.host()["GroupAdd"];
  if (!value.is_array()) value = json::array();
  for (const std::uint32_t gid : owner.gids) {
    const std::string number = std::to_string(gid);
    if (gid == owner.gid || std::ranges::find(*given, number) != given->end()) continue;
    value.get_array().emplace_back(number);
  }
  return std::nullopt;
}

Verdict namePinUsers(Context& context) {
  if (context.out.pins.empty()) return std::nullopt;
  const json::object* labels = object(std::as_const(context.body()), "Labels");
  std::string metadata(labels == nullptr ? std::string_view() : text(*labels, "devcontainer.metadata"));
  if (metadata.empty()) metadata = context.facts.image_dev_container;
  std::string remote = context.out.as_owner ? std::string() : remoteUser(metadata);
  if (!remote.empty()) context.out.pin_users.push_back(std::move(remote));
  const std::string_view user = text(context.body(), "User");
  context.out.pin_users.emplace_back(user.empty() ? std::string_view(context.facts.image_user) : user);
  return std::nullopt;
}

}  // namespace ds01::admission
