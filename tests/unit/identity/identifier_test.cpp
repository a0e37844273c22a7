#include "identity/posix/identifier.h"

#include <future>
#include <string>

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "child_peer.h"
#include "support/asio_runner.h"
#include "support/fake_clock.h"

namespace ds01::identity::posix {
namespace {

using namespace std::chrono_literals;

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
  UserDb users_{pool_, clock_, {}, invented};
  test::AsioRunner runner_;
};

TEST_F(IdentifierTest, SaysWhoCallsAndWhetherHeIsStillThere) {
  Identifier identifier(users_, {});
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
  Identifier identifier(users_, {});
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
  Identifier identifier(machine, {});
  ChildPeer child({.uid = 54321});
  EXPECT_EQ(refusal(identifier, child.socket()), "no_login");
}

TEST_F(IdentifierTest, AStrangerCostsNoLookUp) {
  bool asked = false;
  UserDb counting(pool_, clock_, {}, [&](std::uint32_t uid) {
    asked = true;
    return invented(uid);
  });
  Identifier identifier(counting, {});
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
  Identifier identifier(slow, {});
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
  Identifier identifier(hung, {});
  ChildPeer child({});
  EXPECT_EQ(refusal(identifier, child.socket(), 503), "nss_unavailable");
  gate.set_value();
}

}  // namespace
}  // namespace ds01::identity::posix
