// Everything that streams: bodies, early answers, upgrades, events, and what happens when one side leaves.
#include <future>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"
#include "tar_bytes.h"

namespace ds01::gateway::test {
namespace {

using ds01::test::FakeDockerd;
using testing::HasSubstr;
using testing::Not;
using Connection = FakeDockerd::Connection;

const std::string kMine = fullId('a');

std::string readAll(Connection& peer, std::size_t size) {
  std::string out;
  while (out.size() < size) {
    const std::string more = peer.readSome();
    if (more.empty()) break;
    out += more;
  }
  return out;
}

std::string readToEnd(Connection& peer) {
  std::string out;
  for (std::string more = peer.readSome(); !more.empty(); more = peer.readSome()) out += more;
  return out;
}

TEST(Stream, chunksArriveAsTheyAreSent) {
  std::promise<void> first_seen;
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    first_seen.get_future().wait_for(std::chrono::seconds(10));
    peer.send("6\r\nsecond\r\n0\r\n\r\n");
    peer.waitForClose();
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  client.send("GET /containers/mine/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n");
  std::string seen;
  while (seen.find("first") == std::string::npos) {
    const std::string more = client.readSome();
    ASSERT_FALSE(more.empty());
    seen += more;
  }
  first_seen.set_value();
  while (seen.find("\r\n0\r\n\r\n") == std::string::npos) {
    const std::string more = client.readSome();
    ASSERT_FALSE(more.empty());
    seen += more;
  }
  EXPECT_THAT(seen, HasSubstr("5\r\nfirst\r\n"));
  EXPECT_THAT(seen, HasSubstr("6\r\nsecond\r\n0\r\n\r\n"));
}

TEST(Stream, anArchiveWithADeviceDoesNotReachTheEngine) {
  std::promise<std::string> got;
  Harness h([&](Connection& peer) {
    const std::string all = readToEnd(peer);
    got.set_value(all.substr(all.find("\r\n\r\n") + 4));
  });
  h.ownership.add("mine", kMine, "alice");
  std::string device(512, '\0');
  device[0] = 'd';
  device.replace(148, 8, std::string("001011\0 ", 8));
  device[156] = '4';
  unsigned sum = 8 * ' ';
  for (std::size_t i = 0; i < device.size(); ++i)
    sum += i >= 148 && i < 156 ? 0 : static_cast<unsigned char>(device[i]);
  device.replace(148, 6, fmt::format("{:06o}", sum));
  Client client = h.connect();
  client.send("PUT /containers/mine/archive?path=/ HTTP/1.1\r\nHost: d\r\nContent-Length: 2048\r\n\r\n" +
              device.substr(0, 200));
  client.send(device.substr(200));
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 403);
  EXPECT_THAT(reply->body, HasSubstr("device file"));
  EXPECT_THAT(got.get_future().get().size(), testing::Le(200U));
}

TEST(Stream, aStartTakesNoCheckpoint) {
  Harness h;
  h.engine().answer("POST", "/containers/" + kMine + "/start", 204, "");
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  EXPECT_EQ(client.request("POST", "/containers/mine/start?checkpoint=c")->status, 403);
  EXPECT_EQ(client.request("POST", "/containers/mine/start?checkpoint-dir=/home/alice")->status, 403);
  EXPECT_EQ(client.request("POST", "/containers/mine/start?checkpoint=&checkpoint-dir=")->status, 204);
}

TEST(Stream, aHeadGoesOutBeforeItsBody) {
  std::promise<void> head_seen;
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    head_seen.get_future().wait_for(std::chrono::seconds(10));
    peer.send("0\r\n\r\n");
    peer.waitForClose();
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  client.send("POST /containers/mine/wait HTTP/1.1\r\nHost: d\r\n\r\n");
  const std::string head = client.readSome();
  head_seen.set_value();
  EXPECT_THAT(head, HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_EQ(client.readExactly(5), "0\r\n\r\n");
}

TEST(Stream, largeBodiesBothWays) {
  const std::string big = file(std::string(3 * 1024 * 1024 + 17, 'x')) + kEnd;
  std::promise<std::string> received;
  Harness h([&](Connection& peer) {
    const auto request = peer.read();
    received.set_value(request ? request->body : "broken");
    peer.reply(200, big, "application/x-tar");
  });
  Client client = h.connect();
  const std::string head = "POST /build HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\n";
  client.send(head + "Content-Length: " + std::to_string(big.size()) + "\r\n\r\n" + big);
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->body == big);
  EXPECT_TRUE(received.get_future().get() == big);
}

TEST(Stream, chunkedRequestsAreChunkedAnew) {
  std::promise<FakeDockerd::Request> received;
  Harness h([&](Connection& peer) {
    received.set_value(peer.read().value_or(FakeDockerd::Request{}));
    peer.reply(200, "{}");
  });
  Client client = h.connect();
  client.send(
      "POST /images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX: "
      "y\r\n\r\n");
  EXPECT_EQ(client.read()->status, 200);
  const auto request = received.get_future().get();
  EXPECT_EQ(request.body, "abcde");
  EXPECT_EQ(request.header("transfer-encoding"), "chunked");
}

TEST(Stream, badChunksEndBothConnections) {
  std::promise<bool> whole;
  Harness h([&](Connection& peer) { whole.set_value(peer.read().has_value()); });
  Client client = h.connect();
  client.send("POST /images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n");
  EXPECT_FALSE(whole.get_future().get());
  EXPECT_TRUE(client.atEnd());
}

TEST(Stream, aBodyThatBreaksOffNeverLooksWhole) {
  std::promise<bool> whole;
  Harness h([&](Connection& peer) { whole.set_value(peer.read().has_value()); });
  Client client = h.connect();
  client.send("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\nabc");
  client.close();
  EXPECT_FALSE(whole.get_future().get());
}

TEST(Stream, expectContinueIsAnsweredWhenTheBodyIsWanted) {
  Harness h([&](Connection& peer) {
    peer.read();
    peer.reply(200, "{}");
  });
  Client client = h.connect();
  client.send("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read(false, true)->status, 100);
  client.send("abc");
  EXPECT_EQ(client.read()->status, 200);
}

TEST(Stream, anEarlyAnswerIsRelayedWhileTheBodyStillComes) {
  Harness h([&](Connection& peer) {
    peer.readSome();
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    peer.waitForClose();
  });
  Client client = h.connect();
  client.send(
      "POST /build HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\nContent-Length: 1000000\r\n\r\nabc");
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 400);
  EXPECT_EQ(reply->header("connection"), "close");
  EXPECT_TRUE(client.atEnd());
}

TEST(Stream, anAnswerMayRunWhileTheBodyStillComes) {
  Harness h([&](Connection& peer) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) head += peer.readSome();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmore\r\n");
    const std::size_t have = head.size() - head.find("\r\n\r\n") - 4;
    readAll(peer, 6 - have);
    peer.send("4\r\ndone\r\n0\r\n\r\n");
    peer.waitForClose();
  });
  Client client = h.connect();
  client.send("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 6\r\n\r\nabc");
  std::string seen;
  while (seen.find("more\r\n") == std::string::npos) seen += client.readSome();
  client.send("def");
  while (seen.find("0\r\n\r\n") == std::string::npos) {
    const std::string piece = client.readSome();
    ASSERT_FALSE(piece.empty());
    seen += piece;
  }
  EXPECT_THAT(seen, HasSubstr("done"));
}

