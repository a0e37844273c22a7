#include "net/http_server.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "support/asio_runner.h"

namespace ds01::net {
namespace {

using namespace std::chrono_literals;
using test::AsioRunner;
using Socket = boost::asio::local::stream_protocol::socket;

HttpServerOptions smallLimits() {
  HttpServerOptions options;
  options.max_body_bytes = 100;
  options.head_timeout = 5'000ms;
  return options;
}

// All that the server sends back when a client sends `bytes` and then, unless it stays, ends its side.
struct Served {
  std::string answer;
  std::vector<HttpRequest> requests;
};

Served serve(std::string_view bytes, HttpServerOptions options = smallLimits(), bool client_stays = false,
             HttpReply reply = {200, R"({"ok":true})", "application/json"}) {
  Served served;
  AsioRunner runner;
  Socket client(runner.context());
  Socket server(runner.context());
  boost::asio::local::connect_pair(client, server);
  EXPECT_EQ(::send(client.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
  if (!client_stays) client.shutdown(Socket::shutdown_send);
  const HttpHandler handler = [&](const HttpRequest& request) -> boost::asio::awaitable<HttpAnswer> {
    served.requests.push_back(request);
    if (request.target == "/throw") throw std::runtime_error("boom");
    co_return reply;
  };
  runner.run(serveHttp(std::move(server), handler, options));
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(client.native_handle(), buffer, sizeof buffer, 0)) > 0;) {
    served.answer.append(buffer, static_cast<std::size_t>(got));
  }
  return served;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(HttpServer, AnswersEachRequestOfAConnection) {
  const auto served =
      serve("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\nPOST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  ASSERT_EQ(served.requests.size(), 2U);
  EXPECT_EQ(served.requests[0].method, "GET");
  EXPECT_EQ(served.requests[0].target, "/a?b=c");
  EXPECT_EQ(served.requests[1].method, "POST");
  EXPECT_EQ(served.requests[1].body, "hi");
  EXPECT_TRUE(contains(served.answer, "HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(contains(served.answer, "Content-Type: application/json\r\n"));
  EXPECT_TRUE(contains(served.answer, "Content-Length: 11\r\n\r\n{\"ok\":true}HTTP/1.1 200"));
}

TEST(HttpServer, HeadHasTheLengthAndNoBody) {
  const auto served = serve("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(contains(served.answer, "Content-Length: 11\r\n"));
  EXPECT_TRUE(served.answer.ends_with("\r\n\r\n"));
}

TEST(HttpServer, ClosesWhenTheClientAsksForIt) {
  const auto served = serve("GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n\r\n", smallLimits(), true);
  EXPECT_EQ(served.requests.size(), 1U);
  EXPECT_TRUE(contains(served.answer, "Connection: close"));
  EXPECT_EQ(serve("GET /a HTTP/1.0\r\n\r\n", smallLimits(), true).requests.size(), 1U);
}

TEST(HttpServer, RefusesWhatIsTooLongOrNotHttp) {
  const auto long_body = serve("POST /a HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'));
  EXPECT_TRUE(contains(long_body.answer, "HTTP/1.1 413 "));
  const auto long_chunks =
      serve("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(contains(long_chunks.answer, "HTTP/1.1 413 "));
  const auto long_head = serve("GET /a HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_TRUE(contains(long_head.answer, "HTTP/1.1 431 "));
  const auto garbage = serve("\x16\x03\x01\x02 hello\r\n\r\n");
  EXPECT_TRUE(contains(garbage.answer, "HTTP/1.1 400 "));
  const auto both = serve("POST /a HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_TRUE(contains(both.answer, "HTTP/1.1 400 "));
  for (const Served& served : {long_body, long_chunks, long_head, garbage, both}) {
    EXPECT_TRUE(served.requests.empty());
    EXPECT_TRUE(contains(served.answer, "\"message\""));
    EXPECT_TRUE(contains(served.answer, "Connection: close"));
  }
}

TEST(HttpServer, SaysNothingToAClientThatGoesOrStaysSilent) {
  EXPECT_EQ(serve("").answer, "");
  EXPECT_EQ(serve("GET /a HT").answer, "");
  EXPECT_EQ(serve("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf").answer, "");
  HttpServerOptions options = smallLimits();
  options.head_timeout = 30ms;
  EXPECT_EQ(serve("", options, true).answer, "");
  EXPECT_EQ(serve("GET /a HT", options, true).answer, "");
  EXPECT_EQ(serve("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf", options, true).answer, "");
}

TEST(HttpServer, AHandlerThatThrowsIsA500AndTheConnectionGoesOn) {
  const auto served = serve("GET /throw HTTP/1.1\r\n\r\nGET /fine HTTP/1.1\r\n\r\n");
  EXPECT_EQ(served.requests.size(), 2U);
  EXPECT_TRUE(contains(served.answer, "HTTP/1.1 500 "));
  EXPECT_TRUE(contains(served.answer, "HTTP/1.1 200 "));
  EXPECT_FALSE(contains(served.answer, "boom")) << "what is inside stays inside";
}

TEST(HttpServer, TellsAWaitingClientToSendItsBody) {
  const auto served = serve("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(served.answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "));
  ASSERT_EQ(served.requests.size(), 1U);
  EXPECT_EQ(served.requests[0].body, "hi");
}

TEST(HttpServer, ASinkTakesBodiesOfAnyLengthAndTheHandlerGetsIt) {
  struct Counter : HttpBodySink {
    void take(std::string_view piece) override { bytes += piece.size(); }
    std::size_t bytes = 0;
  };
  HttpServerOptions options = smallLimits();
  options.max_body_bytes = std::size_t{1} << 40;
  options.open_sink = [] { return std::make_shared<Counter>(); };
  const std::string body(100'000, 'x');
  const auto served =
      serve("POST /a HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + body +
                "POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" +
                "GET /c HTTP/1.1\r\n\r\n",
            options);
  ASSERT_EQ(served.requests.size(), 3U);
  const std::size_t expected[] = {100'000, 5, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(served.requests[i].body, "");
    EXPECT_EQ(static_cast<const Counter&>(*served.requests[i].sink).bytes, expected[i]);
  }
}

TEST(HttpServer, ASilentConnectionIsKeptWhereTheServerSaysSo) {
  AsioRunner runner;
  Socket client(runner.context());
  Socket server(runner.context());
  boost::asio::local::connect_pair(client, server);
  HttpServerOptions options = smallLimits();
  options.head_timeout = 30ms;
  options.keep_silent = true;
  bool ended = false;
  const HttpHandler handler = [](const HttpRequest&) -> boost::asio::awaitable<HttpAnswer> {
    co_return HttpReply{200, "{}"};
  };
  boost::asio::co_spawn(runner.context(), serveHttp(std::move(server), handler, options),
                        [&](const std::exception_ptr&) { ended = true; });
  const auto answered = [&] {
    char buffer[4096];
    return ::recv(client.native_handle(), buffer, sizeof buffer, MSG_DONTWAIT) > 0;
  };
  for (int round = 0; round < 2; ++round) {
    runner.context().run_for(90ms);
    ASSERT_FALSE(ended);
    client.send(boost::asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
    runner.turn(answered);
  }
  // Begun, a head must come to its end.
  client.send(boost::asio::buffer(std::string("GET /")));
  runner.turn([&] { return ended; });
}

TEST(HttpServer, AnAnswerMayHaveNoBody) {
  const auto served = serve("GET /a HTTP/1.1\r\n\r\n", smallLimits(), false, {204, "", ""});
  EXPECT_TRUE(served.answer.starts_with("HTTP/1.1 204 "));
  EXPECT_TRUE(served.answer.ends_with("\r\n\r\n"));
  EXPECT_FALSE(contains(served.answer, "Content-Type"));
}

// A streamed answer whose pieces the test chooses, and a client that may go away.
class StreamTest : public ::testing::Test {
 protected:
  // Runs one session on which `bytes` arrive.
  void start(std::string_view bytes, std::function<boost::asio::awaitable<void>(std::shared_ptr<HttpBody>)> produce,
             std::chrono::milliseconds write_timeout = 20'000ms) {
    boost::asio::local::connect_pair(client_, server_);
    ASSERT_EQ(::send(client_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    handler_ = [produce = std::move(produce)](const HttpRequest&) -> boost::asio::awaitable<HttpAnswer> {
      co_return HttpStream{"application/x-ndjson", produce};
    };
    HttpServerOptions options = smallLimits();
    options.write_timeout = write_timeout;
    boost::asio::co_spawn(runner_.context(), serveHttp(std::move(server_), handler_, options),
                          [this](const std::exception_ptr&) { ended_ = true; });
  }

  std::string readAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(client_.native_handle(), buffer, sizeof buffer, 0)) > 0;) {
      all.append(buffer, static_cast<std::size_t>(got));
    }
    return all;
  }

  AsioRunner runner_;
  Socket client_{runner_.context()};
  Socket server_{runner_.context()};
  HttpHandler handler_;
  bool ended_ = false;
};

boost::asio::awaitable<void> twoPieces(std::shared_ptr<HttpBody> body) {
  co_await body->write("one\n");
  co_await body->write("two\n");
}

TEST_F(StreamTest, PiecesAreChunksAndTheConnectionEndsWithThem) {
  start("GET /s HTTP/1.1\r\nHost: x\r\n\r\n", twoPieces);
  runner_.turn([&] { return ended_; });
  const std::string all = readAll();
  EXPECT_TRUE(contains(all, "HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(contains(all, "Content-Type: application/x-ndjson\r\n"));
  EXPECT_TRUE(contains(all, "Connection: close\r\n"));
  EXPECT_TRUE(all.ends_with("\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n")) << all;
}

TEST_F(StreamTest, Http10GetsThePiecesAsTheyAre) {
  start("GET /s HTTP/1.0\r\n\r\n", twoPieces);
  runner_.turn([&] { return ended_; });
  const std::string all = readAll();
  EXPECT_FALSE(contains(all, "chunked"));
  EXPECT_TRUE(all.ends_with("\r\n\r\none\ntwo\n")) << all;
}

TEST_F(StreamTest, AProducerThatPausesIsWokenAndEndsWhenTheClientGoes) {
  std::shared_ptr<HttpBody> shared;
  std::vector<bool> pauses;
  start("GET /s HTTP/1.1\r\nHost: x\r\n\r\n", [&](std::shared_ptr<HttpBody> body) -> boost::asio::awaitable<void> {
    shared = body;
    while (true) {
      const bool there = co_await body->pause();
      pauses.push_back(there);
      if (!there) co_return;
      co_await body->write("x");
    }
  });
  runner_.turn([&] { return shared != nullptr; });
  shared->wake();
  runner_.turn([&] { return !pauses.empty(); });
  EXPECT_FALSE(ended_);
  client_.close();
  runner_.turn([&] { return ended_; });
  EXPECT_EQ(pauses.front(), true);
  EXPECT_EQ(pauses.back(), false);
  shared->wake();  // harmless afterwards
}

TEST_F(StreamTest, AClientThatDoesNotReadIsGivenUp) {
  std::size_t pieces = 0;
  start(
      "GET /s HTTP/1.1\r\nHost: x\r\n\r\n",
      [&](std::shared_ptr<HttpBody> body) -> boost::asio::awaitable<void> {
        while (co_await body->write(std::string(64 * 1024, 'x'))) ++pieces;
      },
      100ms);
  runner_.turn([&] { return ended_; });
  EXPECT_LT(pieces, 1000U) << "what the kernel does not take is not kept";
}

TEST_F(StreamTest, AProducerThatThrowsLeavesTheBodyWithoutItsEnd) {
  start("GET /s HTTP/1.1\r\nHost: x\r\n\r\n", [](std::shared_ptr<HttpBody> body) -> boost::asio::awaitable<void> {
    co_await body->write("one\n");
    throw std::runtime_error("boom");
  });
  runner_.turn([&] { return ended_; });
  EXPECT_TRUE(readAll().ends_with("4\r\none\n\r\n"));
}

TEST(HttpServer, TheHeadMayDecideHowLongTheBodyMayBe) {
  HttpServerOptions options = smallLimits();
  options.body_limit = [](std::string_view method, std::string_view target) -> std::size_t {
    return method == "POST" && target == "/big?x" ? 1'000 : 10;
  };
  const std::string body(50, 'x');
  EXPECT_EQ(serve("POST /big?x HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + body, options).requests.size(), 1U);
  EXPECT_TRUE(contains(serve("POST /a HTTP/1.1\r\nContent-Length: 50\r\n\r\n" + body, options).answer, " 413 "));
  const std::string chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n" + body + "\r\n0\r\n\r\n";
  EXPECT_TRUE(contains(serve(chunked, options).answer, " 413 "));
  const std::string more(101, 'x');
  EXPECT_TRUE(contains(serve("POST /big?x HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + more, options).answer, " 413 "))
      << "never beyond max_body_bytes";
}

}  // namespace
}  // namespace ds01::net
