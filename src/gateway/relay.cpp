#include "gateway/relay.h"

#include <memory>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/side_task.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

struct RawRelay {
  Socket& client;
  Socket& engine;
  bool ending = false;        // the Engine's direction has ended
  bool client_ended = false;  // the client's has

  void closeEngine() const {
    error_code ignored;
    engine.close(ignored);
  }
};

// Ends with the client's direction. While the Engine still talks, a client that has closed both directions takes the
// Engine's end with it; nobody reads any more.
asio::awaitable<void> fromClient(RawRelay& relay, std::string first) {
  error_code ec;
  bool deliver = true;
  if (!first.empty()) deliver = (co_await writeAll(relay.engine, first)).has_value();
  first.clear();
  first.shrink_to_fit();
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  while (true) {
    const std::size_t count = co_await relay.client.async_read_some(asio::buffer(piece.get(), kPieceBytes),
                                                                    asio::redirect_error(asio::use_awaitable, ec));
    if (ec) break;
    // What the Engine no longer takes is still read, so that the client is not stuck writing it.
    if (deliver) deliver = (co_await writeAll(relay.engine, std::string_view(piece.get(), count))).has_value();
  }
  relay.client_ended = true;
  if (relay.ending) co_return;
  if (ec == asio::error::eof && !hungUp(relay.client)) {
    relay.engine.shutdown(Socket::shutdown_send, ec);
    co_await relay.client.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ec));
    if (relay.ending) co_return;
  }
  relay.closeEngine();
}

asio::awaitable<void> fromEngine(RawRelay& relay, std::string first) {
  if (!first.empty() && !(co_await writeAll(relay.client, first))) co_return;
  first.clear();
  first.shrink_to_fit();
  const auto piece = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  while (true) {
    error_code ec;
    const std::size_t count = co_await relay.engine.async_read_some(asio::buffer(piece.get(), kPieceBytes),
                                                                    asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return;
    if (!(co_await writeAll(relay.client, std::string_view(piece.get(), count)))) co_return;
  }
}

}  // namespace

asio::awaitable<void> relayRaw(Socket& client, std::string from_client, Socket& engine, std::string from_engine,
                               std::chrono::milliseconds linger) {
  RawRelay relay{client, engine};
  net::SideTask upwards(client.get_executor());
  upwards.start(fromClient(relay, std::move(from_client)));
  co_await fromEngine(relay, std::move(from_engine));

  relay.ending = true;
  error_code ec;
  client.shutdown(Socket::shutdown_send, ec);
  relay.closeEngine();
  if (relay.client_ended) client.cancel(ec);  // it only waits for the client to hang up
  if (upwards.running()) {
    asio::steady_timer timer(client.get_executor(), linger);
    net::SideTask clock(client.get_executor());
    clock.start([](asio::steady_timer& t, Socket& s) -> asio::awaitable<void> {
      error_code error;
      co_await t.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (!error) s.close(error);
    }(timer, client));
    co_await upwards.join();
    timer.cancel();
    co_await clock.join();
  }
  client.close(ec);
}

}  // namespace ds01::gateway
