// The two connections of a relay, from their beginning to their end.
#include <algorithm>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nghttp2/nghttp2.h>

#include "buildkit/http2/call_relay.h"

namespace ds01::buildkit {

namespace asio = boost::asio;
using boost::system::error_code;

// What throws, for want of memory or by a fault of ours, ends the connections.
void CallRelay::spawn(asio::awaitable<void> work) {
  std::erase_if(tasks_, [](const net::SideTask& task) { return !task.running(); });
  tasks_.emplace_back(changed_.get_executor());
  const auto run = [](CallRelay& self, asio::awaitable<void> what) -> asio::awaitable<void> {
    try {
      co_await std::move(what);
    } catch (...) {
      self.closeBoth();
    }
    --self.at_work_;
    self.onMoved();
  };
  ++at_work_;
  tasks_.back().start(run(*this, std::move(work)));
}

void CallRelay::onMoved() {
  caller_.wake();
  callee_.wake();
  changed_.cancel();
}

void CallRelay::closeBoth() {
  caller_.close();
  callee_.close();
}

// Until no call is left whose work is followed.
asio::awaitable<void> CallRelay::untilSettled() {
  const auto busy = [this] {
    return !watched_.empty() || at_work_ > 0 ||
           std::ranges::any_of(by_callee_, [](const auto& one) { return one.second->follow; });
  };
  while (busy()) {
    error_code ignored;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void CallRelay::endCalls() {
  callee_ended_ = true;
  const std::map<StreamId, CallPtr> open = by_callee_;
  for (const auto& [stream, call] : open) calleeGone(call, NGHTTP2_INTERNAL_ERROR);
  const std::map<StreamId, CallPtr> watched = std::exchange(watched_, {});
  for (const auto& [stream, call] : watched) conclude(call);
}

// Every call learns that it has ended, and the caller gets what there is to be told.
asio::awaitable<void> CallRelay::readCallee(std::string first) {
  try {
    co_await callee_.read(std::move(first));
    endCalls();
    co_await untilSettled();
    co_await caller_.finish();
  } catch (...) {
    closeBoth();
  }
}

asio::awaitable<void> CallRelay::readCaller(std::string first) {
  try {
    co_await caller_.read(std::move(first));
    const std::map<StreamId, CallPtr> open = by_caller_;
    for (const auto& [stream, call] : open) callerGone(call);
    co_await untilSettled();
  } catch (...) {
    closeBoth();
  }
}

asio::awaitable<void> CallRelay::run(std::string from_caller, std::string from_callee) {
  caller_.startWriting();
  callee_.startWriting();
  callee_reader_.start(readCallee(std::move(from_callee)));
  co_await readCaller(std::move(from_caller));
  closeBoth();
  onMoved();
  co_await callee_.join();
  co_await caller_.join();
  co_await callee_reader_.join();
  for (net::SideTask& task : tasks_) co_await task.join();
}

}  // namespace ds01::buildkit
