#include "slices/name_map.h"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "slices/md5.h"

namespace ds01::slices {
namespace {

std::string suffix(const std::string& login, std::size_t digits = 4) {
  return "_" + md5Hex(login).substr(0, digits);
}

TEST(NameMap, TheFirstKeepsThePlainNameAndTheNextGetsAHash) {
  NameMap map;
  EXPECT_EQ(*map.assign("u@d1"), "u");
  EXPECT_EQ(*map.assign("u@d2"), "u" + suffix("u@d2"));
  EXPECT_EQ(*map.assign("u"), "u" + suffix("u"));
  EXPECT_EQ(*map.assign("a.b@d1"), "a_b");
  EXPECT_EQ(*map.assign("a-b@d1"), "a_b" + suffix("a-b@d1"));
  EXPECT_EQ(*map.assign("u@d1"), "u") << "what was given stays";
  EXPECT_EQ(map.find("u@d3"), std::nullopt);
  EXPECT_EQ(*map.propose("u@d3"), "u" + suffix("u@d3"));
  EXPECT_EQ(map.find("u@d3"), std::nullopt) << "only proposed";
}

TEST(NameMap, ALoginMadeToLookLikeAHashedNameTakesNobodysPlace) {
  NameMap map;
  const std::string imitation = "u" + suffix("u@d2");
  EXPECT_EQ(*map.assign(imitation), imitation);
  EXPECT_EQ(*map.assign("u@d1"), "u");
  EXPECT_EQ(*map.assign("u@d2"), "u" + suffix("u@d2", 8)) << "the next longer hash";
}

TEST(NameMap, RefusesWhatNoNameCanBeMadeOf) {
  NameMap map;
  for (const std::string login : {"", "@d1", "...@d1", "---", "\xff\xfe", "u\xff"}) {
    const Result<std::string> part = map.assign(login);
    ASSERT_FALSE(part) << login;
    EXPECT_EQ(part.error().code(), ErrorCode::InvalidArgument);
    EXPECT_FALSE(part.error().message().empty());
  }
  EXPECT_TRUE(map.names().empty());
}

TEST(NameMap, ThereIsAlwaysANameThatNobodyCanImitate) {
  NameMap map;
  ASSERT_TRUE(map.assign("u"));
  for (const std::size_t digits : {4, 8, 16, 32}) ASSERT_TRUE(map.assign("u" + suffix("u@d2", digits)));
  // A login of this length is cut and hashed itself.
  EXPECT_EQ(*map.assign("u@d2"), "u" + suffix("u@d2", 32));
}

TEST(NameMap, LearnsOnlyWhatTheLoginCanHaveAndNobodyHas) {
  NameMap map;
  EXPECT_FALSE(map.learn("u@d1", "bob"));
  EXPECT_FALSE(map.learn("u@d1", ""));
  EXPECT_FALSE(map.learn("u@d1", "u_0000"));
  EXPECT_FALSE(map.learn("@d1", ""));
  EXPECT_TRUE(map.names().empty());
  EXPECT_TRUE(map.learn("u@d2", "u" + suffix("u@d2")));
  EXPECT_TRUE(map.learn("u@d1", "u"));
  EXPECT_TRUE(map.learn("u@d1", "u")) << "again";
  EXPECT_FALSE(map.learn("u@d1", "u" + suffix("u@d1"))) << "it has another";
  EXPECT_FALSE(map.learn("u@d3", "u")) << "another's";
  EXPECT_FALSE(map.learn("u@d3", "u" + suffix("u@d2")));
}

TEST(NameMap, ComesBackFromDisk) {
  NameMap map;
  for (const char* login : {"u@d1", "u@d2", "m.curie@example.edu", "\xc3\xa9lodie", "quote\"back\\slash"}) {
    ASSERT_TRUE(map.assign(login)) << login;
  }
  const Result<NameMap> back = decodeNames(encodeNames(map));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->names(), map.names());
  EXPECT_EQ(decodeNames(encodeNames({}))->names().size(), 0U);
}

TEST(DecodeNames, RefusesWhatWeDoNotWrite) {
  for (const char* text :
       {"", "{", "[]", "null", R"({"version":1})", R"({"names":{}})", R"({"version":2,"names":{}})",
        R"({"version":"1","names":{}})", R"({"version":1,"names":[]})", R"({"version":1,"names":{},"x":1})",
        R"({"version":1,"names":{"u":1}})", R"({"version":1,"names":{"u":"bob"}})",
        R"({"version":1,"names":{"u@d1":"u","u@d2":"u"}})", R"({"version":1,"names":{"":""}})",
        R"({"version":1,"names":{"u":"../x"}})", R"({"version":1,"names":{}} x)"}) {
    const Result<NameMap> map = decodeNames(text);
    ASSERT_FALSE(map) << text;
    EXPECT_EQ(map.error().code(), ErrorCode::Malformed) << text;
  }
}

// Few characters, so that many of them collide.
std::string anyLogin(std::mt19937& random) {
  static constexpr std::string_view kCharacters = "aab..--_@@1";
  std::string login;
  const std::size_t length = 1 + random() % (random() % 8 == 0 ? 45 : 5);
  for (std::size_t i = 0; i < length; ++i) login += kCharacters[random() % kCharacters.size()];
  return login;
}

TEST(NameMapProperty, NoTwoLoginsShareANameAndNamesOutliveRestartsAndOrder) {
  std::mt19937 random(20261125);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> logins;
    for (int i = 0; i < 100; ++i) logins.push_back(anyLogin(random));
    NameMap map;
    for (const std::string& login : logins) {
      (void)map.assign(login);
      if (random() % 16 == 0) map = decodeNames(encodeNames(map)).value();
    }
    std::set<std::string> parts;
    for (const auto& [login, part] : map.names()) {
      EXPECT_TRUE(parts.insert(part).second) << login << " shares " << part;
      EXPECT_FALSE(part.empty());
    }
    // Learned anew from containers, in any order: the same names.
    std::vector<std::pair<std::string, std::string>> seen(map.names().begin(), map.names().end());
    std::ranges::shuffle(seen, random);
    NameMap learned;
    for (const auto& [login, part] : seen) EXPECT_TRUE(learned.learn(login, part)) << login << " " << part;
    EXPECT_EQ(learned.names(), map.names());
    std::ranges::shuffle(logins, random);
    for (const std::string& login : logins) {
      if (!map.find(login)) continue;
      EXPECT_EQ(*learned.assign(login), *map.find(login));
    }
  }
}

}  // namespace
}  // namespace ds01::slices
