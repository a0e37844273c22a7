#include "gateway/raw_head.h"

#include <gtest/gtest.h>

namespace ds01::gateway {
namespace {

std::string withFields(const std::string& fields) {
  return "POST /x HTTP/1.1\r\nHost: d\r\n" + fields + "\r\n";
}

struct BadHead {
  const char* name;
  std::string bytes;
  int status = 400;
};

void PrintTo(const BadHead& head, std::ostream* out) {
  *out << head.name;
}

class Malformed : public testing::TestWithParam<BadHead> {};

TEST_P(Malformed, isRefused) {
  const auto head = parseHead(GetParam().bytes);
  ASSERT_FALSE(head.has_value());
  EXPECT_EQ(head.error().http_status, GetParam().status);
  EXPECT_FALSE(head.error().text.empty());
}

INSTANTIATE_TEST_SUITE_P(RequestLine, Malformed,
                         testing::Values(BadHead{"bare LF", "GET / HTTP/1.1\nHost: d\n\n"},
                                         BadHead{"no version", "GET /\r\nHost: d\r\n\r\n"},
                                         BadHead{"empty line first", "\r\nGET / HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: d\r\n\r\n", 505},
                                         BadHead{"HTTP/2", "PRI * HTTP/2.0\r\nHost: d\r\n\r\n", 505},
                                         BadHead{"lower-case version", "GET / http/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"two spaces", "GET  / HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"space in target", "GET /a b HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"tab between", "GET\t/ HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"lower-case method", "get / HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"method with digits", "GE7 / HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"CONNECT", "CONNECT / HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"absolute form", "GET http://d/ HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"authority form", "GET d:80 HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"fragment", "GET /a#b HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"byte above ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: d\r\n\r\n"},
                                         BadHead{"NUL in target",
                                                 std::string("GET /\0 HTTP/1.1\r\nHost: d\r\n\r\n", 28)},
                                         BadHead{"no Host", "GET / HTTP/1.1\r\n\r\n"},
                                         BadHead{"bytes behind", "GET / HTTP/1.1\r\nHost: d\r\n\r\nX"},
                                         BadHead{"nothing", ""}, BadHead{"cut off", "GET / HTTP/1.1\r\nHost: d\r\n"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, Malformed,
    testing::Values(
        BadHead{"folded line", withFields("A: b\r\n c\r\n")}, BadHead{"folded by tab", withFields("A: b\r\n\tc\r\n")},
        BadHead{"space before colon", withFields("A : b\r\n")}, BadHead{"no colon", withFields("Ab\r\n")},
        BadHead{"empty name", withFields(": b\r\n")}, BadHead{"bare CR in value", withFields("A: b\rc\r\n")},
        BadHead{"bare LF in value", withFields("A: b\nc: d\r\n")},
        BadHead{"NUL in value", withFields(std::string("A: b\0c\r\n", 8))},
        BadHead{"DEL in value", withFields("A: b\x7f\r\n")}, BadHead{"bracket in name", withFields("A[0]: b\r\n")},
        BadHead{"two Hosts", withFields("hOST: e\r\n")},
        BadHead{"two Content-Types", withFields("Content-Type: text/plain\r\ncontent-type: text/plain\r\n")},
        BadHead{"two X-Registry-Auth", withFields("X-Registry-Auth: a\r\nX-Registry-Auth: b\r\n")}));

INSTANTIATE_TEST_SUITE_P(
    Framing, Malformed,
    testing::Values(BadHead{"length and chunked", withFields("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
                    BadHead{"chunked and length", withFields("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
                    BadHead{"two lengths", withFields("Content-Length: 3\r\nContent-Length: 3\r\n")},
                    BadHead{"list of lengths", withFields("Content-Length: 3, 3\r\n")},
                    BadHead{"signed length", withFields("Content-Length: +3\r\n")},
                    BadHead{"negative length", withFields("Content-Length: -3\r\n")},
                    BadHead{"hexadecimal length", withFields("Content-Length: 0x3\r\n")},
                    BadHead{"empty length", withFields("Content-Length:\r\n")},
                    BadHead{"huge length", withFields("Content-Length: 99999999999999999999\r\n")},
                    BadHead{"gzip, chunked", withFields("Transfer-Encoding: gzip, chunked\r\n")},
                    BadHead{"identity", withFields("Transfer-Encoding: identity\r\n")},
                    BadHead{"chunked with junk", withFields("Transfer-Encoding: chunked;q=1\r\n")},
                    BadHead{"vertical tab", withFields("Transfer-Encoding: \vchunked\r\n")},
                    BadHead{"two codings", withFields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
                    BadHead{"unknown expectation", withFields("Expect: magic\r\n"), 417}));

INSTANTIATE_TEST_SUITE_P(
    MediaType, Malformed,
    testing::Values(BadHead{"form", withFields("Content-Type: application/x-www-form-urlencoded\r\n")},
                    BadHead{"form in capitals",
                            withFields("Content-Type: APPLICATION/X-WWW-FORM-URLENCODED; charset=x\r\n")},
                    BadHead{"multipart", withFields("Content-Type: multipart/form-data; boundary=x\r\n")},
                    BadHead{"html", withFields("Content-Type: text/html\r\n")}));

TEST(RawHead, readsWhatDockerSends) {
  const auto head = parseHead(
      "POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: api.moby.localhost\r\nUser-Agent: Docker-Client/28\r\n"
      "Content-Length: 12\r\nContent-Type: application/json; charset=utf-8\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(head.has_value()) << head.error().text;
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/v1.41/containers/create?name=x");
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_FALSE(head->chunked);
  EXPECT_TRUE(head->expect_continue);
  EXPECT_TRUE(head->hasBody());
  ASSERT_NE(head->find("user-agent"), nullptr);
  EXPECT_EQ(*head->find("user-agent"), "Docker-Client/28");
}

TEST(RawHead, upgradeCountsOnlyWithConnection) {
  const auto with = parseHead(withFields("Connection: keep-alive, Upgrade\r\nUpgrade: TCP\r\n"));
  ASSERT_TRUE(with.has_value());
  EXPECT_EQ(with->upgrade, "tcp");
  const auto without = parseHead(withFields("Upgrade: tcp\r\n"));
  ASSERT_TRUE(without.has_value());
  EXPECT_TRUE(without->upgrade.empty());
}

TEST(RawHead, connectionCloseIsSeenInAnyOfSeveralLines) {
  const auto head = parseHead(withFields("Connection: keep-alive\r\nConnection: x, Close\r\n"));
  ASSERT_TRUE(head.has_value());
  EXPECT_TRUE(head->close);
}

TEST(RawHead, tooManyFieldsAreRefused) {
  std::string fields;
  for (int i = 0; i < 300; ++i) fields += "A" + std::to_string(i) + ": b\r\n";
  const auto head = parseHead(withFields(fields));
  ASSERT_FALSE(head.has_value());
  EXPECT_EQ(head.error().http_status, 431);
}

TEST(HeadEnd, isFoundOnceAndAlsoForBareLineFeeds) {
  const std::string good = "GET / HTTP/1.1\r\nHost: d\r\n\r\nrest";
  EXPECT_EQ(headEnd(good, 0), good.size() - 4);
  EXPECT_EQ(headEnd("GET / HTTP/1.1\r\nHost: d\r\n", 0), std::string_view::npos);
  EXPECT_EQ(headEnd("GET / HTTP/1.1\r\nHost: d\r\n\r", 0), std::string_view::npos);
  EXPECT_EQ(headEnd("GET / HTTP/1.1\n\nrest", 0), 16U);
}

}  // namespace
}  // namespace ds01::gateway
