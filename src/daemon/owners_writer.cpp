#include "daemon/owners_writer.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::daemon {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

// Longer than the lock is waited for.
constexpr milliseconds kWriteLimit{15'000};

struct Outcome {
  OwnersWriter::Text text;
  Status written;
};

}  // namespace

OwnersWriter::OwnersWriter(const asio::any_io_executor& executor, OwnersWriterParts parts)
    : parts_(std::move(parts)), timer_(executor) {}

void OwnersWriter::changed() {
  dirty_ = true;
  // Only that wait is cut short: a pause gathers.
  if (waiting_) timer_.cancel();
}

asio::awaitable<void> OwnersWriter::pause(milliseconds time) {
  timer_.expires_after(time);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> OwnersWriter::run() {
  for (;;) {
    if (!dirty_) {
      waiting_ = true;
      timer_.expires_at(asio::steady_timer::time_point::max());
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      waiting_ = false;
      continue;
    }
    co_await pause(parts_.gather);
    dirty_ = false;
    std::function<Result<Outcome>()> work = [document = parts_.document(), file = parts_.file]() -> Result<Outcome> {
      auto text = std::make_shared<const std::string>(ownership::encode(document));
      Status written = file.write(*text);
      return Outcome{std::move(text), std::move(written)};
    };
    const Result<Outcome> done = co_await parts_.pool.run<Outcome>(std::move(work), kWriteLimit);
    if (done) {
      current_ = done->text;
      if (tell_) tell_(current_);
    }
    const Status written = done ? done->written : Status(fail(done.error()));
    if (written) continue;
    parts_.on_failure(written.error().message());
    waiting_ = true;  // whoever wants the text need not wait for the disk
    co_await pause(parts_.retry);
    waiting_ = false;
    dirty_ = true;
  }
}

}  // namespace ds01::daemon
