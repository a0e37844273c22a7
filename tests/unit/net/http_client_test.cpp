#include "net/http_client.h"

#include <atomic>
#include <cerrno>
#include <latch>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "support/asio_runner.h"
#include "support/fake_dockerd.h"
#include "support/temp_dir.h"

namespace ds01::net {
namespace {

using namespace std::chrono_literals;
using test::AsioRunner;
using test::FakeDockerd;
using test::TempDir;

HttpClientOptions to(const std::string& path, std::chrono::milliseconds timeout = 10'000ms) {
  HttpClientOptions options;
  options.socket_path = path;
  options.timeout = timeout;
  return options;
}

HttpRequest get(std::string target) {
  HttpRequest request;
  request.target = std::move(target);
  return request;
}

HttpRequest post(std::string target, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.body = std::move(body);
  return request;
}

// What one connection that reads the question and then sends these bytes and closes comes to.
Result<HttpReply> replyTo(std::string bytes, HttpRequest request = get("/x")) {
  const FakeDockerd server([bytes = std::move(bytes)](FakeDockerd::Connection& peer) {
    if (peer.read()) peer.send(bytes);
  });
  AsioRunner runner;
  HttpClientOptions options = to(server.socketPath());
  options.max_body_bytes = 1000;
  HttpClient client(runner.executor(), options);
  auto reply = runner.run(client.exchange(std::move(request)));
  EXPECT_EQ(server.connections(), 1U) << "a fresh connection is not tried twice";
  return reply;
}

ErrorCode codeOf(const Result<HttpReply>& reply) {
  EXPECT_FALSE(reply) << "got a reply of " << (reply ? reply->status : 0);
  return reply ? ErrorCode::Internal : reply.error().code();
}

TEST(HttpClient, AsksAndReads) {
  FakeDockerd server;
  server.answer("GET", "/info", 200, R"({"NCPU":8})");
  server.answer("POST", "/make", 201, R"({"Id":"x"})");
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  const auto info = runner.run(client.exchange(get("/info?a=b%20c")));
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(info->status, 200);
  EXPECT_EQ(info->body, R"({"NCPU":8})");
  EXPECT_EQ(info->content_type, "application/json");
  const auto made = runner.run(client.exchange(post("/make", "{}")));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->status, 201);

  const auto asked = server.requests();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].target, "/info?a=b%20c");
  EXPECT_FALSE(asked[0].header("host").empty());
  EXPECT_EQ(asked[1].body, "{}");
  EXPECT_EQ(asked[1].header("content-type"), "application/json");
  EXPECT_EQ(server.connections(), 1U) << "the connection is kept";
}

