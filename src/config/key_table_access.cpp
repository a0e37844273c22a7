// The rows of the key table about who may what, what is opened to single groups, and whom the rules about lifetimes
// spare.
#include <array>

#include "config/key_rows.h"

namespace ds01::config {
namespace {

using enum Block;
using T = ValueType;
using S = KeyStatus;

constexpr auto kRows = std::to_array<Key>({
    {.block = AccessControl,
     .name = "admin_users",
     .type = T::TextList,
     .doc = "Logins that are administrators, beside root and admin_group."},
    {.block = AccessControl,
     .name = "admin_group",
     .type = T::Text,
     .doc = "Unix group whose members are administrators; \"ds01-admin\" if absent. The limits group `admin` gives no "
            "rights."},
    {.block = AccessControl,
     .name = "wrapper",
     .type = T::Mapping,
     .child = Wrapper,
     .doc = "Named after the earlier system's docker wrapper."},
    {.block = Wrapper,
     .name = "enforcement_mode",
     .type = T::Choice,
     .choices = "full|monitoring|disabled",
     .doc = "full: rules hold; monitoring: what they would refuse is logged and passes; disabled: it passes. full if "
            "absent. Anything but full leaves the machine as open as the Engine's own socket (rollout.md)."},
    {.block = AccessControl,
     .name = "rules",
     .type = T::Mapping,
     .child = AccessRules,
     .doc = "The same for single classes of rules; wrapper.enforcement_mode if absent."},
    {.block = AccessRules,
     .name = "host",
     .type = T::Choice,
     .choices = "full|monitoring|disabled",
     .doc = "What would get at the host: privileges, capabilities, namespaces, devices, runtimes."},
    {.block = AccessRules,
     .name = "mounts",
     .type = T::Choice,
     .choices = "full|monitoring|disabled",
     .doc = "Folders of the host."},
    {.block = AccessRules,
     .name = "ownership",
     .type = T::Choice,
     .choices = "full|monitoring|disabled",
     .doc = "Containers, networks and images of others."},
    {.block = AccessRules,
     .name = "limits",
     .type = T::Choice,
     .choices = "full|monitoring|disabled",
     .doc = "How many GPUs and containers."},
    {.block = AccessRules,
     .name = "api",
     .type = T::Choice,
     .choices = "full|monitoring|disabled",
     .doc = "Endpoints that are the administrators'."},
    unread(Wrapper, "debug_level", "The wrapper enforces nothing any more."),
    unread(Wrapper, "unknown_commands", "Unknown Engine routes are refused to everybody but administrators."),

    {.block = Limits,
     .name = "host_network",
     .type = T::Flag,
     .doc = "Whether containers may use the host's network (`--network host`), then without NET_RAW and "
            "NET_BIND_SERVICE. To be given with `run_as_owner` only. false if absent."},
    {.block = Limits,
     .name = "buildkit",
     .type = T::Flag,
     .doc = "Whether builds with BuildKit are open. It has known holes in the Engines of Debian 12 and 13: see "
            "SECURITY.md. false if absent."},
    {.block = Limits,
     .name = "host_ipc",
     .type = T::Flag,
     .doc =
         "Whether containers may use the host's shared memory (`--ipc host`). It counts only where `run_as_owner` is "
         "true too: root in one would read and write what everybody keeps there. false if absent."},
    {.block = Limits,
     .name = "capabilities",
     .type = T::TextList,
     .doc =
         "Capabilities that containers may add (`--cap-add`) beside Docker's own: IPC_LOCK (RDMA and pinned memory; "
         "the "
         "host's huge pages come with it), IPC_OWNER, BLOCK_SUSPEND, WAKE_ALARM. All others give away the host or what "
         "these rules promise, and are errors that say why; SYS_PTRACE everybody has who asks for it where the Engine "
         "confines containers by AppArmor, and nobody elsewhere. The list of a group or a user takes the place of the "
         "one "
         "below it. Nothing is added where `run_as_owner` is true. None if absent."},
    {.block = Limits,
     .name = "run_as_owner",
     .type = T::Flag,
     .doc = "Whether containers run as their owner, without capabilities: nobody is root in one. false if absent."},

    {.block = ExemptionFile,
     .name = "exemptions",
     .type = T::MappingList,
     .status = S::NotYet,
     .child = Exemption,
     .doc = "Logins that the idle or the runtime rule spares for a time."},
    {.block = Exemption, .name = "username", .type = T::Text, .doc = "The login."},
    {.block = Exemption, .name = "exempt_from", .type = T::TextList, .doc = "idle_timeout_h, max_runtime_h, or both."},
    {.block = Exemption, .name = "reason", .type = T::Text, .doc = "For people."},
    {.block = Exemption, .name = "approved_by", .type = T::Text, .doc = "For people."},
    {.block = Exemption, .name = "approved_on", .type = T::Instant, .doc = "UTC, 2026-11-01T00:00:00Z."},
    {.block = Exemption, .name = "expires_on", .type = T::Instant, .nullable = true, .doc = "UTC; null: never."},
    {.block = Exemption,
     .name = "category",
     .type = T::Choice,
     .choices = "research_grant|waiver",
     .doc = "For people."},
});

}  // namespace

std::span<const Key> accessRows() {
  return kRows;
}

}  // namespace ds01::config
