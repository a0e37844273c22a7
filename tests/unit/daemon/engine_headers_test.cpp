#include "daemon/engine_headers.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authz/posix/key_file.h"
#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

using authz::posix::KeyFile;
using testing::_;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

using Headers = std::vector<EngineHeaders::Header>;

// As the Engine gets them.
Headers pairs(const gateway::OwnHeaders& headers) {
  Headers out;
  for (const gateway::OwnHeader& header : headers) out.emplace_back(header.name, header.value);
  return out;
}

TEST(EngineHeaders, TicketsAreSentAsLongAsThereIsAKey) {
  const test::TempDir dir;
  const std::string path = dir.file("authz.key");
  EngineHeaders headers(path);
  const auto ours = headers.ofOurs();
  const auto of_gateway = headers.ofGateway();
  EXPECT_THAT(ours("GET", "/info"), IsEmpty());
  EXPECT_THAT(of_gateway("GET", "/info", "alice"), IsEmpty());

  KeyFile key(path);
  const auto mac = key.currentOrNew();
  ASSERT_TRUE(mac.has_value());
  const auto own = ours("GET", "/info");
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(own[0].first, "X-Ds01-Ticket");
  EXPECT_TRUE(authz::readTicket(own[0].second, "GET", "/info", **mac).has_value());
  const gateway::OwnHeaders forwarded = of_gateway("POST", "/containers/create?name=a", "alice");
  ASSERT_EQ(forwarded.size(), 1U);
  EXPECT_EQ(forwarded[0].name, "X-Ds01-Ticket");
  EXPECT_TRUE(authz::readTicket(forwarded[0].value, "POST", "/containers/create?name=a", **mac).has_value());

  // A key that others can read is none.
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_THAT(ours("GET", "/info"), IsEmpty());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_THAT(ours("GET", "/info"), SizeIs(1));
  ::unlink(path.c_str());
  EXPECT_THAT(ours("GET", "/info"), IsEmpty());
}

TEST(EngineHeaders, TheUserIsToldWhileThereIsANameForIt) {
  const test::TempDir dir;
  EngineHeaders headers(dir.file("authz.key"));
  const auto ours = headers.ofOurs();
  const auto of_gateway = headers.ofGateway();
  headers.tellUserAs("Authz-User");
  EXPECT_THAT(ours("GET", "/info"), ElementsAre(Pair("Authz-User", "root")));
  EXPECT_THAT(pairs(of_gateway("GET", "/info", "alice")), ElementsAre(Pair("Authz-User", "alice")));
  EXPECT_THAT(pairs(of_gateway("GET", "/info", std::nullopt)), ElementsAre(Pair("Authz-User", "root")));
  EXPECT_THAT(pairs(of_gateway("GET", "/info", "")), ElementsAre(Pair("Authz-User", ""))) << "nobody is not root";
  headers.tellUserAs("X-User");
  EXPECT_THAT(pairs(of_gateway("GET", "/info", "bob")), ElementsAre(Pair("X-User", "bob")));
  headers.tellUserAs(std::nullopt);
  EXPECT_THAT(ours("GET", "/info"), IsEmpty());
  EXPECT_THAT(of_gateway("GET", "/info", "alice"), IsEmpty());
}

TEST(EngineHeaders, ATicketAndAUserStandSideBySide) {
  const test::TempDir dir;
  const std::string path = dir.file("authz.key");
  ASSERT_TRUE(KeyFile(path).currentOrNew().has_value());
  EngineHeaders headers(path);
  headers.tellUserAs("Authz-User");
  EXPECT_THAT(headers.ofOurs()("GET", "/info"), ElementsAre(Pair("X-Ds01-Ticket", _), Pair("Authz-User", "root")));
  EXPECT_THAT(pairs(headers.ofGateway()("GET", "/info", "alice")),
              ElementsAre(Pair("X-Ds01-Ticket", _), Pair("Authz-User", "alice")));
}

TEST(EngineHeaders, ALoginIsOneValueAndAnotherLoginIsAnother) {
  EXPECT_EQ(headerValueOf("m.curie@example.edu"), "m.curie@example.edu");
  EXPECT_EQ(headerValueOf("DOM\\user-1_x$"), "DOM\\user-1_x$");
  EXPECT_EQ(headerValueOf("a\r\nAuthz-User: root"), "a%0D%0AAuthz-User:%20root");
  EXPECT_EQ(headerValueOf(" root\t"), "%20root%09");
  EXPECT_EQ(headerValueOf("a%20b"), "a%2520b");
  EXPECT_EQ(headerValueOf("a b"), "a%20b");
  EXPECT_EQ(headerValueOf("j\xc3\xb6rg\x7f"), "j%C3%B6rg%7F");
  EXPECT_EQ(headerValueOf(std::string_view("a\0b", 3)), "a%00b");
}

}  // namespace
}  // namespace ds01::daemon