TEST(Stream, anAnswerThatBreaksOffLooksBroken) {
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
  });
  Client client = h.connect();
  client.send("GET /images/x/get HTTP/1.1\r\nHost: d\r\n\r\n");
  EXPECT_FALSE(client.read().has_value());
}

TEST(Stream, noAnswerAtAllIs502) {
  Harness h([&](Connection& peer) { peer.read(); });
  Client client = h.connect();
  const auto reply = client.request("POST", "/images/x/tag?repo=y");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 502);
}

TEST(Stream, answersWithoutBodyKeepTheConnection) {
  Harness h([&](Connection& peer) {
    while (const auto request = peer.read()) {
      if (request->method == "HEAD") {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Docker-Container-Path-Stat: s\r\n\r\n");
      } else {
        peer.send("HTTP/1.1 304 Not Modified\r\n\r\n");
      }
    }
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  const auto stat = client.request("HEAD", "/containers/mine/archive?path=/x");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->header("x-docker-container-path-stat"), "s");
  EXPECT_EQ(stat->header("content-length"), "7");
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 304);
  EXPECT_EQ(client.request("POST", "/containers/mine/start")->status, 304);
}

TEST(Stream, aClientThatLeavesEndsTheEnginesStream) {
  std::promise<std::string> rest;
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
    rest.set_value(readToEnd(peer));
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  client.send("GET /containers/mine/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n");
  client.readSome();
  client.close();
  EXPECT_EQ(rest.get_future().get(), "");
}