TEST(HttpClient, ReplacesAKeptConnectionThatTheServerClosed) {
  std::atomic<int> number = 0;
  std::atomic<int> questions = 0;
  const FakeDockerd server([&](FakeDockerd::Connection& peer) {
    const bool first = ++number == 1;
    while (peer.read()) {
      ++questions;
      if (first && questions == 2) return;  // closes a kept connection instead of answering
      peer.reply(200, "{}");
    }
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  ASSERT_TRUE(runner.run(client.exchange(get("/1"))));
  const auto again = runner.run(client.exchange(get("/2")));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(questions, 3);
  EXPECT_EQ(server.connections(), 2U);
}

TEST(HttpClient, DoesNotRepeatWhatMayHaveHadAnEffect) {
  std::atomic<int> questions = 0;
  const FakeDockerd server([&](FakeDockerd::Connection& peer) {
    while (peer.read()) {
      if (++questions == 2) return;
      peer.reply(200, "{}");
    }
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  ASSERT_TRUE(runner.run(client.exchange(get("/1"))));
  EXPECT_EQ(codeOf(runner.run(client.exchange(post("/2", "{}")))), ErrorCode::Unavailable);
  EXPECT_EQ(questions, 2);
}

TEST(HttpClient, DoesNotRepeatAfterTheFirstByteOfAnAnswer) {
  std::atomic<int> questions = 0;
  const FakeDockerd server([&](FakeDockerd::Connection& peer) {
    while (peer.read()) {
      if (++questions == 2) {
        peer.send("H");
        return;
      }
      peer.reply(200, "{}");
    }
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  ASSERT_TRUE(runner.run(client.exchange(get("/1"))));
  EXPECT_EQ(codeOf(runner.run(client.exchange(get("/2")))), ErrorCode::Unavailable);
  EXPECT_EQ(questions, 2);
}

TEST(HttpClient, DropsAKeptConnectionOnWhichBytesCameUnasked) {
  std::atomic<int> number = 0;
  const FakeDockerd server([&](FakeDockerd::Connection& peer) {
    if (!peer.read()) return;
    // More than was asked for: the next question must not get it.
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
    peer.waitForClose();
    ++number;
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  for (int i = 0; i < 3; ++i) {
    const auto reply = runner.run(client.exchange(get("/x")));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->body, "{}");
  }
  EXPECT_EQ(server.connections(), 3U);
}

TEST(HttpClient, ManyAtOnceEachOnAConnectionOfItsOwn) {
  std::latch all(8);
  const FakeDockerd server([&](FakeDockerd::Connection& peer) {
    for (bool first = true; const auto request = peer.read(); first = false) {
      if (first) all.arrive_and_wait();
      peer.reply(200, request->target);
    }
  });
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  int good = 0;
  for (int i = 0; i < 8; ++i) {
    boost::asio::co_spawn(
        runner.context(),
        [&client, &good, i]() -> boost::asio::awaitable<void> {
          const auto reply = co_await client.exchange(get("/" + std::to_string(i)));
          if (reply && reply->body == "/" + std::to_string(i)) ++good;
        },
        boost::asio::detached);
  }
  runner.turn([&] { return good == 8; });
  EXPECT_EQ(server.connections(), 8U);
  ASSERT_TRUE(runner.run(client.exchange(get("/again"))));
  EXPECT_EQ(server.connections(), 8U);
}

TEST(HttpClient, UnderstandsEveryWayABodyEnds) {
  EXPECT_EQ(replyTo("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")->body,
            "abc");
  EXPECT_EQ(replyTo("HTTP/1.1 200 OK\r\n\r\nuntil the end")->body, "until the end");
  EXPECT_EQ(replyTo("HTTP/1.1 204 No Content\r\n\r\n")->status, 204);
  HttpRequest head = get("/x");
  head.method = "HEAD";
  EXPECT_EQ(replyTo("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", head)->body, "");
  EXPECT_EQ(replyTo("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")->body, "x");
}

TEST(HttpClient, HostileAnswersAreErrors) {
  EXPECT_EQ(codeOf(replyTo("")), ErrorCode::Unavailable);
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nConte")), ErrorCode::Unavailable) << "half a head";
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")), ErrorCode::Unavailable);
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), ErrorCode::Malformed);
  EXPECT_EQ(codeOf(replyTo("220 mail.example.org ESMTP\r\n\r\n")), ErrorCode::Malformed);
  EXPECT_EQ(codeOf(replyTo(std::string("\0\1\2\3 garbage \r\n\r\n", 18))), ErrorCode::Malformed);
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n")), ErrorCode::Malformed);
  std::string interim;
  for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(codeOf(replyTo(interim)), ErrorCode::Malformed);
}

TEST(HttpClient, BoundsWhatItReads) {
  const std::string big(1001, 'x');
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + big)), ErrorCode::Malformed);
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + big + "\r\n0\r\n\r\n")),
            ErrorCode::Malformed);
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\n\r\n" + big)), ErrorCode::Malformed);
  EXPECT_EQ(codeOf(replyTo("HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n")), ErrorCode::Malformed);
}

TEST(HttpClient, GivesUpWhenNothingComesInTime) {
  const FakeDockerd silent([](FakeDockerd::Connection& peer) { peer.waitForClose(); });
  const FakeDockerd slow([](FakeDockerd::Connection& peer) {
    if (!peer.read()) return;
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal");
    peer.waitForClose();
  });
  AsioRunner runner;
  HttpClient to_silent(runner.executor(), to(silent.socketPath(), 30ms));
  EXPECT_EQ(codeOf(runner.run(to_silent.exchange(get("/x")))), ErrorCode::Timeout);
  HttpClient to_slow(runner.executor(), to(slow.socketPath(), 30ms));
  EXPECT_EQ(codeOf(runner.run(to_slow.exchange(get("/x")))), ErrorCode::Timeout);
}

TEST(HttpClient, SaysWhenNobodyListens) {
  const TempDir dir;
  AsioRunner runner;
  HttpClient missing(runner.executor(), to(dir.file("no.sock")));
  const auto reply = runner.run(missing.exchange(get("/x")));
  EXPECT_EQ(codeOf(reply), ErrorCode::Unavailable);
  EXPECT_NE(reply.error().message().find("no.sock"), std::string::npos);
  HttpClient no_socket(runner.executor(), to(dir.write("file", "text")));
  EXPECT_EQ(codeOf(runner.run(no_socket.exchange(get("/x")))), ErrorCode::Unavailable);
  HttpClient too_long(runner.executor(), to("/" + std::string(200, 'x')));
  EXPECT_EQ(codeOf(runner.run(too_long.exchange(get("/x")))), ErrorCode::InvalidArgument);
}

TEST(HttpClient, SendsNothingThatCouldBeTakenForASecondRequest) {
  const FakeDockerd server;
  AsioRunner runner;
  HttpClient client(runner.executor(), to(server.socketPath()));
  for (const char* target : {"", "info", "/a b", "/a\r\nX: y", "/a\nb", "/\x7f", "/\xc3\xa4"}) {
    EXPECT_EQ(codeOf(runner.run(client.exchange(get(target)))), ErrorCode::InvalidArgument) << target;
  }
  HttpRequest odd = get("/x");
  odd.method = "GET /y HTTP/1.1\r\n";
  EXPECT_EQ(codeOf(runner.run(client.exchange(odd))), ErrorCode::InvalidArgument);
  EXPECT_EQ(server.connections(), 0U);
}

