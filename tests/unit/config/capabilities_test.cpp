// `capabilities`: what may be opened, and that the rest is refused where it stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/lookup.h"
#include "site_dir.h"

namespace ds01::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string reportOf(const std::string& names) {
  return reportFor("defaults: {}\ngroups:\n  staff:\n    capabilities: " + names + "\n");
}

TEST(Capabilities, AreTakenAsDockerTakesThem) {
  const Config config = configOf({{"resource-limits.yaml",
                                   "defaults: {capabilities: [cap_ipc_owner]}\n"
                                   "groups:\n"
                                   "  student: {}\n"
                                   "  staff: {members: [bob, eve], capabilities: [Wake_Alarm, CAP_IPC_LOCK]}\n"},
                                  {"user-overrides.yaml", "eve: {capabilities: []}\n"}});
  EXPECT_THAT(limitsFor(config, "ada")->capabilities, ElementsAre("IPC_OWNER"));
  EXPECT_THAT(limitsFor(config, "bob")->capabilities, ElementsAre("IPC_LOCK", "WAKE_ALARM"))
      << "in place of the default";
  EXPECT_THAT(limitsFor(config, "eve")->capabilities, IsEmpty());
}

TEST(Capabilities, ThatGiveAwayTheHostAreErrors) {
  for (const char* name : {"AUDIT_CONTROL",
                           "AUDIT_READ",
                           "BPF",
                           "CHECKPOINT_RESTORE",
                           "DAC_READ_SEARCH",
                           "LEASE",
                           "LINUX_IMMUTABLE",
                           "MAC_ADMIN",
                           "MAC_OVERRIDE",
                           "MKNOD",
                           "NET_ADMIN",
                           "NET_BROADCAST",
                           "SYS_NICE",
                           "PERFMON",
                           "SYSLOG",
                           "SYS_ADMIN",
                           "SYS_BOOT",
                           "SYS_MODULE",
                           "SYS_PACCT",
                           "SYS_PTRACE",
                           "SYS_RAWIO",
                           "SYS_RESOURCE",
                           "SYS_TIME",
                           "SYS_TTY_CONFIG",
                           "cap_sys_admin"}) {
    EXPECT_THAT(reportOf(std::string("[IPC_LOCK, ") + name + "]"),
                HasSubstr("resource-limits.yaml:4:30: error: groups.staff.capabilities: "))
        << name;
    EXPECT_THAT(reportOf(std::string("[") + name + "]"), HasSubstr(" can never be opened: it ")) << name;
  }
}

TEST(Capabilities, ThatNobodyKnowsAreErrors) {
  for (const char* name : {"NET_ADMN", "CAP_", "CAP_CAP_NET_ADMIN", "'NET_ADMIN '", "'*'"}) {
    EXPECT_THAT(reportOf(std::string("[") + name + "]"),
                HasSubstr("error: groups.staff.capabilities: there is no capability"))
        << name;
  }
  EXPECT_THAT(reportOf("[ALL]"), HasSubstr("expected single capabilities"));
  EXPECT_THAT(reportOf("IPC_LOCK"), HasSubstr("expected a list of texts"));
  EXPECT_THAT(reportOf("[CHOWN]"), HasSubstr("CHOWN is one of those that Docker grants by itself"));
  EXPECT_THAT(reportOf("[IPC_LOCK, cap_ipc_lock]"), HasSubstr("warning: groups.staff.capabilities: IPC_LOCK stands"));
}

}  // namespace
}  // namespace ds01::config
