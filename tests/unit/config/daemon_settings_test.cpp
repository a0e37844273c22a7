#include "config/daemon_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "site_dir.h"

namespace ds01::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

yaml::Loaded load(const std::string& text) {
  return loadFiles({{"resource-limits.yaml", "defaults: {}\n"}, {"ds01d.yaml", text}});
}

DaemonSettings settings(const std::string& text) {
  const yaml::Loaded loaded = load(text);
  EXPECT_TRUE(loaded.config) << report(loaded);
  return loaded.config.value_or(Config{}).daemon;
}

std::string problems(const std::string& text) {
  return report(load(text));
}

TEST(DaemonSettings, AllMayBeAbsent) {
  const DaemonSettings read = settings("");
  EXPECT_FALSE(read.sockets.listen_path);
  EXPECT_FALSE(read.sockets.engine_path);
  EXPECT_EQ(read.sockets.group, "");
  EXPECT_EQ(read.sockets.mode, 0666U);
  EXPECT_FALSE(read.gpu.source);
  EXPECT_FALSE(read.gpu.emitter);
  EXPECT_EQ(read.gpu.gpus_for_all, GpusForAll::One);
  EXPECT_EQ(read.gpu.cdi_dir, "/var/run/cdi");
  EXPECT_TRUE(read.mounts.home);
  EXPECT_THAT(read.mounts.directories, ElementsAre());
  EXPECT_EQ(read.queue.wait, std::chrono::seconds(180));
  EXPECT_EQ(read.queue.continue_every, std::chrono::seconds(40));
  EXPECT_EQ(read.fail.gpu_inventory, FailDirection::Closed);
  EXPECT_EQ(read.fail.events, FailDirection::Open);
  EXPECT_EQ(read.fail.user_database, FailDirection::Closed);
  EXPECT_FALSE(read.policy.opa);
  EXPECT_EQ(read.policy.decision, "docker/authz/verdict");
  EXPECT_EQ(read.policy.limit, std::chrono::seconds(1));
  EXPECT_TRUE(read.policy.ask_look);
  EXPECT_FALSE(read.policy.engine_user_header);
  EXPECT_EQ(read.policy.fail_look, FailDirection::Open);
  EXPECT_EQ(read.policy.fail_change, FailDirection::Closed);
  EXPECT_EQ(read.policy.fail_make, FailDirection::Closed);
}

TEST(DaemonSettings, ReadsEachKey) {
  const DaemonSettings read = settings(
      "sockets:\n"
      "  listen: unix:///run/ds01/d.sock\n"
      "  engine: unix:///run/engine.sock\n"
      "  group: docker\n"
      "  mode: 0660\n"
      "gpu: {source: sim:/etc/ds01/gpus.yaml, emitter: sim, gpus_for_all: available, cdi_dir: /etc/cdi}\n"
      "mounts: {roots: [/scratch, home, /data/shared]}\n"
      "queue: {wait: 3m, continue_every_s: 5}\n"
      "service_users: [grafana, hub]\n"
      "launchers: [hub]\n"
      "policy: {opa: unix:///run/ds01-opa/opa.sock, decision: lab/verdict, limit: 2s, ask_about_looking: false,"
      " engine_user_header: Authz-User}\n"
      "fail: {gpu_inventory: open, events: closed, user_database: open, policy_look: closed, policy_change: open,"
      " policy_make: open}\n");
  EXPECT_EQ(read.sockets.listen_path, "/run/ds01/d.sock");
  EXPECT_EQ(read.sockets.engine_path, "/run/engine.sock");
  EXPECT_EQ(read.sockets.group, "docker");
  EXPECT_EQ(read.sockets.mode, 0660U);
  EXPECT_EQ(read.gpu.source, (GpuSource{.kind = GpuSource::Kind::Sim, .file = "/etc/ds01/gpus.yaml"}));
  EXPECT_EQ(read.gpu.emitter, Emitter::Sim);
  EXPECT_EQ(read.gpu.gpus_for_all, GpusForAll::Available);
  EXPECT_EQ(read.gpu.cdi_dir, "/etc/cdi");
  EXPECT_TRUE(read.mounts.home);
  EXPECT_THAT(read.mounts.directories, ElementsAre("/scratch", "/data/shared"));
  EXPECT_EQ(read.queue.wait, std::chrono::minutes(3));
  EXPECT_EQ(read.queue.continue_every, std::chrono::seconds(5));
  EXPECT_TRUE(read.service_users.contains("grafana"));
  EXPECT_THAT(read.launchers, ElementsAre("hub"));
  EXPECT_EQ(read.fail.gpu_inventory, FailDirection::Open);
  EXPECT_EQ(read.fail.events, FailDirection::Closed);
  EXPECT_EQ(read.fail.user_database, FailDirection::Open);
  EXPECT_EQ(read.policy.opa, "/run/ds01-opa/opa.sock");
  EXPECT_EQ(read.policy.decision, "lab/verdict");
  EXPECT_EQ(read.policy.limit, std::chrono::seconds(2));
  EXPECT_FALSE(read.policy.ask_look);
  EXPECT_EQ(read.policy.engine_user_header, "Authz-User");
  EXPECT_EQ(read.policy.fail_look, FailDirection::Closed);
  EXPECT_EQ(read.policy.fail_change, FailDirection::Open);
  EXPECT_EQ(read.policy.fail_make, FailDirection::Open);
}

