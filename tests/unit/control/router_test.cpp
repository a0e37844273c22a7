#include "control/router.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "control/codec.h"
#include "control/view_routes.h"
#include "samples.h"
#include "support/asio_runner.h"

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

net::HttpReply handle(const Router& router, net::HttpRequest request, Caller caller = {}) {
  ds01::test::AsioRunner runner;
  return std::get<net::HttpReply>(runner.run(router.handle(std::move(request), std::move(caller))));
}

net::HttpReply ask(std::string method, std::string target, std::string login = "bob", bool admin = false) {
  Caller caller;
  caller.user.login = std::move(login);
  caller.admin = admin;
  const FakeView view;
  Router router;
  addViewRoutes(router, view);
  return handle(router, {.method = std::move(method), .target = std::move(target), .body = {}}, caller);
}

// A route that says what it got.
Router echoRouter() {
  Router router;
  Handler echo = [](Request request) -> boost::asio::awaitable<net::HttpAnswer> {
    std::string got;
    for (const std::string& name : request.names) got += "<" + name + ">";
    for (const auto& [key, value] : request.query) got += key + "=" + value + ";";
    got += request.body;
    co_return net::HttpReply{.status = 200, .body = std::move(got)};
  };
  router.add({.method = "GET", .pattern = "/v1/explain/{}", .query = {"a", "b"}, .handler = echo});
  router.add({.method = "POST", .pattern = "/v1/explain/{}", .max_body_bytes = 4, .handler = echo});
  return router;
}

std::string echo(std::string target) {
  const net::HttpReply reply = handle(echoRouter(), {.method = "GET", .target = std::move(target), .body = {}});
  return reply.status == 200 ? reply.body : std::to_string(reply.status);
}

TEST(RouterTest, NamesAndQueryAreDecodedOnce) {
  EXPECT_EQ(echo("/v1/explain/D12"), "<D12>");
  EXPECT_EQ(echo("/v1/explain/a%20b%2525"), "<a b%25>");
  EXPECT_EQ(echo("/v1/explain/x?a=1%2B2+3&b="), "<x>a=1+2+3;b=;");
  EXPECT_EQ(echo("/v1/explain/x?a"), "<x>a=;");
}

TEST(RouterTest, WhatIsNotWellEncodedIsRefused) {
  for (const char* target : {"/v1/explain/%", "/v1/explain/%4", "/v1/explain/%zz", "/v1/explain/a%00",
                             "/v1/explain/%0a", "/v1/explain/%ff", "/v1/explain/..", "/v1/explain/%2e%2e",
                             "/v1/explain/.", "/v1/explain/x?a=%", "/v1/explain/x?a=%07", "/v1/explain/x?a=1&a=2",
                             "/v1/explain/x?c=1", "/v1/explain/x?", "/v1/explain/x?a=1&&b=2", "/v1/explain/x?A=1"}) {
    EXPECT_EQ(echo(target), "400") << target;
  }
  for (const char* target : {"/v1/explain/", "/v1/explain", "/v1/explain//", "/v1/explain/a/b", "/v1/%65xplain/a"}) {
    EXPECT_EQ(echo(target), "404") << target;
  }
  // An encoded slash is part of the name and leads nowhere else.
  EXPECT_EQ(echo("/v1/explain/..%2fstatus"), "<../status>");
}

TEST(RouterTest, BodiesGoWhereTheyBelong) {
  const Router router = echoRouter();
  EXPECT_EQ(handle(router, {.method = "POST", .target = "/v1/explain/x", .body = "abcd"}).body, "<x>abcd");
  EXPECT_EQ(handle(router, {.method = "POST", .target = "/v1/explain/x", .body = "abcde"}).status, 413);
  EXPECT_EQ(handle(router, {.method = "GET", .target = "/v1/explain/x", .body = "a"}).status, 400);
  EXPECT_EQ(router.maxBodyBytes("POST", "/v1/explain/x?y"), 4U);
  EXPECT_EQ(router.maxBodyBytes("GET", "/v1/explain/x"), 0U);
  EXPECT_EQ(router.maxBodyBytes("POST", "/v1/status"), 0U);
}

TEST(RouterTest, TheOtherMethodsAreNamed) {
  const net::HttpReply reply = handle(echoRouter(), {.method = "PUT", .target = "/v1/explain/x", .body = {}});
  EXPECT_EQ(reply.status, 405);
  EXPECT_NE(reply.body.find("allows GET and POST only, not PUT"), std::string::npos);
}

TEST(RouterTest, TheHandlerGetsTheCaller) {
  Router router;
  router.add(
      {.method = "GET", .pattern = "/me", .handler = [](Request request) -> boost::asio::awaitable<net::HttpAnswer> {
         co_return net::HttpReply{.status = 200, .body = request.caller.user.login};
       }});
  Caller caller;
  caller.user.login = "alice";
  EXPECT_EQ(handle(router, {.method = "GET", .target = "/me", .body = {}}, caller).body, "alice");
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

TEST(RouterTest, AQueryThatNobodyReadsIsRefused) {
  EXPECT_EQ(ask("GET", "/v1/status?x=1").status, 400);
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
