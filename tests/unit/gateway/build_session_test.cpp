// A client's session, in which the Engine calls the client, over the gateway.
#include "gateway/build_session.h"

#include <future>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buildkit/grpc.h"
#include "harness.h"
#include "support/http2_end.h"

namespace ds01::gateway {
namespace {

using buildkit::framed;
using buildkit::Http2Side;
using buildkit::StreamId;
using buildkit::valueOf;
using ds01::test::FakeDockerd;
using ds01::test::Http2End;
using test::Harness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Connection = FakeDockerd::Connection;

constexpr std::string_view kFiles = "/moby.filesync.v1.FileSync/DiffCopy";

// What the Engine was asked, and what became of its call of `path`.
struct Seen {
  FakeDockerd::Request request;
  Http2End::Stream answer;
};

FakeDockerd::Handler callingBack(const std::string& path, std::promise<Seen>& seen) {
  return [path, &seen](Connection& peer) {
    Seen out;
    out.request = peer.read().value_or(FakeDockerd::Request{});
    peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    Http2End end(Http2Side::Role::Client);
    const StreamId id = end.side
                            .request({{":method", "POST"},
                                      {":scheme", "http"},
                                      {":path", path},
                                      {":authority", "x"},
                                      {"content-type", "application/grpc"},
                                      {"te", "trailers"},
                                      {"grpc-accept-encoding", "gzip"},
                                      {"dir-name", "context"}},
                                     true)
                            .value();
    while (!end.streams[id].ended) {
      peer.send(end.side.take(65536));
      const std::string bytes = peer.readSome();
      if (bytes.empty() || !end.side.receive(bytes)) break;
    }
    out.answer = end.streams[id];
    seen.set_value(std::move(out));
  };
}

std::string opening() {
  return "POST /session HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
         "X-Docker-Expose-Session-Uuid: u1\r\nx-docker-expose-session-sharedkey: k1\r\n"
         "X-Docker-Expose-Session-Sharedkey: k2\r\n\r\n";
}

// A client that answers the first call with `body`; what it was asked.
Http2End::Stream answerWith(test::Client& client, const std::string& body) {
  client.send(opening());
  EXPECT_EQ(client.read()->status, 101);
  Http2End end(Http2Side::Role::Server);
  bool answered = false;
  while (true) {
    client.send(end.side.take(65536));
    if (!end.streams.empty() && !answered) {
      answered = true;
      const StreamId id = end.streams.begin()->first;
      end.side.respond(id, {{":status", "200"}, {"content-type", "application/grpc"}}, false);
      end.side.write(id, body);
      end.side.finish(id, {{"grpc-status", "0"}});
      continue;
    }
    const std::string bytes = client.readSome();
    if (bytes.empty() || !end.side.receive(bytes)) break;
  }
  return end.streams.empty() ? Http2End::Stream{} : end.streams.begin()->second;
}

std::string file(std::string_view path, char device = 0) {
  std::string stat = "\x0a" + std::string(1, static_cast<char>(path.size())) + std::string(path) + "\x10\xa4";
  stat += device != 0 ? std::string("\x83\x80\x20", 3) : std::string("\x03");  // 0644, and ModeDevice
  return framed("\x12" + std::string(1, static_cast<char>(stat.size())) + stat);
}

TEST(BuildSession, filesPass) {
  std::promise<Seen> seen;
  Harness h(callingBack(std::string(kFiles), seen));
  test::Client client = h.connect();
  const Http2End::Stream asked = answerWith(client, file("Dockerfile"));
  EXPECT_EQ(valueOf(asked.head, "dir-name"), "context");
  EXPECT_EQ(valueOf(asked.head, "grpc-accept-encoding"), "");
  const Seen got = seen.get_future().get();
  EXPECT_EQ(got.answer.body, file("Dockerfile"));
  EXPECT_EQ(valueOf(got.answer.trailers, "grpc-status"), "0");
}

TEST(BuildSession, theKeyOfWhatHasBeenSentIsEachSessionsOwn) {
  std::promise<Seen> seen;
  Harness h(callingBack(std::string(kFiles), seen));
  test::Client client = h.connect();
  answerWith(client, "");
  const Seen got = seen.get_future().get();
  EXPECT_EQ(got.request.header("x-docker-expose-session-uuid"), "u1");
  EXPECT_THAT(got.request.header("x-docker-expose-session-sharedkey"), ::testing::MatchesRegex("ds01-[0-9a-f]{32}"));
  for (const auto& [name, value] : got.request.headers) EXPECT_TRUE(value != "k1" && value != "k2") << name;
}

TEST(BuildSession, whatIsNoFileEndsTheBuildWithAReason) {
  std::promise<Seen> seen;
  Harness h(callingBack(std::string(kFiles), seen));
  test::Client client = h.connect();
  answerWith(client, file("ok") + file("Dockerfile", 1) + file("more"));
  const Seen got = seen.get_future().get();
  EXPECT_EQ(got.answer.body, file("ok"));
  EXPECT_EQ(valueOf(got.answer.trailers, "grpc-status"), "3");
  EXPECT_THAT(valueOf(got.answer.trailers, "grpc-message"), HasSubstr("\"Dockerfile\" is neither a file nor"));
  EXPECT_THAT(valueOf(got.answer.trailers, "grpc-message"), HasSubstr("(decision D"));
}

TEST(BuildSession, otherCallsAreAnsweredForTheClient) {
  for (const char* path : {"/moby.filesync.v1.FileSync/TarStream", "/moby.upload.v1.Upload/Pull",
                           "/containerd.services.content.v1.Content/Read", "/moby.filesync.v1.FileSync/DiffCopy/"}) {
    std::promise<Seen> seen;
    Harness h(callingBack(path, seen));
    test::Client client = h.connect();
    const Http2End::Stream asked = answerWith(client, framed("x"));
    EXPECT_THAT(asked.head, IsEmpty()) << path;
    EXPECT_EQ(valueOf(seen.get_future().get().answer.head, "grpc-status"), "12") << path;
  }
}

TEST(BuildSession, oneSessionsMemoryIsCounted) {
  GatewayOptions options;
  options.memory.bytes_per_uid = 1024;
  Harness h(options);
  test::Client client = h.connect();
  client.send(opening());
  EXPECT_EQ(client.read()->status, 503);
}

}  // namespace
}  // namespace ds01::gateway