TEST(Stream, aClientThatHalfClosesStillGetsItsAnswer) {
  Harness h([&](Connection& peer) {
    peer.read();
    readToEnd(peer);
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  client.send("GET /containers/mine/stats HTTP/1.1\r\nHost: d\r\n\r\n");
  client.shutdownWrite();
  const auto reply = client.read();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, "end");
}

class Hijack : public testing::TestWithParam<std::string> {};

TEST_P(Hijack, carriesBothDirectionsAndTheirEnds) {
  const std::string head = GetParam();
  std::promise<std::string> upwards;
  Harness h([&](Connection& peer) {
    const auto request = peer.read();
    peer.send(head + "early ");
    std::string got = readToEnd(peer);
    upwards.set_value(got);
    peer.send("late");
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  client.send(
      "POST /containers/mine/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
      "Content-Length: 0\r\n\r\nbefore ");
  const std::string got = client.readExactly(head.size() + 6);
  EXPECT_THAT(got, HasSubstr("early "));
  client.send("after");
  client.shutdownWrite();
  EXPECT_EQ(upwards.get_future().get(), "before after");
  EXPECT_EQ(client.readExactly(4), "late");
  EXPECT_TRUE(client.atEnd());
}

INSTANTIATE_TEST_SUITE_P(
    Answers, Hijack,
    testing::Values(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: "
        "tcp\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"));

TEST(HijackEnds, theEnginesEndReachesAClientThatKeepsWriting) {
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nbye");
  });
  h.ownership.execs["e1"] = {ContainerId(kMine), "mine", "alice"};
  Client client = h.connect();
  client.send(
      "POST /exec/e1/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: "
      "application/json\r\n"
      "Content-Length: 2\r\n\r\n{}");
  std::string seen;
  while (seen.find("bye") == std::string::npos) seen += client.readSome();
  client.send("still here");
  EXPECT_TRUE(client.atEnd());
  client.close();
}

TEST(HijackEnds, aClientThatIsGoneTakesTheEnginesEndWithIt) {
  std::promise<std::string> rest;
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    rest.set_value(readToEnd(peer));
    peer.waitForClose();
  });
  h.ownership.add("mine", kMine, "alice");
  Client client = h.connect();
  client.send("POST /containers/mine/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  std::string seen;
  while (seen.find("hello") == std::string::npos) seen += client.readSome();
  client.close();
  EXPECT_EQ(rest.get_future().get(), "");
}

std::string event(const std::string& type, const std::string& action, const std::string& id,
                  const std::string& more = "") {
  return R"({"Type":")" + type + R"(","Action":")" + action + R"(","Actor":{"ID":")" + id + R"(","Attributes":{)" +
         more + "}}}";
}

TEST(Events, showOwnContainersOnly) {
  const std::string theirs = fullId('b');
  const std::string start = event("container", "start", kMine);
  const std::string image = event("image", "pull", "img");
  const std::string connect = event("network", "connect", "net", R"("container":")" + kMine + "\"");
  const std::string stream = start + "\n" + event("container", "start", theirs) + "\n" + image + "\n" + connect + "\n" +
                             event("network", "connect", "net", R"("container":")" + theirs + "\"") + "\n" +
                             event("daemon", "reload", "d") + "\n";
  Harness h([&](Connection& peer) {
    peer.read();
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::size_t at = 0; at < stream.size(); at += 50) {
      const std::string piece = stream.substr(at, 50);
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      peer.send(size + piece + "\r\n");
    }
    peer.send("0\r\n\r\n");
    peer.waitForClose();
  });
  h.ownership.add("mine", kMine, "alice");
  h.ownership.add("theirs", theirs, "bob");
  Client client = h.connect();
  const auto reply = client.get("/events");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, start + "\n" + image + "\n" + connect + "\n");
}

// What is gone can no longer be looked up: it is told of if we had looked at it.
TEST(Events, tellOfOwnVolumesAndNetworks) {
  const std::string mine = fullId('c');
  const std::string theirs = fullId('d');
  const std::vector<std::string> own{event("volume", "create", "mine"), event("network", "create", mine),
                                     event("volume", "destroy", "mine"), event("network", "destroy", mine)};
  const std::vector<std::string> foreign{event("volume", "create", "theirs"),  event("network", "create", theirs),
                                         event("volume", "destroy", "theirs"), event("network", "destroy", theirs),
                                         event("volume", "create", "gone"),    event("volume", "destroy", "gone")};
  Harness h;
  std::string stream;
  for (const auto* const events : {&own, &foreign}) {
    for (const std::string& one : *events) stream += one + "\n";
  }
  h.engine().answer("GET", "/events", 200, stream);
  h.engine_client.volumes["mine"] = {"mine", {{"ds01.user", "alice"}}};
  h.engine_client.volumes["theirs"] = {"theirs", {{"ds01.user", "bob"}}};
  h.engine_client.networks[mine] = {mine, "mine", {{"ds01.user", "alice"}}};
  h.engine_client.networks[theirs] = {theirs, "theirs", {{"ds01.user", "bob"}}};
  Client client = h.connect();
  const auto reply = client.get("/events");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->body, own[0] + "\n" + own[1] + "\n" + own[2] + "\n" + own[3] + "\n");
}

}  // namespace
}  // namespace ds01::gateway::test
