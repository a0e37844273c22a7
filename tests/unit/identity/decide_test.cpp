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

TEST(HasRole, WhoeverIsMoreThanALogin) {
  RoleRules rules{.admin_users = {"carol"}, .admin_group = "wheel", .service_users = {"hub"}};
  User bob = userOf(1001, "bob");
  EXPECT_FALSE(hasRole(bob, rules));
  EXPECT_FALSE(hasRole(bob, RoleRules{}));
  EXPECT_TRUE(hasRole(userOf(1001, "carol"), rules));
  EXPECT_TRUE(hasRole(userOf(1001, "hub"), rules));
  EXPECT_TRUE(hasRole(userOf(0, "toor"), rules));
  bob.groups.emplace_back("wheel");
  EXPECT_TRUE(hasRole(bob, rules));
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

TEST(RefuseProof, HoldsInAndOutOfContainers) {
  EXPECT_FALSE(refuseProof(provenFacts()).has_value());
  PeerFacts facts = provenFacts();
  facts.proof = Proof::Gone;
  ASSERT_TRUE(refuseProof(facts).has_value());
  EXPECT_EQ(refuseProof(facts)->reason, "peer_gone");
  EXPECT_EQ(decideResident(facts, {}, userOf(1001, "alice"), {}).error().reason, "peer_gone");
  EXPECT_EQ(decideForeign(facts, {1001, {}}, userOf(1001, "alice")).error().reason, "peer_gone");
}

Residence residenceOf(std::string owner) {
  return {ContainerId(std::string(64, 'a')), std::move(owner)};
}

PeerFacts insideFacts(std::uint32_t uid) {
  PeerFacts facts = provenFacts(uid);
  facts.pid_namespace.inode = 201;
  return facts;
}

TEST(DecideResident, APeerInAContainerIsItsOwnerWhateverItsUidThere) {
  for (const std::uint32_t uid : {0U, 1001U, 1002U, 65534U}) {
    const auto caller = decideResident(insideFacts(uid), residenceOf("alice"), userOf(1001, "alice"), rules());
    ASSERT_TRUE(caller) << caller.error().text;
    EXPECT_EQ(caller->user.login, "alice");
    EXPECT_EQ(caller->user.uid, 1001U);
    EXPECT_FALSE(caller->admin) << uid;
    EXPECT_EQ(caller->container, ContainerId(std::string(64, 'a')));
    EXPECT_EQ(caller->login_uid, std::nullopt) << "whoever has none may write any";
  }
}

TEST(DecideResident, TheHostsNamespacesMakeNoDifference) {
  const auto caller = decideResident(provenFacts(0), residenceOf("alice"), userOf(1001, "alice"), rules());
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user.login, "alice");
  EXPECT_FALSE(caller->admin);
}

TEST(DecideResident, TheOwnersRolesCountButUidZeroIsNone) {
  EXPECT_TRUE(decideResident(insideFacts(0), residenceOf("boss@example.edu"), userOf(1003, "boss@example.edu"), rules())
                  ->admin);
  const auto root = decideResident(insideFacts(0), residenceOf("root"), userOf(0, "root"), rules());
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().reason, "container_of_root");
  RoleRules named;
  named.admin_users = {"root"};
  EXPECT_TRUE(decideResident(insideFacts(0), residenceOf("root"), userOf(0, "root"), named)->admin);
  named = {};
  named.service_users = {"dash"};
  EXPECT_TRUE(decideResident(insideFacts(0), residenceOf("dash"), userOf(1004, "dash"), named)->service);
}

TEST(DecideResident, AnOwnerWithoutALoginIsNobody) {
  for (const auto& user :
       {std::optional<User>(), std::optional(userOf(1001, "bob")), std::optional(userOf(1001, ""))}) {
    const auto caller = decideResident(insideFacts(0), residenceOf("alice"), user, rules());
    ASSERT_FALSE(caller);
    EXPECT_EQ(caller.error().reason, "no_login");
    EXPECT_NE(caller.error().text.find("alice"), std::string::npos);
  }
}

TEST(MapForeign, NothingUnlessTheSiteSaysSo) {
  PeerFacts facts = insideFacts(1001);
  facts.user_namespace.inode = 101;
  facts.user_namespace_owner = 1001;
  EXPECT_EQ(mapForeign(facts, "/lxc.payload.web", {}).error().reason, "foreign_namespace");
}

TEST(MapForeign, AUserNamespaceIsItsMakers) {
  ForeignRules rules;
  rules.user_namespaces = true;
  PeerFacts facts = insideFacts(101000);
  facts.user_namespace.inode = 101;
  EXPECT_FALSE(mapForeign(facts, std::nullopt, rules)) << "not known whose";
  facts.user_namespace_owner = 0;
  EXPECT_FALSE(mapForeign(facts, std::nullopt, rules)) << "root's are nobody's";
  facts.user_namespace_owner = 1001;
  EXPECT_EQ(mapForeign(facts, std::nullopt, rules)->uid, 1001U);
  facts.user_namespace = facts.host_user_namespace;
  EXPECT_FALSE(mapForeign(facts, std::nullopt, rules)) << "in the host's user namespace a uid says nothing";
}

TEST(MapForeign, APlaceBelongsToALogin) {
  ForeignRules rules;
  rules.places = {{"/lxc.payload.web", "web"}, {"/", "all"}, {"/machine.slice", "machines"}};
  const PeerFacts facts = insideFacts(0);
  EXPECT_EQ(mapForeign(facts, "/lxc.payload.web", rules)->login, "web");
  EXPECT_EQ(mapForeign(facts, "/lxc.payload.web/init.scope", rules)->login, "web");
  EXPECT_EQ(mapForeign(facts, "/machine.slice/x", rules)->login, "machines");
  EXPECT_FALSE(mapForeign(facts, "/lxc.payload.web2", rules));
  EXPECT_FALSE(mapForeign(facts, "/user.slice/lxc.payload.web", rules));
  EXPECT_FALSE(mapForeign(facts, std::nullopt, rules));
}

TEST(DecideForeign, HasNoRolesAndIsNeverRoot) {
  const auto caller = decideForeign(insideFacts(0), {{}, "boss@example.edu"}, userOf(1003, "boss@example.edu"));
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->admin);
  EXPECT_FALSE(caller->service);
  EXPECT_EQ(decideForeign(insideFacts(0), {{}, "root"}, userOf(0, "root")).error().reason, "foreign_namespace");
  EXPECT_EQ(decideForeign(insideFacts(0), {1001, {}}, userOf(1002, "bob")).error().reason, "no_login");
  EXPECT_EQ(decideForeign(insideFacts(0), {1001, {}}, std::nullopt).error().reason, "no_login");
}

}  // namespace
}  // namespace ds01::identity
