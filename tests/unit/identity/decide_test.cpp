#include "identity/decide.h"

#include <gtest/gtest.h>

namespace ds01::identity {
namespace {

PeerFacts provenFacts(std::uint32_t uid = 1001) {
  PeerFacts facts;
  facts.proof = Proof::Proven;
  facts.uid = uid;
  facts.gid = uid;
  facts.pid = 4321;
  facts.login_uid = uid;
  facts.user_namespace = facts.host_user_namespace = {4, 100};
  facts.pid_namespace = facts.host_pid_namespace = {4, 200};
  return facts;
}

User userOf(std::uint32_t uid, std::string login) {
  User user;
  user.uid = uid;
  user.gid = uid;
  user.login = std::move(login);
  user.home = "/home/" + user.login;
  user.groups = {"users", "video"};
  return user;
}

RoleRules rules() {
  RoleRules rules;
  rules.admin_users = {"boss@example.edu"};
  rules.admin_group = "ds01-admin";
  return rules;
}

std::string refusalOf(const PeerFacts& facts, const std::optional<User>& user) {
  const auto caller = decide(facts, user, rules());
  if (caller) return "(accepted)";
  EXPECT_EQ(caller.error().http_status, 403);
  EXPECT_FALSE(caller.error().text.empty());
  return caller.error().reason;
}

TEST(Decide, AProvenPeerIsItsLogin) {
  const auto caller = decide(provenFacts(), userOf(1001, "alice"), rules());
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user.login, "alice");
  EXPECT_EQ(caller->pid, 4321);
  EXPECT_EQ(caller->login_uid, 1001U);
  EXPECT_FALSE(caller->admin);
}

TEST(Decide, AdminsAreUidZeroNamedLoginsAndOneGroup) {
  EXPECT_TRUE(decide(provenFacts(0), userOf(0, "root"), {})->admin);
  EXPECT_TRUE(decide(provenFacts(), userOf(1001, "boss@example.edu"), rules())->admin);
  EXPECT_FALSE(decide(provenFacts(), userOf(1001, "boss"), rules())->admin) << "the whole login, not a part";
  EXPECT_FALSE(decide(provenFacts(), userOf(1001, "Boss@example.edu"), rules())->admin);
  User member = userOf(1001, "alice");
  member.groups.emplace_back("ds01-admin");
  EXPECT_TRUE(decide(provenFacts(), member, rules())->admin);
}

TEST(Decide, ServiceUsersAreNoAdmins) {
  RoleRules rules;
  rules.service_users = {"dashboard"};
  const auto dashboard = decide(provenFacts(), userOf(1001, "dashboard"), rules);
  EXPECT_TRUE(dashboard->service);
  EXPECT_FALSE(dashboard->admin);
  EXPECT_FALSE(decide(provenFacts(), userOf(1001, "alice"), rules)->service);
  rules.service_users = {""};
  EXPECT_FALSE(decide(provenFacts(), userOf(1001, "alice"), rules)->service);
}

TEST(Decide, EmptyRulesMatchNobody) {
  User odd = userOf(1001, "alice");
  odd.groups.emplace_back("");
  RoleRules empty;
  EXPECT_FALSE(decide(provenFacts(), odd, empty)->admin);
  empty.admin_users = {""};
  EXPECT_FALSE(decide(provenFacts(), odd, empty)->admin);
}

TEST(Decide, SudoDoesNotHideWhoLoggedIn) {
  PeerFacts facts = provenFacts(0);
  facts.login_uid = 1001;
  EXPECT_EQ(decide(facts, userOf(0, "root"), rules())->login_uid, 1001U);
  facts.login_uid = std::nullopt;
  EXPECT_EQ(decide(facts, userOf(0, "root"), rules())->login_uid, std::nullopt);
}

TEST(Decide, WhatTheKernelDoesNotProveIsRefusedForRootToo) {
  for (const std::uint32_t uid : {0U, 1001U}) {
    const User user = userOf(uid, uid == 0 ? "root" : "alice");
    PeerFacts facts = provenFacts(uid);
    facts.proof = Proof::Gone;
    EXPECT_EQ(refusalOf(facts, user), "peer_gone");
    facts.proof = Proof::Unreadable;
    EXPECT_EQ(refusalOf(facts, user), "peer_unreadable");
    facts.proof = Proof::NoPid;
    EXPECT_EQ(refusalOf(facts, user), "peer_no_pid");
    facts = provenFacts(uid);
    facts.pid = 0;
    EXPECT_EQ(refusalOf(facts, user), "peer_no_pid");
    EXPECT_EQ(refusalOf(PeerFacts{}, user), "peer_unreadable") << "nothing is proven unless it is said";
  }
}

TEST(Decide, OtherNamespacesAreRefusedForRootToo) {
  for (const std::uint32_t uid : {0U, 1001U}) {
    const User user = userOf(uid, uid == 0 ? "root" : "alice");
    PeerFacts facts = provenFacts(uid);
    facts.user_namespace.inode = 101;
    EXPECT_EQ(refusalOf(facts, user), "foreign_namespace");
    facts = provenFacts(uid);
    facts.pid_namespace.inode = 201;
    EXPECT_EQ(refusalOf(facts, user), "foreign_namespace");
    facts = provenFacts(uid);
    facts.pid_namespace.device = 5;
    EXPECT_EQ(refusalOf(facts, user), "foreign_namespace") << "an inode number counts on its own device only";
  }
}

TEST(Decide, AUidWithoutALoginIsRefused) {
  EXPECT_EQ(refusalOf(provenFacts(), std::nullopt), "no_login");
  EXPECT_EQ(refusalOf(provenFacts(0), std::nullopt), "no_login");
  EXPECT_EQ(refusalOf(provenFacts(), userOf(1002, "bob")), "no_login") << "the answer to another question";
  EXPECT_EQ(refusalOf(provenFacts(), userOf(1001, "")), "no_login");
  EXPECT_NE(decide(provenFacts(), std::nullopt, {}).error().text.find("1001"), std::string::npos);
}

TEST(RefusePeer, NeedsNoUserDatabase) {
  EXPECT_FALSE(refusePeer(provenFacts()).has_value());
  PeerFacts facts = provenFacts();
  facts.proof = Proof::Gone;
  ASSERT_TRUE(refusePeer(facts).has_value());
  EXPECT_EQ(refusePeer(facts)->reason, "peer_gone");
}

}  // namespace
}  // namespace ds01::identity
