// The small pure parts: filters, build query, events, views, heads that we write.
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "gateway/build_query.h"
#include "gateway/docker_filters.h"
#include "gateway/event_filter.h"
#include "gateway/head_writer.h"
#include "gateway/views.h"

namespace ds01::gateway {
namespace {

TEST(Filters, bothForms) {
  const auto modern = parseFilters(R"({"label":{"a=b":true,"c":true},"status":{"running":true}})");
  ASSERT_TRUE(modern.has_value());
  EXPECT_EQ(modern->at("label"), (std::vector<std::string>{"a=b", "c"}));
  const auto legacy = parseFilters(R"({"label":["a=b"]})");
  ASSERT_TRUE(legacy.has_value());
  EXPECT_EQ(serialise(*legacy), R"({"label":{"a=b":true}})");
  EXPECT_TRUE(parseFilters("")->empty());
  EXPECT_TRUE(parseFilters("null")->empty());
}

TEST(Filters, malformedIsRefused) {
  for (const char* bad :
       {"{", "[]", "1", R"({"a":1})", R"({"a":{"b":1}})", R"({"a":[1]})", R"({"a":{"b":{}}})", "{} x"}) {
    EXPECT_FALSE(parseFilters(bad).has_value()) << bad;
  }
}

TEST(BuildQuery, whatIsOpen) {
  for (const char* good :
       {"/build?t=x", "/build?networkmode=", "/build?networkmode=default", "/build?networkmode=none",
        "/build?networkmode=bridge", "/build?networkmode=my_net.1", "/build?version=1&remote=client-session",
        "/build?remote=&securityopt=", "/build?ulimits=null",
        "/build?ulimits=%5B%7B%22Name%22%3A%22nofile%22%2C%22Soft%22%3A9%2C%22Hard%22%3A9%7D%5D"}) {
    EXPECT_FALSE(checkBuildQuery(*parseTarget(good), "runc")) << good;
  }
}

TEST(BuildQuery, whatIsNot) {
  for (const char* bad :
       {"/build?networkmode=host", "/build?networkmode=container:x", "/build?networkmode=ns:/proc/1/ns/net",
        "/build?networkmode=.x", "/build?networkmode=0123456789abcdef", "/build?networkmode=a%20b",
        "/build?securityopt=%5B%22a%22%5D", "/build?cgroupparent=/", "/build?remote=http://x/y",
        "/build?ulimits=%5B%7B%22Name%22:%22rtprio%22,%22Soft%22:9%7D%5D",
        "/build?ulimits=%5B%7B%22nAme%22:%22RtPrio%22%7D%5D",
        "/build?ulimits=%5B%7B%22Name%22:%22\\u006eice%22%7D%5D"}) {
    const auto denial = checkBuildQuery(*parseTarget(bad), "runc");
    ASSERT_TRUE(denial) << bad;
    EXPECT_EQ(denial->http_status, 403);
  }
}

// A frontend of the user's own would run.
TEST(BuildQuery, buildKitIsNotReachedThisWay) {
  for (const char* bad :
       {"/build?version=2", "/build?version=2&remote=client-session", "/build?version=3", "/build?version=02"}) {
    const auto denial = checkBuildQuery(*parseTarget(bad), "runc");
    ASSERT_TRUE(denial) << bad;
    EXPECT_EQ(denial->reason, "build_frontend");
  }
}

TEST(BuildQuery, buildKitWhereItIsOpened) {
  const auto reason = [](const char* query) {
    const auto denial = checkBuildQuery(*parseTarget(query), "nvidia", {}, true);
    return denial ? denial->reason : "";
  };
  EXPECT_EQ(reason("/build?version=2&remote=client-session"), "");
  EXPECT_EQ(reason("/build?version=3"), "build_frontend");
  EXPECT_EQ(reason("/build?version=02"), "build_frontend");
  EXPECT_EQ(reason("/build?version=2&networkmode=host"), "build_network");
  EXPECT_EQ(reason("/build?version=2&cgroupparent=/"), "build_cgroup_parent");
  EXPECT_EQ(reason("/build?version=2&securityopt=x"), "build_security_opt");
  EXPECT_EQ(reason("/build?version=2&remote=http://x"), "build_remote");
  EXPECT_EQ(reason("/build?version=2&ulimits=%5B%7B%22Name%22:%22nice%22%7D%5D"), "ulimit");
}

TEST(BuildQuery, ulimits) {
  EXPECT_FALSE(
      checkBuildQuery(*parseTarget("/build?ulimits=%5B%7B%22Name%22:%22nofile%22,%22Soft%22:9%7D%5D"), "runc"));
  EXPECT_FALSE(checkBuildQuery(*parseTarget("/build?ulimits=%5B%5D"), "runc"));
  for (const char* bad : {"x", "%7B%7D", "%5B1%5D"}) {
    EXPECT_EQ(checkBuildQuery(*parseTarget(std::string("/build?ulimits=") + bad), "runc")->http_status, 400) << bad;
  }
}

TEST(BuildQuery, classicBuilderNeedsAPlainRuntime) {
  EXPECT_TRUE(checkBuildQuery(*parseTarget("/build?t=x"), "nvidia"));
  EXPECT_TRUE(checkBuildQuery(*parseTarget("/build?t=x&version=1"), "nvidia"));
}

TEST(ImageCreateQuery, onlyPullsAndUploads) {
  for (const char* good : {"/images/create?fromImage=busybox&tag=latest", "/images/create?fromSrc=-&repo=x"}) {
    EXPECT_FALSE(checkImageCreateQuery(*parseTarget(good))) << good;
  }
  EXPECT_TRUE(checkImageCreateQuery(*parseTarget("/images/create?fromSrc=http%3A%2F%2F169.254.169.254%2Fx&repo=x")));
}

EventVerdict verdict(std::string_view text) {
  return classifyEvent(boost::json::parse(text).get_object());
}

TEST(ClassifyEvent, containersByTheirId) {
  const auto v =
      verdict(R"({"Type":"container","Action":"exec_create: sh","Actor":{"ID":"abc","Attributes":{"container":"x"}}})");
  EXPECT_EQ(v.kind, EventVerdict::Kind::ByContainer);
  EXPECT_EQ(v.subject, "abc");
}

TEST(ClassifyEvent, networksAndVolumesOnBehalfOfContainers) {
  const auto v =
      verdict(R"({"Type":"network","Action":"connect","Actor":{"ID":"n","Attributes":{"container":"abc"}}})");
  EXPECT_EQ(v.kind, EventVerdict::Kind::ByContainer);
  EXPECT_EQ(v.subject, "abc");
  const auto made = verdict(R"({"Type":"volume","Action":"create","Actor":{"ID":"v"}})");
  EXPECT_EQ(made.kind, EventVerdict::Kind::ByVolume);
  EXPECT_EQ(made.subject, "v");
  EXPECT_FALSE(made.is_gone);
  const auto gone = verdict(R"({"Type":"network","Action":"destroy","Actor":{"ID":"n"}})");
  EXPECT_EQ(gone.kind, EventVerdict::Kind::ByNetwork);
  EXPECT_TRUE(gone.is_gone);
  EXPECT_EQ(verdict(R"({"Type":"volume","Action":"mount","Actor":{"ID":"v"}})").kind, EventVerdict::Kind::Drop);
  EXPECT_EQ(verdict(R"({"Type":"image","Action":"pull","Actor":{"ID":"i"}})").kind, EventVerdict::Kind::Pass);
}

TEST(ClassifyEvent, restIsDropped) {
  EXPECT_EQ(verdict(R"({"Type":"daemon","Action":"reload"})").kind, EventVerdict::Kind::Drop);
  EXPECT_EQ(verdict(R"({"status":"start","id":"abc"})").kind, EventVerdict::Kind::Drop);
  EXPECT_EQ(verdict(R"({"Type":"container","Action":"start"})").kind, EventVerdict::Kind::Drop);
  EXPECT_EQ(verdict(R"({"Type":"container","Actor":{"ID":7}})").kind, EventVerdict::Kind::Drop);
}

TEST(Conflict, foreignIdIsTakenOut) {
  const std::string id(64, 'a');
  const std::string body = R"({"message":"Conflict. The container name \"/x\" is already in use by container \")" + id +
                           R"(\". You have to remove (or rename) that container."})";
  EXPECT_EQ(idInConflict(body), id);
  const std::string hidden = conflictWithoutId(body);
  EXPECT_EQ(hidden.find(id), std::string::npos);
  EXPECT_NE(hidden.find("name \\\"/x\\\" is already in use by a container of another user"), std::string::npos);
  EXPECT_FALSE(idInConflict(R"({"message":"some other conflict"})"));
  EXPECT_FALSE(idInConflict("not json"));
}

