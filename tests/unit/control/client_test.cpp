#include "control/client.h"

#include <cstring>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/codec.h"
#include "control/json_text.h"
#include "control/router.h"
#include "control/view_routes.h"
#include "net/http_server.h"
#include "samples.h"
#include "support/canned_http_server.h"
#include "support/temp_dir.h"

namespace ds01::control {
namespace {

using ds01::test::CannedHttpServer;
using ds01::test::TempDir;
using test::sampleContainer;
using test::sampleStatus;
using testing::HasSubstr;
using testing::StartsWith;

constexpr uid_t kNobody = 65534;

class ClientTest : public testing::Test {
 protected:
  // What a client is told when the daemon sends these bytes.
  Error errorFor(const std::string& bytes) {
    const CannedHttpServer server(path_, [&](std::string_view) { return bytes; });
    const auto status = Client(path_).status();
    ::unlink(path_.c_str());
    return status ? Error(ErrorCode::Internal, "no error") : status.error();
  }

  TempDir dir_;
  std::string path_ = dir_.file("ds01.sock");
};

TEST_F(ClientTest, AsksForTheStatus) {
  std::string head;
  std::mutex mutex;
  const CannedHttpServer server(path_, [&](std::string_view asked) {
    const std::scoped_lock lock(mutex);
    head = asked;
    return CannedHttpServer::reply(200, jsonText(toJson(sampleStatus())));
  });
  const auto status = Client(path_).status();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(*status, sampleStatus());
  const std::scoped_lock lock(mutex);
  EXPECT_THAT(head, StartsWith("GET /v1/status HTTP/1.1\r\n"));
}

TEST_F(ClientTest, AsksForContainers) {
  const ContainerList list{.all = false, .containers = {sampleContainer("b", "bob")}};
  const CannedHttpServer server(path_, [&](std::string_view asked) {
    return asked.starts_with("GET /v1/containers ") ? CannedHttpServer::reply(200, jsonText(toJson(list)))
                                                    : CannedHttpServer::reply(404, "{}");
  });
  const auto found = Client(path_).containers();
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(*found, list);
}

TEST_F(ClientTest, NoSocketMeansNotRunning) {
  const auto status = Client(path_).status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::Unavailable);
  EXPECT_EQ(status.error().message(), "ds01d is not running (no socket at " + path_ + ")");
  EXPECT_EQ(Client(dir_.file("no/such/ds01.sock")).containers().error().message(),
            "ds01d is not running (no socket at " + dir_.file("no/such/ds01.sock") + ")");
}

TEST_F(ClientTest, ADeadSocketMeansNotRunning) {
  {
    const CannedHttpServer gone(path_, [](std::string_view) { return ""; });
  }
  const auto status = Client(path_).status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::Unavailable);
  EXPECT_EQ(status.error().message(), "ds01d is not running (nobody listens at " + path_ + ")");
}

TEST_F(ClientTest, ASocketThatMayNotBeOpenedIsPermissionDenied) {
  const CannedHttpServer server(path_, [](std::string_view) { return ""; });
  ASSERT_EQ(::chmod(path_.c_str(), 0), 0);
  const bool root = ::geteuid() == 0;  // who may open any socket, so somebody else has to ask
  if (root && ::seteuid(kNobody) != 0) GTEST_SKIP() << "cannot act as another user here";
  const auto status = Client(path_).status();
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::PermissionDenied);
  EXPECT_EQ(status.error().message(), "you may not open " + path_);
}

TEST_F(ClientTest, APathTooLongForASocketIsSaid) {
  const auto status = Client("/tmp/" + std::string(200, 'x')).status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::InvalidArgument);
}

TEST_F(ClientTest, TheDaemonsOwnSentenceIsTheMessage) {
  const Error denied = errorFor(CannedHttpServer::reply(403, R"({"message":"ds01: you have no login here"})"));
  EXPECT_EQ(denied.code(), ErrorCode::PermissionDenied);
  EXPECT_EQ(denied.message(), "ds01: you have no login here");

  EXPECT_EQ(errorFor(CannedHttpServer::reply(503, R"({"message":"starting"})")).code(), ErrorCode::Unavailable);
  EXPECT_EQ(errorFor(CannedHttpServer::reply(404, R"({"message":"no"})")).code(), ErrorCode::NotFound);

  const Error odd = errorFor(CannedHttpServer::reply(500, "<html>"));
  EXPECT_EQ(odd.code(), ErrorCode::Internal);
  EXPECT_EQ(odd.message(), "ds01d answered with status 500");
}

TEST_F(ClientTest, AnswersThatCannotBeReadAreMalformed) {
  const Error not_json = errorFor(CannedHttpServer::reply(200, "{"));
  EXPECT_EQ(not_json.code(), ErrorCode::Malformed);
  EXPECT_THAT(not_json.message(), StartsWith("the answer of ds01d is not JSON: "));

  const Error newer = errorFor(CannedHttpServer::reply(200, R"({"api":2})"));
  EXPECT_EQ(newer.code(), ErrorCode::Malformed);
  EXPECT_EQ(newer.message(), "cannot read the answer of ds01d: api: is 2, but this program speaks 1");

  EXPECT_EQ(errorFor("SSH-2.0-OpenSSH\r\n\r\n").code(), ErrorCode::Malformed);
}

TEST_F(ClientTest, ABrokenLinkIsUnavailable) {
  const Error cut = errorFor("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(cut.code(), ErrorCode::Unavailable);
  EXPECT_THAT(cut.message(), HasSubstr(path_));
  EXPECT_EQ(errorFor("").code(), ErrorCode::Unavailable);
}

// The three parts that must agree: our client, our server and the router between them.
TEST_F(ClientTest, UnderstandsOurOwnServer) {
  class SampleView : public View {
   public:
    StatusSnapshot status() const override { return sampleStatus(); }
    std::vector<ContainerRow> containers() const override { return {sampleContainer("b", "bob")}; }
  };
  namespace asio = boost::asio;
  const SampleView view;
  Router router;
  addViewRoutes(router, view);
  asio::io_context context;
  asio::local::stream_protocol::acceptor acceptor(context, asio::local::stream_protocol::endpoint(path_));
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        for (int connections = 0; connections < 2; ++connections) {
          asio::local::stream_protocol::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
          const net::HttpHandler handler = [&](const net::HttpRequest& request) -> asio::awaitable<net::HttpAnswer> {
            Caller caller;
            caller.user.login = "bob";
            co_return co_await router.handle(request, caller);
          };
          const net::HttpServerOptions options;
          co_await net::serveHttp(std::move(socket), handler, options);
        }
      },
      asio::detached);
  std::thread server([&] { context.run(); });
  const auto status = Client(path_).status();
  const auto containers = Client(path_).containers();
  context.stop();
  server.join();
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(*status, visibleTo(sampleStatus(), "bob", false));
  ASSERT_TRUE(containers) << containers.error().message();
  EXPECT_EQ(containers->containers, (std::vector{sampleContainer("b", "bob")}));
}

TEST_F(ClientTest, ASilentDaemonIsATimeout) {
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size());
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const auto status = Client(path_, std::chrono::milliseconds{50}).status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::Timeout);
  EXPECT_THAT(status.error().message(), StartsWith("ds01d does not answer at " + path_));
}

}  // namespace
}  // namespace ds01::control
