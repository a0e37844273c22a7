#include "control/config_route.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "control/report_codec.h"
#include "support/asio_runner.h"

namespace ds01::control {
namespace {

class ConfigRouteTest : public testing::Test {
 protected:
  ConfigRouteTest() {
    addConfigRoute(router_, [this](const std::string& login) {
      asked_.push_back(login);
      LoginReport report;
      report.login = login;
      return report;
    });
  }

  net::HttpReply ask(const std::string& target, const std::string& login = "ada", bool admin = false) {
    Caller caller;
    caller.user.login = login;
    caller.admin = admin;
    net::HttpRequest request{.method = "GET", .target = target, .body = {}};
    return std::get<net::HttpReply>(runner_.run(router_.handle(std::move(request), std::move(caller))));
  }

  Router router_;
  std::vector<std::string> asked_;
  ds01::test::AsioRunner runner_;
};

TEST_F(ConfigRouteTest, EverybodyMayAskAboutThemselves) {
  for (const char* target : {"/v1/config", "/v1/config?user=ada", "/v1/config?user=%61da"}) {
    const net::HttpReply reply = ask(target);
    EXPECT_EQ(reply.status, 200) << target;
    EXPECT_EQ(loginReportFromJson(boost::json::parse(reply.body))->login, "ada");
  }
}

TEST_F(ConfigRouteTest, OthersAreTheAdminsToSee) {
  const net::HttpReply refused = ask("/v1/config?user=bob");
  EXPECT_EQ(refused.status, 403);
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(ask("/v1/config?user=bob", "root", true).status, 200);
  EXPECT_EQ(asked_, std::vector<std::string>{"bob"});
}

TEST_F(ConfigRouteTest, NoLoginIsNobodys) {
  EXPECT_EQ(ask("/v1/config?user=").status, 400);
  EXPECT_EQ(ask("/v1/config", "").status, 400);
  EXPECT_EQ(ask("/v1/config?user=ada&user=bob").status, 400);
  EXPECT_EQ(ask("/v1/config?login=ada").status, 400);
  EXPECT_TRUE(asked_.empty());
}

}  // namespace
}  // namespace ds01::control