TEST(DaemonSettings, ForeignCallersAreRefusedUnlessTheyAreMapped) {
  EXPECT_FALSE(settings("queue: {wait: 3m}\n").identity.user_namespaces_of_owner);
  EXPECT_FALSE(settings("identity: {user_namespaces: refuse}\n").identity.user_namespaces_of_owner);
  const IdentitySettings identity = settings(
                                        "identity:\n"
                                        "  user_namespaces: owner\n"
                                        "  cgroups:\n"
                                        "    - {cgroup: /lxc.payload.web, login: web@example.edu}\n"
                                        "    - {cgroup: /machine.slice/x.scope, login: x}\n")
                                        .identity;
  EXPECT_TRUE(identity.user_namespaces_of_owner);
  ASSERT_EQ(identity.cgroups.size(), 2U);
  EXPECT_EQ(identity.cgroups[0].path, "/lxc.payload.web");
  EXPECT_EQ(identity.cgroups[0].login, "web@example.edu");
}

TEST(DaemonSettings, RefuseMappingsThatSayTooLittleOrTooMuch) {
  EXPECT_THAT(problems("identity: {user_namespaces: everybody}\n"), HasSubstr("user_namespaces"));
  EXPECT_THAT(problems("identity: {cgroups: [{cgroup: /, login: x}]}\n"), HasSubstr("/ is everybody"));
  EXPECT_THAT(problems("identity: {cgroups: [{cgroup: lxc, login: x}]}\n"), HasSubstr("cgroup"));
  EXPECT_THAT(problems("identity: {cgroups: [{cgroup: /a/../b, login: x}]}\n"), HasSubstr("cgroup"));
  EXPECT_THAT(problems("identity: {cgroups: [{login: x}]}\n"), HasSubstr("is missing; expected a cgroup"));
  EXPECT_THAT(problems("identity: {cgroups: [{cgroup: /a}]}\n"), HasSubstr("is missing; expected a login"));
}

TEST(DaemonSettings, KnowTheOtherSources) {
  EXPECT_EQ(settings("gpu: {source: nvml}\n").gpu.source->kind, GpuSource::Kind::Nvml);
  EXPECT_EQ(settings("gpu: {source: none}\n").gpu.source->kind, GpuSource::Kind::None);
  for (const std::string text : {"sim:", "sim:gpus.yaml", "sim:/a/../b", "rocm", "NVML", "[nvml]", "~"}) {
    EXPECT_THAT(problems("gpu: {source: '" + text + "'}\n"), HasSubstr("expected nvml, none or sim:/PATH")) << text;
  }
}

TEST(DaemonSettings, ALauncherIsAServiceUserToo) {
  EXPECT_THAT(problems("service_users: [grafana]\nlaunchers: [hub]\n"),
              HasSubstr("ds01d.yaml:2:12: error: launchers: names hub, which service_users does not"));
}

