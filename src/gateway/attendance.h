// Beside a request that waits its turn: watches the client, whose going makes the request give up, and sends it 100
// Continue now and then, so that a time limit of its own on reading starts anew. Nothing of what the client sends is
// read. Single thread.
#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/awaitable.hpp>

#include "gateway/http_link.h"
#include "gateway/patience.h"

namespace ds01::gateway {

class Attendance {
 public:
  struct Continues {
    std::chrono::milliseconds every{};
    int at_most = 0;
  };

  // `client` outlives this. Nothing happens until the request begins to wait.
  Attendance(Socket& client, Continues continues);
  Attendance(const Attendance&) = delete;
  Attendance& operator=(const Attendance&) = delete;
  ~Attendance();

  Patience& patience();

  // To be awaited before anything else is read from or written to the client. False: it has gone, or was cut off within
  // a 100 Continue, and can be answered nothing.
  boost::asio::awaitable<bool> end();

 private:
  struct State;
  static boost::asio::awaitable<void> watch(std::shared_ptr<State> state);
  static boost::asio::awaitable<void> sendContinues(std::shared_ptr<State> state);
  static void run(const std::shared_ptr<State>& state, boost::asio::awaitable<void> task);

  std::shared_ptr<State> state_;  // of the two tasks too, which may end later
};

}  // namespace ds01::gateway
