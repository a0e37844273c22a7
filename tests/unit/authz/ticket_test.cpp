#include "authz/ticket.h"

#include <algorithm>
#include <cctype>

#include <gtest/gtest.h>

#include "unit/authz/fake_mac.h"

namespace ds01::authz {
namespace {

using std::chrono_literals::operator""s;

const MacFunction kMac = fakeMac("key");
const Ticket kTicket = ticketOf('a', 5s);

TEST(Ticket, isOneWordOfItsParts) {
  const std::string text = writeTicket(kTicket, "GET", "/info", kMac);
  EXPECT_TRUE(text.starts_with("1.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.5000000.")) << text;
  EXPECT_EQ(text.size(), 2U + 32 + 1 + 7 + 1 + 64);
}

TEST(Ticket, isReadForTheRequestItWasWrittenFor) {
  const std::string text = writeTicket(kTicket, "GET", "/v1.41/containers/json?all=1", kMac);
  const auto read = readTicket(text, "GET", "/v1.41/containers/json?all=1", kMac);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, kTicket);
}

TEST(Ticket, isNotGoodForAnotherRequestOrKey) {
  const std::string text = writeTicket(kTicket, "GET", "/a?b", kMac);
  const auto code = [&](std::string_view method, std::string_view target, const MacFunction& mac) {
    const auto read = readTicket(text, method, target, mac);
    return read ? ErrorCode::Internal : read.error().code();
  };
  EXPECT_EQ(code("HEAD", "/a?b", kMac), ErrorCode::PermissionDenied);
  EXPECT_EQ(code("GET", "/a?c", kMac), ErrorCode::PermissionDenied);
  EXPECT_EQ(code("GET", "/a?%62", kMac), ErrorCode::PermissionDenied);
  EXPECT_EQ(code("GET", "//a?b", kMac), ErrorCode::PermissionDenied);
  EXPECT_EQ(code("GET", "/a?b", fakeMac("other")), ErrorCode::PermissionDenied);
  // A line feed would move what is signed from the method to the target.
  EXPECT_EQ(code("GET\n/a", "?b", kMac), ErrorCode::Malformed);
}

TEST(Ticket, hasOneSpelling) {
  const std::string good = writeTicket(kTicket, "GET", "/", kMac);
  ASSERT_TRUE(readTicket(good, "GET", "/", kMac).has_value());
  std::string upper = good;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::string zero = "1." + kTicket.nonce + ".05000000" + good.substr(good.rfind('.'));
  const std::string plus = "1." + kTicket.nonce + ".+5000000" + good.substr(good.rfind('.'));
  for (const std::string& text : {std::string(), std::string("1"), std::string("1."), std::string("1..."), good + "0",
                                  good + ".", " " + good, good.substr(0, good.size() - 1), "2" + good.substr(1), upper,
                                  zero, plus, good + ", " + good, std::string(100'000, '.')}) {
    EXPECT_FALSE(readTicket(text, "GET", "/", kMac).has_value()) << text.substr(0, 100);
  }
}

TEST(Ticket, aNumberThatDoesNotFitIsNone) {
  EXPECT_FALSE(readTicket("1." + kTicket.nonce + ".99999999999999999999." + std::string(64, '0'), "GET", "/", kMac));
  EXPECT_FALSE(readTicket("1." + kTicket.nonce + ".-1." + std::string(64, '0'), "GET", "/", kMac));
}

}  // namespace
}  // namespace ds01::authz
