#include "identity/posix/identifier.h"

#include <future>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "child_peer.h"
#include "fake_proc.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"

namespace ds01::identity::posix {
namespace {

using namespace std::chrono_literals;

// What the Engine has, scripted.
class FakeContainers final : public Containers {
 public:
  std::optional<EngineFacts> engine() const override { return facts; }
  boost::asio::awaitable<Result<std::optional<EngineContainer>>> find(ContainerId id) override {
    asked.push_back(id.str());
    if (away) co_return fail(ErrorCode::Unavailable, "connection refused");
    const auto found = containers.find(id.str());
    co_return found == containers.end() ? std::nullopt : std::optional<EngineContainer>(found->second);
  }
  std::optional<EngineFacts> facts = EngineFacts{};
  std::map<std::string, EngineContainer> containers;
  std::vector<std::string> asked;
  bool away = false;
};

class IdentifierTest : public testing::Test {
 protected:
  static Result<std::optional<User>> invented(std::uint32_t uid) {
    User user;
    user.uid = uid;
    user.login = "user" + std::to_string(uid);
    user.groups = {"staff"};
    return std::optional<User>(user);
  }
  std::string refusal(Identifier& identifier, int socket, int status = 403) {
    const auto peer = runner_.run(identifier.identify(socket));
    if (peer) return "(accepted)";
    EXPECT_EQ(peer.error().http_status, status);
    return peer.error().reason;
  }

  test::FakeClock clock_;
  net::BlockingPool pool_{1, 8};
  static Result<std::optional<User>> inventedLogin(const std::string& login) {
    User user;
    user.uid = 1001;
    user.login = login;
    return std::optional<User>(user);
  }
  UserDb users_{pool_, clock_, {}, invented, inventedLogin};
  FakeContainers containers_;
  test::AsioRunner runner_;
};

TEST_F(IdentifierTest, SaysWhoCallsAndWhetherHeIsStillThere) {
  Identifier identifier(users_, containers_);
  ChildPeer child({});
  const auto peer = runner_.run(identifier.identify(child.socket()));
  ASSERT_TRUE(peer) << peer.error().text;
  EXPECT_EQ((*peer)->caller().user.uid, ::geteuid());
  EXPECT_EQ((*peer)->caller().pid, child.pid());
  EXPECT_TRUE((*peer)->alive());
  child.exit(true);
  EXPECT_FALSE((*peer)->alive());
}

TEST_F(IdentifierTest, Root_RolesHoldFromWhenTheyAreSet) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  Identifier identifier(users_, containers_);
  ChildPeer child({.uid = 54321});
  EXPECT_FALSE(runner_.run(identifier.identify(child.socket())).value()->caller().admin);
  RoleRules rules;
  rules.admin_group = "staff";
  identifier.setRoleRules(rules);
  EXPECT_TRUE(runner_.run(identifier.identify(child.socket())).value()->caller().admin);
  ChildPeer root({});
  EXPECT_TRUE(runner_.run(identifier.identify(root.socket())).value()->caller().admin);
}

TEST_F(IdentifierTest, Root_AUidWithoutALoginIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  if (::getpwuid(54321) != nullptr) GTEST_SKIP() << "this machine has a login for uid 54321";
  UserDb machine(pool_, clock_);
  Identifier identifier(machine, containers_);
  ChildPeer child({.uid = 54321});
  EXPECT_EQ(refusal(identifier, child.socket()), "no_login");
}

TEST_F(IdentifierTest, AStrangerCostsNoLookUp) {
  bool asked = false;
  UserDb counting(pool_, clock_, {}, [&](std::uint32_t uid) {
    asked = true;
    return invented(uid);
  });
  Identifier identifier(counting, containers_);
  ChildPeer child({});
  child.exit(true);
  EXPECT_EQ(refusal(identifier, child.socket()), "peer_gone");
  EXPECT_FALSE(asked);
}

TEST_F(IdentifierTest, WhoGoesDuringTheLookUpIsGone) {
  ChildPeer child({});
  UserDb slow(pool_, clock_, {}, [&](std::uint32_t uid) {
    child.exit(true);
    return invented(uid);
  });
  Identifier identifier(slow, containers_);
  EXPECT_EQ(refusal(identifier, child.socket()), "peer_gone");
}

TEST_F(IdentifierTest, AHungUserDatabaseIs503) {
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  UserDbOptions options;
  options.limit = 30ms;
  UserDb hung(pool_, clock_, options, [open](std::uint32_t uid) {
    open.wait();
    return invented(uid);
  });
  Identifier identifier(hung, containers_);
  ChildPeer child({});
  EXPECT_EQ(refusal(identifier, child.socket(), 503), "nss_unavailable");
  gate.set_value();
}

TEST_F(IdentifierTest, WhomItKnewMayComeStaleWhereThatIsAllowed) {
  bool away = false;
  UserDb users(pool_, clock_, {}, [&away](std::uint32_t uid) -> Result<std::optional<User>> {
    if (away) return fail(ErrorCode::Unavailable, "directory away");
    return invented(uid);
  });
  Identifier identifier(users, containers_);
  ChildPeer child({});
  EXPECT_FALSE(runner_.run(identifier.identify(child.socket())).value()->caller().stale);
  away = true;
  clock_.advance(31s);
  EXPECT_EQ(refusal(identifier, child.socket(), 503), "nss_unavailable");
  identifier.allowStale(true);
  const auto stale = runner_.run(identifier.identify(child.socket()));
  ASSERT_TRUE(stale) << stale.error().text;
  EXPECT_TRUE((*stale)->caller().stale);
  EXPECT_EQ((*stale)->caller().user.login, "user" + std::to_string(::geteuid()));
  clock_.advance(1h);
  EXPECT_EQ(refusal(identifier, child.socket(), 503), "nss_unavailable");
  away = false;
  EXPECT_FALSE(runner_.run(identifier.identify(child.socket())).value()->caller().stale);
}

// The peer and a container's first process are children, as a /proc of the test's own shows them.
class ResidentTest : public IdentifierTest {
 protected:
  ResidentTest() {
    containers_.facts->cgroup_v2 = true;
    containers_.containers[id_] = {"alice", kParent, init_.pid()};
    proc_.dir().write(std::to_string(init_.pid()) + "/cgroup", "0::" + place_ + "\n");
  }
  void livesAt(const std::string& path) { proc_.write("cgroup", "0::" + path + "\n"); }
  // The login, or the reason of the refusal.
  std::string who() {
    const auto peer = runner_.run(identifier_.identify(peer_.socket()));
    return peer ? (*peer)->caller().user.login : peer.error().reason;
  }

