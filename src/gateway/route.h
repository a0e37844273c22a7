// The route table: for every endpoint of the Engine's API what somebody who is not an admin may do with it. Data only;
// handlers.cpp carries the rules out. What no line matches is refused for them. Admins pass wherever a rule only asks
// about ownership or rights.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/target.h"

namespace ds01::gateway {

enum class Rule {
  Pass,              // forwarded as it is
  Deny,              // admins only; `note` says what to do instead
  Absent,            // admins only; for others there is none, so that `docker inspect` goes on; `note` is the kind
  ContainerList,     // filtered by label, the answer by owner
  ContainerCreate,   // the create transaction
  ContainerPrune,    // limited to the caller's containers
  Container,         // the container in the path must be the caller's; forwarded with its full id
  ContainerInspect,  // Container; the restart policy is the one its owner wants
  ContainerStart,    // Container, and its GPU lease must allow it
  ContainerUpdate,   // Container, and the body is examined
  ContainerRename,   // Container, and a foreign id in a conflict is hidden
  ContainerRemove,   // Container, and the lease ends with the Engine's 2xx
  ExecCreate,        // Container, and the body is examined
  ExecStart,         // the exec's container must be the caller's; the body is examined
  Exec,              // the exec's container must be the caller's
  Commit,            // the container in the query must be the caller's
  Build,             // the query is checked, cgroupparent is ours
  BuildCancel,       // of the caller's own
  ImageCreate,       // pull, or import of what the client sends; no address for the Engine to open
  ImageLoad,         // new tags or own
  ImagePush,         // own tags
  ImageTag,          // any image; new tag or own
  ImageRemove,       // own tag or image, not by force
  ImagePrune,        // own ones only
  BuildPrune,        // answered by us: the build cache is nobody's own
  Session,           // only as upgrade to h2c
  BuildKit,          // the same, and its calls are decided one by one (build_calls.h)
  DiskUsage,         // of what is the caller's own, and of all images
  Events,            // the stream is filtered
  NetworkList,       // networks and containers of others are taken out of the answer
  Network,           // must be the caller's or predefined; foreign containers are taken out of the answer
  NetworkCreate,     // the body is examined, and whose it is written in
  NetworkContainer,  // connect, disconnect: network and container must be the caller's
  VolumeList,        // filtered by label, the answer too
  VolumeCreate,      // the body is examined, and whose it is written in; the name must be nobody else's
  Volume,            // must be the caller's
  VolumePrune,       // limited to the caller's volumes
  NetworkPrune,      // filtered by label
};

enum class BodyKind {
  None,    // a body other than nothing, {} or null is refused
  Json,    // read whole (4 MiB), checked, sent on as we serialise it
  Stream,  // relayed as it comes
};

enum class UpgradeKind { None, Tcp, H2c, WebSocket };

struct Route {
  std::string_view method;
  std::string_view pattern;  // "{}" is one segment, or several where the name of an image may have slashes
  Rule rule;
  BodyKind body = BodyKind::None;
  UpgradeKind upgrade = UpgradeKind::None;
  std::string_view note = {};  // a sentence for the documentation; for Deny also for the user
};

std::span<const Route> routes();

struct RouteMatch {
  const Route* route = nullptr;
  std::size_t name_at = 0;     // index into Target::segments of what {} stands for
  std::size_t name_count = 0;  // 0: the pattern has no {}
};

// The line that the Engine's own router would choose: literal paths before patterns.
std::optional<RouteMatch> matchRoute(std::string_view method, const Target& target);

// The oldest API version that others than admins may speak: older ones take a HostConfig at start.
inline constexpr ApiVersion kOldestApi{1, 24};

// Whether the route makes, starts or executes something that a site may want on record.
bool mustBeRecorded(const Route& route);

// Whether the route reads and does nothing else: what is attached to is written to as well.
bool onlyLooks(const Route& route);

// docs/api-rules.md.
std::string routesAsMarkdown();
std::string_view toString(Rule rule);

}  // namespace ds01::gateway