TEST(DaemonSettings, RefuseSocketsThatAreNone) {
  EXPECT_THAT(problems("sockets: {listen: /run/d.sock}\n"),
              HasSubstr("ds01d.yaml:1:19: error: sockets.listen: \"/run/d.sock\" is not a Unix socket"));
  EXPECT_THAT(problems("sockets: {engine: tcp://127.0.0.1:2375}\n"), HasSubstr("is not a Unix socket"));
  EXPECT_THAT(problems("sockets: {engine: unix:///run/../d.sock}\n"), HasSubstr("is not a path without . and .."));
  EXPECT_THAT(problems("sockets: {listen: unix:///" + std::string(120, 'x') + "}\n"), HasSubstr("may have 107"));
  EXPECT_THAT(problems("sockets: {listen: unix:///a, engine: unix:///a}\n"), HasSubstr("is the Engine's own socket"));
}

TEST(DaemonSettings, RefuseUserHeadersThatAreNoneOrMeanSomething) {
  EXPECT_THAT(problems("policy:\n  engine_user_header: Authz User\n"),
              HasSubstr("ds01d.yaml:2:23: error: policy.engine_user_header: \"Authz User\" is no name of a header"));
  for (const std::string name : {"''", "'Authz-User:'", "Authz/User", "(a)", "Benützer", "'a, b'", "\"A\\r\\nHost\"",
                                 "\"Authz-User\\t\"", "'{a}'", "[Authz-User]"}) {
    EXPECT_THAT(problems("policy: {engine_user_header: " + name + "}\n"),
                HasSubstr("error: policy.engine_user_header: "))
        << name;
  }
  EXPECT_THAT(problems("policy: {engine_user_header: X-Docker-User}\n"),
              HasSubstr("ds01d.yaml:1:30: error: policy.engine_user_header: X-Docker-User has a meaning already"));
  for (const std::string name : {"x-docker-",
                                 "user-agent",
                                 "Content-Type",
                                 "Content-Length",
                                 "Content-Encoding",
                                 "X-Registry-Auth",
                                 "X-Registry-Config",
                                 "Accept",
                                 "ACCEPT-ENCODING",
                                 "X-Ds01-Ticket",
                                 "x-ds01-user",
                                 "Host",
                                 "Connection",
                                 "Keep-Alive",
                                 "Proxy-Authenticate",
                                 "Proxy-Connection",
                                 "TE",
                                 "Trailer",
                                 "Transfer-Encoding",
                                 "Upgrade",
                                 "Expect",
                                 "Origin",
                                 "Sec-WebSocket-Key",
                                 "Authorization",
                                 "Cookie",
                                 "HTTP2-Settings"}) {
    EXPECT_THAT(problems("policy: {engine_user_header: " + name + "}\n"), HasSubstr(name + " has a meaning already"));
  }
  for (const std::string name : {"Authz-User", "X-User", "authz_user", "X-Dockers", "'!#$%&''*+-.^_`|~09'"}) {
    EXPECT_EQ(problems("policy: {engine_user_header: " + name + "}\n"), "") << name;
  }
}

TEST(DaemonSettings, WithoutHomeTheHomeIsNoRoot) {
  const MountSettings mounts = settings("mounts: {roots: [/scratch]}\n").mounts;
  EXPECT_FALSE(mounts.home);
  EXPECT_THAT(mounts.directories, ElementsAre("/scratch"));
  EXPECT_FALSE(settings("mounts: {roots: []}\n").mounts.home);
}

TEST(DaemonSettings, RefuseRootsThatHoldTheSystem) {
  for (const std::string root : {"/", "/etc", "/proc", "/sys/fs/cgroup", "/dev/shm", "/run/user", "/var",
                                 "/var/lib/ds01", "/usr/local", "/boot/efi", "/root"}) {
    EXPECT_THAT(problems("mounts: {roots: [" + root + "]}\n"), HasSubstr("error: mounts.roots: ")) << root;
  }
  for (const std::string root : {"scratch", "~", "/a/", "/a//b", "/a/./b", "/a/../b", "\"/a\\tb\""}) {
    EXPECT_THAT(problems("mounts: {roots: [" + root + "]}\n"), HasSubstr("error: mounts.roots: ")) << root;
  }
  EXPECT_EQ(problems("mounts: {roots: [/variables, /etcetera, /srv/data]}\n"), "");
}

TEST(DaemonSettings, KeysOfTheEarlierLayoutAreUnknown) {
  EXPECT_THAT(problems("socket_mode: 0660\n"), HasSubstr("warning: socket_mode: is not a key that can stand here"));
}

}  // namespace
}  // namespace ds01::config
