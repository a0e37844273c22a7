#include "gateway/attendance.h"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

struct Attendance::State : std::enable_shared_from_this<State> {
  State(Socket& client_in, Continues continues_in)
      : client(client_in),
        continues(continues_in),
        pause(client.get_executor()),
        finished(client.get_executor(), asio::steady_timer::time_point::max()),
        patience([this] { begin(); }) {}

  void begin() {
    run(shared_from_this(), watch(shared_from_this()));
    run(shared_from_this(), sendContinues(shared_from_this()));
  }

  void stop() {
    over = true;
    pause.cancel();
    error_code ignored;
    if (running > 0) client.cancel(ignored);
  }

  Socket& client;  // not touched any more once it is over
  const Continues continues;
  asio::steady_timer pause;
  asio::steady_timer finished;
  Patience patience;
  int running = 0;
  bool over = false;
  bool cut = false;  // a 100 Continue went out in part
};

Attendance::Attendance(Socket& client, Continues continues) : state_(std::make_shared<State>(client, continues)) {}

Attendance::~Attendance() {
  if (!state_->over) state_->stop();
}

Patience& Attendance::patience() {
  return state_->patience;
}

void Attendance::run(const std::shared_ptr<State>& state, asio::awaitable<void> task) {
  ++state->running;
  asio::co_spawn(state->client.get_executor(), std::move(task), [state](const std::exception_ptr& thrown) {
    --state->running;
    // Nobody watches any more.
    if (thrown && !state->over) state->patience.giveUp();
    state->finished.cancel();
  });
}

asio::awaitable<bool> Attendance::end() {
  const std::shared_ptr<State> state = state_;
  state->stop();
  while (state->running > 0) {
    error_code ignored;
    co_await state->finished.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return !state->cut && !state->patience.givenUp();
}

asio::awaitable<void> Attendance::watch(std::shared_ptr<State> state) {
  error_code ec;
  co_await state->client.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
  if (state->over) co_return;
  if (!ec && !hungUp(state->client)) {
    // Its next request, or the end of what it sends: it still reads.
    co_await state->client.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, ec));
    if (state->over) co_return;
  }
  state->patience.giveUp();
}

asio::awaitable<void> Attendance::sendContinues(std::shared_ptr<State> state) {
  for (int sent = 0; sent < state->continues.at_most; ++sent) {
    error_code ec;
    state->pause.expires_after(state->continues.every);
    co_await state->pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (state->over) co_return;
    const Status written = co_await writeAll(state->client, "HTTP/1.1 100 Continue\r\n\r\n");
    if (written) continue;
    state->cut = true;
    if (!state->over) state->patience.giveUp();
    co_return;
  }
}

}  // namespace ds01::gateway