  static constexpr const char* kParent = "/ds01.slice/ds01-student.slice/ds01-student-alice.slice";
  const std::string id_ = std::string(64, 'a');
  const std::string place_ = std::string(kParent) + "/" + id_;
  const std::string host_login_ = "user" + std::to_string(::geteuid());
  ChildPeer peer_{{}};
  FakeProcDir proc_{std::to_string(peer_.pid())};
  ChildPeer init_{{}};
  Identifier identifier_{users_, containers_, {.proc = proc_.path()}};
};

TEST_F(ResidentTest, ActsAsTheContainersOwner) {
  livesAt(place_);
  EXPECT_EQ(who(), "alice");
  livesAt(place_ + "/deeper/" + std::string(64, 'b'));
  EXPECT_EQ(who(), "alice") << "a container in the container";
}

TEST_F(ResidentTest, ProcessesOfTheHostCostTheEngineNothing) {
  livesAt("/user.slice/user-1001.slice/session-4.scope");
  containers_.away = true;
  containers_.facts.reset();
  EXPECT_EQ(who(), host_login_);
  EXPECT_TRUE(containers_.asked.empty());
}

TEST_F(ResidentTest, AForgedDirectoryIsNoContainer) {
  livesAt("/user.slice/user-1001.slice/user@1001.service/" + id_);
  EXPECT_EQ(who(), host_login_) << "itself, and nobody else";
  EXPECT_EQ(containers_.asked.size(), 1U);
}

TEST_F(ResidentTest, ATakenOverNumberLeadsNowhere) {
  // State.Pid is by now a process of somebody who has made a directory of the container's name.
  const std::string forged = "/user.slice/user-1002.slice/user@1002.service" + place_;
  proc_.dir().write(std::to_string(init_.pid()) + "/cgroup", "0::" + forged + "\n");
  livesAt(forged);
  EXPECT_EQ(who(), "container_misplaced");
}

TEST_F(ResidentTest, AStoppedContainerActsAsNobody) {
  livesAt(place_);
  containers_.containers[id_].pid = 0;
  EXPECT_EQ(who(), "container_stopped");
  containers_.containers[id_].pid = init_.pid();
  init_.exit(false);
  EXPECT_EQ(who(), "container_stopped") << "a zombie";
  init_.exit(true);
  EXPECT_EQ(who(), "container_stopped");
}

TEST_F(ResidentTest, AnEngineThatDoesNotAnswerIs503) {
  livesAt(place_);
  containers_.away = true;
  EXPECT_EQ(refusal(identifier_, peer_.socket(), 503), "engine_away");
  containers_.away = false;
  containers_.facts.reset();
  EXPECT_EQ(refusal(identifier_, peer_.socket(), 503), "engine_away");
}

TEST_F(ResidentTest, ContainersThatTheEngineDoesNotHaveAreForeign) {
  livesAt("/machine.slice/" + std::string(64, 'c'));
  proc_.dir().write("other", "");
  std::filesystem::remove(proc_.dir().file(std::to_string(peer_.pid()) + "/ns/pid"));
  std::filesystem::create_hard_link(proc_.dir().file("other"),
                                    proc_.dir().file(std::to_string(peer_.pid()) + "/ns/pid"));
  EXPECT_EQ(who(), "foreign_namespace");
  ForeignRules rules;
  rules.places = {{"/machine.slice", "machines"}};
  identifier_.setForeignRules(rules);
  EXPECT_EQ(who(), "machines");
}

TEST_F(ResidentTest, TheLoginOfWhoTypedSudoIsLookedUp) {
  proc_.write("loginuid", "4242");
  const auto peer = runner_.run(identifier_.identify(peer_.socket()));
  ASSERT_TRUE(peer);
  EXPECT_EQ((*peer)->caller().login_uid, 4242U);
  EXPECT_EQ((*peer)->caller().login_name, "user4242");
}

}  // namespace
}  // namespace ds01::identity::posix