TEST(HttpClient, MayBeDestroyedWhileAQuestionIsUnderWay) {
  const FakeDockerd server([](FakeDockerd::Connection& peer) {
    while (peer.read()) peer.reply(200, "{}");
  });
  AsioRunner runner;
  auto client = std::make_unique<HttpClient>(runner.executor(), to(server.socketPath()));
  auto question = client->exchange(get("/x"));
  client.reset();
  EXPECT_TRUE(runner.run(std::move(question)));
}

// A listener whose queue of connections is full, so that a further connect would block.
class FullListener {
 public:
  explicit FullListener(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    path.copy(address_.sun_path, sizeof address_.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), address(), sizeof address_), 0);
    EXPECT_EQ(::listen(socket_.get(), 0), 0);
    for (;;) {
      Fd filler(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (::connect(filler.get(), address(), sizeof address_) != 0) {
        EXPECT_EQ(errno, EAGAIN);
        return;
      }
      fillers_.push_back(std::move(filler));
    }
  }
  // Takes the fillers out of the queue; blocking.
  void drain() {
    for (const Fd& filler : fillers_) {
      (void)filler;
      Fd(::accept(socket_.get(), nullptr, nullptr)).reset();
    }
  }
  Fd accept() { return Fd(::accept(socket_.get(), nullptr, nullptr)); }

 private:
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
  sockaddr_un address_ = {AF_UNIX, {}};
  Fd socket_;
  std::vector<Fd> fillers_;
};

TEST(HttpClient, TheTimeLimitCoversAFullBacklog) {
  const TempDir dir;
  const FullListener listener(dir.file("full.sock"));
  AsioRunner runner;
  HttpClient client(runner.executor(), to(dir.file("full.sock"), 30ms));
  EXPECT_EQ(codeOf(runner.run(client.exchange(get("/x")))), ErrorCode::Timeout);
}

TEST(HttpClient, WaitsForRoomInTheBacklog) {
  const TempDir dir;
  FullListener listener(dir.file("full.sock"));
  AsioRunner runner;
  HttpClient client(runner.executor(), to(dir.file("full.sock")));
  std::thread server;
  boost::asio::steady_timer later(runner.executor(), 20ms);
  later.async_wait([&](boost::system::error_code) {
    server = std::thread([&] {
      listener.drain();
      const Fd peer = listener.accept();
      FakeDockerd::Connection connection(peer.get());
      if (connection.read()) connection.reply(200, "at last");
    });
  });
  const auto reply = runner.run(client.exchange(get("/x")));
  server.join();
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->body, "at last");
}

// A kept connection that closes instead of answering: the header of the second try is made anew.
TEST(HttpClient, HeadersAreMadeForEachTimeThatARequestIsSent) {
  std::vector<std::string> seen;
  const FakeDockerd server([&seen](FakeDockerd::Connection& peer) {
    for (int answered = 0; const auto request = peer.read(); ++answered) {
      seen.push_back(request->header("x-mark"));
      EXPECT_EQ(request->header("authz-user"), "root");
      if (answered == 1 || !peer.reply(200, "{}")) return;
    }
  });
  AsioRunner runner;
  HttpClientOptions options = to(server.socketPath());
  int count = 0;
  options.headers = [&count](std::string_view method, std::string_view target) {
    const std::string mark = std::string(method) + " " + std::string(target) + std::to_string(++count);
    return std::vector<std::pair<std::string, std::string>>{{"X-Mark", mark}, {"Authz-User", "root"}};
  };
  HttpClient client(runner.executor(), options);
  EXPECT_TRUE(runner.run(client.exchange(get("/a"))));
  EXPECT_TRUE(runner.run(client.exchange(get("/b"))));
  EXPECT_EQ(seen, (std::vector<std::string>{"GET /a1", "GET /b2", "GET /b3"}));
}

TEST(ExchangeBlocking, WorksWithoutALoop) {
  FakeDockerd server;
  server.answer("GET", "/info", 200, "{}");
  EXPECT_EQ(exchangeBlocking(to(server.socketPath()), get("/info"))->status, 200);
  EXPECT_EQ(codeOf(exchangeBlocking(to("/nonexistent/x.sock"), get("/info"))), ErrorCode::Unavailable);
  const FakeDockerd silent([](FakeDockerd::Connection& peer) { peer.waitForClose(); });
  EXPECT_EQ(codeOf(exchangeBlocking(to(silent.socketPath(), 30ms), get("/info"))), ErrorCode::Timeout);
}

}  // namespace
}  // namespace ds01::net
