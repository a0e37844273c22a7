#include "authz/plugin/activation.h"

#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "authz/plugin/options.h"
#include "authz/plugin/server.h"

namespace ds01::authz::plugin {
namespace {

using namespace std::chrono_literals;

TEST(Activation, isForThisProcessOnly) {
  for (const std::string& pid : {std::string(), std::string("1"), std::to_string(::getpid()) + "0"}) {
    const auto taken = takeActivatedSocket(pid, "1");
    ASSERT_TRUE(taken.has_value());
    EXPECT_FALSE(taken->has_value());
  }
  EXPECT_FALSE(takeActivatedSocket(std::to_string(::getpid()), "2").has_value());
  EXPECT_FALSE(takeActivatedSocket(std::to_string(::getpid()), "").has_value());
}

TEST(PluginOptions, listenNamesASocket) {
  const char* good[] = {"ds01-authz", "--listen", "unix:///x/y.sock"};
  const auto options = parseOptions(3, good);
  ASSERT_TRUE(std::holds_alternative<Options>(options));
  EXPECT_EQ(std::get<Options>(options).listen_path, "/x/y.sock");
  for (const char* url : {"unix://", "unix://x", "tcp://127.0.0.1:1", "/x"}) {
    const char* bad[] = {"ds01-authz", "--listen", url};
    EXPECT_TRUE(std::holds_alternative<Exit>(parseOptions(3, bad))) << url;
  }
}

TEST(LineLimit, writesSomeLinesAMinuteAndThenHowManyItDidNot) {
  LineLimit limit;
  for (int line = 0; line < 20; ++line) ASSERT_TRUE(limit.pass(1s).has_value());
  EXPECT_FALSE(limit.pass(2s).has_value());
  EXPECT_FALSE(limit.pass(61s).has_value());
  EXPECT_EQ(limit.pass(61s + 1us), 2U);
  EXPECT_EQ(limit.pass(62s), 0U);
}

}  // namespace
}  // namespace ds01::authz::plugin
