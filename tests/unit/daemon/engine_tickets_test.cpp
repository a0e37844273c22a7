#include "daemon/engine_tickets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authz/posix/key_file.h"
#include "support/temp_dir.h"

namespace ds01::daemon {
namespace {

using authz::posix::KeyFile;

TEST(EngineTickets, areSentAsLongAsThereIsAKey) {
  const test::TempDir dir;
  const std::string path = dir.file("authz.key");
  EngineTickets tickets(path);
  const auto header = tickets.header();
  const auto gateway_header = tickets.gatewayHeader();
  EXPECT_FALSE(header("GET", "/info").has_value());
  EXPECT_EQ(gateway_header("GET", "/info").name, "");

  KeyFile key(path);
  const auto mac = key.currentOrNew();
  ASSERT_TRUE(mac.has_value());
  const auto own = header("GET", "/info");
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->first, "X-Ds01-Ticket");
  EXPECT_TRUE(authz::readTicket(own->second, "GET", "/info", **mac).has_value());
  const gateway::OwnHeader forwarded = gateway_header("POST", "/containers/create?name=a");
  EXPECT_EQ(forwarded.name, "X-Ds01-Ticket");
  EXPECT_TRUE(authz::readTicket(forwarded.value, "POST", "/containers/create?name=a", **mac).has_value());

  // A key that others can read is none.
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_FALSE(header("GET", "/info").has_value());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(header("GET", "/info").has_value());
  ::unlink(path.c_str());
  EXPECT_FALSE(header("GET", "/info").has_value());
}

}  // namespace
}  // namespace ds01::daemon
