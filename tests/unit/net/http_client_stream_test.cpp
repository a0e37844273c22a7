#include <future>
#include <stdexcept>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "support/asio_runner.h"
#include "support/fake_dockerd.h"

namespace ds01::net {
namespace {

using namespace std::chrono_literals;
using test::AsioRunner;
using test::FakeDockerd;

constexpr const char* kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Seen {
  int status = 0;
  std::string data;
};

HttpClientOptions to(const FakeDockerd& server, std::chrono::milliseconds timeout = 10'000ms) {
  HttpClientOptions options;
  options.socket_path = server.socketPath();
  options.timeout = timeout;
  return options;
}

HttpRequest events() {
  HttpRequest request;
  request.target = "/events";
  return request;
}

Status follow(const FakeDockerd& server, Seen& seen, std::chrono::milliseconds timeout = 10'000ms) {
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server, timeout));
  return runner.run(client.stream(
      events(), [&](int status) { seen.status = status; },
      [&](std::string_view bytes) {
        EXPECT_NE(seen.status, 0) << "the head comes first";
        seen.data += bytes;
        return true;
      }));
}

TEST(HttpClientStream, PassesPiecesOnAsTheyCome) {
  auto got_first = std::make_shared<std::promise<void>>();
  const FakeDockerd server([got_first](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send(kChunkedHead);
    peer.send("5\r\nfirst\r\n");
    got_first->get_future().wait();  // so the first piece was not kept back for more
    peer.send("6\r\nsecond\r\n0\r\n\r\n");
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server));
  std::string data;
  const Status ended = runner.run(client.stream(
      events(), [](int) {},
      [&](std::string_view bytes) {
        data += bytes;
        if (data == "first") got_first->set_value();
        return true;
      }));
  EXPECT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(data, "firstsecond");
}

TEST(HttpClientStream, HasNoTimeLimitAfterTheHead) {
  auto later = std::make_shared<std::promise<void>>();
  const FakeDockerd server([later](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send(kChunkedHead);
    later->get_future().wait();
    peer.send("1\r\nx\r\n0\r\n\r\n");
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server, 30ms));
  boost::asio::steady_timer timer(runner.executor());
  std::string data;
  const Status ended = runner.run(client.stream(
      events(),
      [&](int) {
        timer.expires_after(90ms);
        timer.async_wait([later](boost::system::error_code) { later->set_value(); });
      },
      [&](std::string_view bytes) {
        data += bytes;
        return true;
      }));
  EXPECT_TRUE(ended) << ended.error().message();
  EXPECT_EQ(data, "x");
}

TEST(HttpClientStream, WaitsForTheHeadOnlySoLong) {
  const FakeDockerd silent([](FakeDockerd::Connection& peer) { peer.waitForClose(); });
  Seen seen;
  const Status ended = follow(silent, seen, 30ms);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), ErrorCode::Timeout);
  EXPECT_EQ(seen.status, 0);
}

TEST(HttpClientStream, ABrokenLinkIsAnErrorAndACleanEndIsNot) {
  const FakeDockerd broken([](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send(std::string(kChunkedHead) + "5\r\nfirst\r\n");
  });
  Seen seen;
  const Status ended = follow(broken, seen);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code(), ErrorCode::Unavailable);
  EXPECT_EQ(seen.data, "first") << "what came before counts";

  const FakeDockerd clean([](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send("HTTP/1.0 200 OK\r\n\r\nall of it");
  });
  Seen all;
  EXPECT_TRUE(follow(clean, all));
  EXPECT_EQ(all.data, "all of it");
}

TEST(HttpClientStream, ShowsOtherStatusesToo) {
  FakeDockerd server;
  Seen seen;
  EXPECT_TRUE(follow(server, seen));
  EXPECT_EQ(seen.status, 404);
  EXPECT_EQ(seen.data, R"({"message":"page not found"})");
}

TEST(HttpClientStream, EndsWhenTheReaderHasEnough) {
  const FakeDockerd server([](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send(std::string(kChunkedHead) + "5\r\nfirst\r\n");
    peer.waitForClose();
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server));
  EXPECT_TRUE(runner.run(client.stream(events(), [](int) {}, [](std::string_view) { return false; })));
}

TEST(HttpClientStream, AReaderThatThrowsEndsTheStreamWithAnError) {
  const FakeDockerd server([](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send(std::string(kChunkedHead) + "5\r\nfirst\r\n");
    peer.waitForClose();
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server));
  const Status ended = runner.run(
      client.stream(events(), [](int) {}, [](std::string_view) -> bool { throw std::runtime_error("boom"); }));
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().message().find("boom"), std::string::npos);
}

TEST(HttpClientStream, ABodyOfManyMegabytesComesWhole) {
  constexpr int kPieces = 200;
  const std::string piece(50'000, 'y');
  const FakeDockerd server([&](FakeDockerd::Connection& peer) {
    peer.read();
    peer.send(kChunkedHead);
    for (int i = 0; i < kPieces; ++i) peer.send("c350\r\n" + piece + "\r\n");
    peer.send("0\r\n\r\n");
  });
  Seen seen;
  EXPECT_TRUE(follow(server, seen));
  EXPECT_EQ(seen.data.size(), kPieces * piece.size());
}

}  // namespace
}  // namespace ds01::net
