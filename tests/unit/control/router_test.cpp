#include "control/router.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "control/codec.h"
#include "samples.h"

namespace ds01::control {
namespace {

using test::sampleContainer;
using test::sampleStatus;

class FakeView : public View {
 public:
  StatusSnapshot status() const override { return sampleStatus(); }
  std::vector<ContainerRow> containers() const override {
    return {sampleContainer("a", "alice"), sampleContainer("b", "bob")};
  }
};

net::HttpReply ask(std::string method, std::string target, std::string login = "bob", bool admin = false) {
  Caller caller;
  caller.user.login = std::move(login);
  caller.admin = admin;
  return handle({.method = std::move(method), .target = std::move(target), .body = {}}, caller, FakeView{});
}

TEST(RouterTest, StatusIsCutToTheCaller) {
  const net::HttpReply reply = ask("GET", "/v1/status");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  const auto status = statusFromJson(boost::json::parse(reply.body));
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(*status, visibleTo(sampleStatus(), "bob", false));
  EXPECT_EQ(reply.body.find("train"), std::string::npos);
  EXPECT_EQ(reply.body.find("aaaa"), std::string::npos);
}

TEST(RouterTest, AdminsGetAll) {
  EXPECT_EQ(*statusFromJson(boost::json::parse(ask("GET", "/v1/status", "root", true).body)), sampleStatus());
  const auto list = containersFromJson(boost::json::parse(ask("GET", "/v1/containers", "root", true).body));
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->containers.size(), 2U);
}

TEST(RouterTest, ContainersAreTheCallersOwn) {
  const auto list = containersFromJson(boost::json::parse(ask("GET", "/v1/containers").body));
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->containers, (std::vector{sampleContainer("b", "bob")}));
}

TEST(RouterTest, AQueryIsIgnored) {
  EXPECT_EQ(ask("GET", "/v1/status?x=1").status, 200);
}

TEST(RouterTest, UnknownPathsAreNotFound) {
  for (const char* target : {"/", "", "/v1", "/v1/", "/v1/status/", "/v2/status", "/V1/status", "//v1/status",
                             "/v1/status%3f", "/v1/./status", "?/v1/status"}) {
    EXPECT_EQ(ask("GET", target).status, 404) << target;
  }
  EXPECT_EQ(ask("POST", "/v1/secrets").status, 404);
  EXPECT_EQ(ask("GET", "/v1/\x1b?q").body, "{\"api\":1,\"message\":\"ds01: there is no /v1/\\u001b in this API\"}\n");
}

TEST(RouterTest, OtherMethodsAreNotAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "HEAD", "get", ""}) {
    EXPECT_EQ(ask(method, "/v1/status").status, 405) << method;
    EXPECT_EQ(ask(method, "/v1/containers").status, 405) << method;
  }
  EXPECT_EQ(ask("POST", "/v1/status").body, "{\"api\":1,\"message\":\"ds01: /v1/status allows GET only, not POST\"}\n");
}

}  // namespace
}  // namespace ds01::control
