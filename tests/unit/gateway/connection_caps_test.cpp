#include "gateway/connection_caps.h"

#include <optional>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ds01::gateway {
namespace {

using testing::HasSubstr;
using Places = std::vector<ConnectionCaps::Place>;

constexpr Account kAlice{1001, true};
constexpr Account kBob{1002, true};
constexpr Account kContainer{4026532001, false};
constexpr Account kOther{4026532002, false};

Places enter(ConnectionCaps& caps, const Account& account, int count) {
  Places places;
  for (int i = 0; i < count; ++i) places.push_back(caps.enter(account));
  return places;
}

TEST(ConnectionCaps, AnAccountHasSoManyThenSomeAreToldAndTheRestClosed) {
  ConnectionCaps caps({.of_users = 10, .per_account = 2, .told = 10, .told_per_account = 1});
  Places places = enter(caps, kAlice, 4);
  EXPECT_TRUE(places[0].held() && places[1].held());
  EXPECT_FALSE(places[2].held() || places[2].closed());
  EXPECT_THAT(places[2].whyNot(), HasSubstr("you have 2 connections open"));
  EXPECT_TRUE(places[3].closed());
  places.clear();
  EXPECT_TRUE(caps.enter(kAlice).held()) << "given back";
}

TEST(ConnectionCaps, WhoIsToldKeepsNobodysPlace) {
  ConnectionCaps caps({.of_users = 3, .per_account = 2, .told = 4, .told_per_account = 2});
  const Places alice = enter(caps, kAlice, 9);
  EXPECT_TRUE(caps.enter(kBob).held());
  Places refused = enter(caps, kBob, 1);
  for (int i = 0; i < 9; ++i) {
    refused.back().refuse();
    refused.push_back(caps.enter(kBob));
    EXPECT_TRUE(refused.back().held()) << i;
  }
  EXPECT_TRUE(refused[5].closed()) << "two are told, and no more";
}

TEST(ConnectionCaps, AllUsersTogetherHaveSoManyAndRootComesInNonetheless) {
  ConnectionCaps caps({.of_users = 2, .per_account = 2, .told = 1, .told_per_account = 1});
  const Places alice = enter(caps, kAlice, 2);
  const ConnectionCaps::Place bob = caps.enter(kBob);
  EXPECT_FALSE(bob.held());
  EXPECT_THAT(bob.whyNot(), HasSubstr("too many connections are open on this socket"));
  EXPECT_TRUE(caps.enter({1003, true}).closed()) << "so many are told, of all";
  const Places root = enter(caps, kRootOnHost, 3);
  EXPECT_TRUE(root[0].held() && root[1].held());
  EXPECT_FALSE(root[2].held() || root[2].closed()) << "whoever is told does not keep root from a sentence";
  EXPECT_FALSE(caps.enter({0, false}).held()) << "a container's root is not that";
}

TEST(ConnectionCaps, WhomNobodyKnowsYetLeavesHalfToTheHostsUsers) {
  ConnectionCaps caps({.of_users = 4, .per_account = 2, .told = 0, .told_per_account = 0});
  const Places first = enter(caps, kContainer, 2);
  EXPECT_TRUE(first[1].held());
  EXPECT_TRUE(caps.enter(kOther).closed());
  EXPECT_TRUE(caps.enter(kAlice).held());
}

TEST(ConnectionCaps, OnceItIsKnownWhoseItIsItCountsForItsOwner) {
  ConnectionCaps caps({.of_users = 4, .per_account = 2, .told = 2, .told_per_account = 2});
  Places places = enter(caps, kContainer, 2);
  for (auto& place : places) place.moveTo(kAlice);
  EXPECT_TRUE(places[0].held() && places[1].held());
  EXPECT_FALSE(caps.enter(kAlice).held());
  ConnectionCaps::Place more = caps.enter(kContainer);
  EXPECT_TRUE(more.held());
  more.moveTo(kAlice);
  EXPECT_FALSE(more.held());
  EXPECT_THAT(more.whyNot(), HasSubstr("you have 2"));
}

TEST(ConnectionCaps, NothingIsLeftOfThoseWhoHaveLeft) {
  ConnectionCaps caps({.of_users = 6, .per_account = 3, .told = 3, .told_per_account = 2});
  const std::vector<Account> accounts{kAlice, kBob, kContainer, kOther, kRootOnHost};
  std::mt19937 chance(7);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
  Places places;
  for (int step = 0; step < 5000; ++step) {
    const Account& account = accounts[chance() % accounts.size()];
    switch (chance() % 4) {
      case 0:
        places.push_back(caps.enter(account));
        break;
      case 1:
        if (!places.empty()) places[chance() % places.size()].moveTo(account);
        break;
      case 2:
        if (!places.empty()) places[chance() % places.size()].refuse();
        break;
      default:
        if (!places.empty()) places.pop_back();
    }
    std::size_t held = 0;
    std::size_t told = 0;
    for (const auto& place : places) {
      if (place.account() == kRootOnHost || place.closed()) continue;
      ++(place.held() ? held : told);
    }
    ASSERT_LE(held, 6U);
    ASSERT_LE(told, 3U);
  }
  places.clear();
  EXPECT_TRUE(enter(caps, kContainer, 3).back().held());
  const Places alice = enter(caps, kAlice, 3);
  const Places bob = enter(caps, kBob, 3);
  EXPECT_TRUE(alice.back().held() && bob.back().held());
}

}  // namespace
}  // namespace ds01::gateway
