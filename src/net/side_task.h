// A coroutine that runs beside the one that started it and uses its locals: whoever starts it must await join() before
// they go away. Single thread.
#pragma once

#include <exception>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ds01::net {

class SideTask {
 public:
  explicit SideTask(const boost::asio::any_io_executor& executor)
      : finished_(executor, boost::asio::steady_timer::time_point::max()) {}
  SideTask(const SideTask&) = delete;
  SideTask& operator=(const SideTask&) = delete;
  ~SideTask() = default;

  void start(boost::asio::awaitable<void> work) {
    Starting starting{running_};
    boost::asio::co_spawn(finished_.get_executor(), std::move(work), [this](const std::exception_ptr& thrown) {
      running_ = false;
      thrown_ = thrown;
      finished_.cancel();
    });
    starting.done = true;
  }

  bool running() const { return running_; }

  boost::asio::awaitable<void> join() {
    while (running_) {
      boost::system::error_code ignored;
      co_await finished_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  // What could not be started, for want of memory, never ends: nobody must wait for it.
  struct Starting {
    explicit Starting(bool& running_in) : running(running_in) { running = true; }
    Starting(const Starting&) = delete;
    Starting& operator=(const Starting&) = delete;
    ~Starting() {
      if (!done) running = false;
    }
    bool& running;
    bool done = false;
  };

  boost::asio::steady_timer finished_;
  bool running_ = false;
  std::exception_ptr thrown_;
};

}  // namespace ds01::net