TEST(RequestHead, onlyTheAllowListGoesOn) {
  const auto client = parseHead(
      "POST /x HTTP/1.1\r\nHost: evil\r\nX-Registry-Auth: a\r\nX-Docker-Expose-Session-Uuid: u\r\nAuthorization: s\r\n"
      "Cookie: c\r\nConnection: X-Registry-Auth\r\nAccept: application/json-seq\r\nContent-Type: text/plain\r\n"
      "Content-Length: 5\r\n\r\n");
  ASSERT_TRUE(client.has_value());
  Outgoing out{"POST", "/x", std::nullopt, true, true, ""};
  EXPECT_EQ(requestHead(out, *client),
            "POST /x HTTP/1.1\r\nHost: docker\r\nX-Registry-Auth: a\r\nX-Docker-Expose-Session-Uuid: u\r\n"
            "Accept: application/json-seq\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
  out.body = "{}";
  out.keep_accept = false;
  EXPECT_EQ(requestHead(out, *client),
            "POST /x HTTP/1.1\r\nHost: docker\r\nX-Registry-Auth: a\r\nX-Docker-Expose-Session-Uuid: u\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n");
}

TEST(RequestHead, aHeaderOfOursHasNoneOfTheClientsBesideIt) {
  const auto client = parseHead(
      "GET /x HTTP/1.1\r\nHost: h\r\nX-Ds01-Ticket: a\r\nx-ds01-ticket: b\r\nX-DS01-TICKET: c\r\nUser-Agent: u\r\n"
      "X_Ds01_Ticket: d\r\n\r\n");
  ASSERT_TRUE(client.has_value());
  const Outgoing out{"GET", "/x", std::nullopt, false, true, ""};
  EXPECT_EQ(requestHead(out, *client, {{.name = "X-Ds01-Ticket", .value = "ours"}}),
            "GET /x HTTP/1.1\r\nHost: docker\r\nUser-Agent: u\r\nX-Ds01-Ticket: ours\r\n\r\n");
  // Not even where the allow-list would let it pass.
  EXPECT_EQ(requestHead(out, *client, {{.name = "USER-Agent", .value = "1"}, {.name = "Authz-User", .value = "2"}}),
            "GET /x HTTP/1.1\r\nHost: docker\r\nUSER-Agent: 1\r\nAuthz-User: 2\r\n\r\n");
  EXPECT_EQ(requestHead(out, *client), "GET /x HTTP/1.1\r\nHost: docker\r\nUser-Agent: u\r\n\r\n");
}

TEST(ResponseHead, hopByHopStaysBehind) {
  ResponseHead response;
  response.status = 200;
  response.reason = "OK";
  response.fields = {{"Api-Version", "1.41"}, {"Connection", "close"}, {"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(responseHead(response, Framing::Chunked, false),
            "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(responseHeadFor(response, 7, true),
            "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 7\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace ds01::gateway
