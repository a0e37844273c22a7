#include "identity/residence.h"

#include <gtest/gtest.h>

namespace ds01::identity {
namespace {

const std::string kA(64, 'a');
const std::string kB(64, 'b');
const std::string kPath = "/ds01.slice/ds01-student.slice/ds01-student-alice.slice";

EngineFacts engineWith(bool systemd, bool v2 = true) {
  EngineFacts facts;
  facts.systemd_cgroups = systemd;
  facts.cgroup_v2 = v2;
  return facts;
}

NamedContainer alices(const std::string& id = kA) {
  return {ContainerId(id), "alice", kPath, kPath + "/" + id};
}

// The owner, "-" for nobody's process, or the reason of the refusal.
std::string who(const std::string& path, const std::vector<NamedContainer>& containers, const std::string& own = "/",
                const EngineFacts& engine = engineWith(false)) {
  const auto found = residence(path, own, engine, containers);
  if (!found) {
    EXPECT_EQ(found.error().http_status, 403);
    return found.error().reason;
  }
  return *found ? (*found)->owner : "-";
}

constexpr std::string_view kHybrid =
    "12:pids:/pids\n"
    "11:cpu,devices,freezer:/by-devices\n"
    "2:name=elogind:/elogind\n"
    "1:name=systemd:/by:systemd\n"
    "0::/unified\n";

TEST(CgroupPath, IsTheOneOfTheHierarchyThatTheEngineUses) {
  EXPECT_EQ(cgroupPath(kHybrid, engineWith(false, true)), "/unified");
  EXPECT_EQ(cgroupPath(kHybrid, engineWith(true, true)), "/unified");
  EXPECT_EQ(cgroupPath(kHybrid, engineWith(true, false)), "/by:systemd") << "a path may have colons";
  EXPECT_EQ(cgroupPath(kHybrid, engineWith(false, false)), "/by-devices");
}

TEST(CgroupPath, IsUnsetWithoutThatLine) {
  EXPECT_EQ(cgroupPath("", engineWith(false)), std::nullopt);
  EXPECT_EQ(cgroupPath("0::/a\n", engineWith(true, false)), std::nullopt);
  EXPECT_EQ(cgroupPath("0::/a\n", engineWith(false, false)), std::nullopt);
  EXPECT_EQ(cgroupPath("4:devices:/a\n", engineWith(false, true)), std::nullopt);
  EXPECT_EQ(cgroupPath("4:devices2:/a\n3:xdevices,y:/b\n", engineWith(false, false)), std::nullopt);
  EXPECT_EQ(cgroupPath("0::relative\nnonsense\n:\n", engineWith(false)), std::nullopt);
  EXPECT_EQ(cgroupPath("0::/no-newline", engineWith(false)), "/no-newline");
}

TEST(ContainersNamedIn, TakesWholeDirectoryNamesOfBothDrivers) {
  const auto names = [](const std::string& path) {
    std::string out;
    for (const ContainerId& id : containersNamedIn(path)) out += id.str().substr(0, 1);
    return out;
  };
  EXPECT_EQ(names("/docker/" + kA), "a");
  EXPECT_EQ(names("/a.slice/docker-" + kA + ".scope/docker/" + kB + "/" + kA), "ab");
  EXPECT_EQ(names("/x" + kA), "");
  EXPECT_EQ(names("/" + kA + "x"), "");
  EXPECT_EQ(names("/docker-" + kA), "");
  EXPECT_EQ(names("/libpod-" + kA + ".scope"), "");
  EXPECT_EQ(names("/" + std::string(64, 'A')), "");
  EXPECT_EQ(names("/" + std::string(64, 'g')), "");
  EXPECT_EQ(names(""), "");
  EXPECT_EQ(names("/"), "");
  EXPECT_EQ(names("//" + kA), "a");
}

TEST(ContainersNamedIn, IsBoundedAndKeepsTheOutermost) {
  std::string path;
  for (char c = '0'; c <= '9'; ++c) path += "/" + std::string(64, c);
  const auto ids = containersNamedIn(path);
  ASSERT_EQ(ids.size(), kMaxHints);
  EXPECT_EQ(ids.front().str(), std::string(64, '0'));
}

TEST(NamesContainers, LooksAtEveryLine) {
  EXPECT_FALSE(namesContainers(kHybrid));
  EXPECT_TRUE(namesContainers("3:memory:/x\n2:pids:/docker/" + kA + "\n"));
}

TEST(IsAtOrBelow, GoesByWholeDirectories) {
  EXPECT_TRUE(isAtOrBelow("/a", "/a"));
  EXPECT_TRUE(isAtOrBelow("/a", "/a/b"));
  EXPECT_FALSE(isAtOrBelow("/a", "/ab"));
  EXPECT_FALSE(isAtOrBelow("/a/b", "/a"));
  EXPECT_TRUE(isAtOrBelow("/", "/a"));
  EXPECT_FALSE(isAtOrBelow("", "/a"));
}

TEST(Residence, IsTheOwnersAtAndBelowTheContainersCgroup) {
  const std::vector<NamedContainer> containers{alices()};
  EXPECT_EQ(who(kPath + "/" + kA, containers), "alice");
  EXPECT_EQ(who(kPath + "/" + kA + "/init.scope", containers), "alice");
  EXPECT_EQ(who(kPath, containers), "-");
  EXPECT_EQ(who(kPath + "/" + kB, containers), "-");
  EXPECT_EQ(who(kPath + "/" + kA + "x", containers), "-");
  EXPECT_EQ(who("/user.slice", {}), "-");
}

TEST(Residence, SystemdsPlaces) {
  const std::string scope = kPath + "/docker-" + kA + ".scope";
  const std::vector<NamedContainer> containers{{ContainerId(kA), "alice", "ds01-student-alice.slice", scope}};
  for (const bool v2 : {false, true}) {
    EXPECT_EQ(who(scope, containers, "/system.slice/ds01d.service", engineWith(true, v2)), "alice");
    EXPECT_EQ(who(scope + "/x", containers, "/system.slice/ds01d.service", engineWith(true, v2)), "alice");
  }
  EXPECT_EQ(who(scope, containers, "/", engineWith(false)), "container_misplaced") << "not where this driver puts it";
}

TEST(Residence, ADirectoryOfTheSameNameElsewhereIsNotTheContainers) {
  const std::string forged = "/user.slice/user-1001.slice/user@1001.service" + kPath + "/" + kA;
  EXPECT_EQ(who(forged, {alices()}), "-");
  // Not even if the number of State.Pid has come to a process there.
  NamedContainer taken = alices();
  taken.init_path = forged;
  EXPECT_EQ(who(forged, {taken}), "container_misplaced");
  EXPECT_EQ(who(forged, {taken}, "/system.slice/ds01d.service"), "container_misplaced");
  taken.init_path = "/user.slice/user-1001.slice/user@1001.service/" + kA;
  EXPECT_EQ(who(*taken.init_path, {taken}), "container_misplaced");
}

TEST(Residence, AFirstProcessThatIsElsewhereProvesNothing) {
  NamedContainer odd = alices();
  for (const char* path : {"/", "/ds01.slice", "/user.slice/user-1002.slice", ""}) {
    odd.init_path = path;
    EXPECT_EQ(who(kPath + "/" + kA, {odd}), "-") << path;
    EXPECT_EQ(who("/user.slice/user-1002.slice/x", {odd}), "-") << path;
  }
}

TEST(Residence, AFirstProcessMayHaveMovedOnBelow) {
  NamedContainer moved = alices();
  *moved.init_path += "/init.scope";
  EXPECT_EQ(who(kPath + "/" + kA + "/system.slice/x", {moved}), "alice");
  // A directory of its own name inside does not make the container smaller or larger.
  *moved.init_path = kPath + "/" + kA + "/x/" + kA;
  EXPECT_EQ(who(kPath + "/" + kA + "/y", {moved}), "alice");
}

TEST(Residence, TheInnermostContainerCounts) {
  NamedContainer outer = alices(kA);
  NamedContainer inner{ContainerId(kB), "bob", *outer.init_path, *outer.init_path + "/" + kB};
  EXPECT_EQ(who(*inner.init_path, {outer, inner}), "bob");
  EXPECT_EQ(who(*inner.init_path, {inner, outer}), "bob");
  EXPECT_EQ(who(*outer.init_path + "/x", {outer, inner}), "alice");
}

TEST(Residence, ContainersWithoutAnOwnerActAsNobody) {
  NamedContainer unowned{ContainerId(kA), std::nullopt, "", "/docker/" + kA};
  EXPECT_EQ(who("/docker/" + kA, {unowned}), "container_unowned");
  NamedContainer inner = alices(kB);
  inner.owner.reset();
  inner.init_path = kPath + "/" + kA + "/" + kB;
  EXPECT_EQ(who(*inner.init_path, {alices(kA), inner}), "container_unowned") << "not the one around it";
}

TEST(Residence, AStoppedContainerIsARefusal) {
  NamedContainer stopped = alices();
  stopped.init_path.reset();
  EXPECT_EQ(who(kPath + "/" + kA, {stopped}), "container_stopped");
}

TEST(Residence, WhereDockerdAndWeShareABox) {
  const std::string box = "/docker/" + kB;
  NamedContainer boxed = alices();
  boxed.init_path = box + kPath + "/" + kA;
  EXPECT_EQ(who(*boxed.init_path, {boxed}, box), "alice");
  EXPECT_EQ(who(*boxed.init_path, {boxed}, box + "/system.slice/ds01d.service"), "alice");
  EXPECT_EQ(who(*boxed.init_path, {boxed}, "/"), "container_misplaced") << "the box is not ours";
  EXPECT_EQ(who(*boxed.init_path, {boxed}, "/docker/" + std::string(64, 'c')), "container_misplaced");
  EXPECT_EQ(who(*boxed.init_path, {boxed}, ""), "container_misplaced") << "our own place is not known";
}

TEST(Residence, OddParentsNeverFit) {
  for (const char* parent : {"", "relative", "x.slice", "/other"}) {
    NamedContainer odd = alices();
    odd.cgroup_parent = parent;
    EXPECT_EQ(who(*odd.init_path, {odd}), "container_misplaced") << parent;
    EXPECT_EQ(who(*odd.init_path, {odd}, "/", engineWith(true)), "container_misplaced") << parent;
  }
}

}  // namespace
}  // namespace ds01::identity
