#include "gateway/open_sessions.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::gateway {

namespace asio = boost::asio;

OpenSessions::Entry::~Entry() {
  if (begun_) sessions_.begun_.erase(sessions_.begun_.find(key_));
}

void OpenSessions::Entry::begun() {
  if (begun_) return;
  sessions_.begun_.insert(key_);
  begun_ = true;
  const auto [first, last] = sessions_.waiting_.equal_range(key_);
  for (auto at = first; at != last; ++at) at->second->cancel();
}

asio::awaitable<void> OpenSessions::wait(std::string login, std::string id, std::chrono::milliseconds limit) {
  const Key key(std::move(login), std::move(id));
  if (stopped_ || begun_.contains(key)) co_return;
  asio::steady_timer timer(executor_, limit);
  const auto at = waiting_.emplace(key, &timer);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  waiting_.erase(at);
}

void OpenSessions::stop() {
  stopped_ = true;
  for (const auto& [key, timer] : waiting_) timer->cancel();
}

}  // namespace ds01::gateway
