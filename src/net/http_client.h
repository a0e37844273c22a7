// HTTP/1.1 over a Unix socket, one message at a time, with a time limit on the whole exchange.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "net/http_message.h"

namespace ds01::net {

struct HttpClientOptions {
  std::string socket_path;
  std::chrono::milliseconds timeout{30'000};
  std::size_t max_body_bytes = 64 * 1024 * 1024;
  std::size_t max_idle_connections = 4;  // kept for the next question
  // Set: more headers for each request, each time it is sent. On the executor's thread.
  std::function<std::vector<std::pair<std::string, std::string>>(std::string_view method, std::string_view target)>
      headers = {};
};

// What `timeout` is for in a streamed answer.
enum class TimeLimit {
  Head,   // until its head is there: answers without end (GET /events)
  Whole,  // all of it: long answers
};

// Keeps idle connections; any number of requests may be in flight, each on a connection of its own. A kept connection
// that the server has closed meanwhile is replaced without the caller noticing. Unavailable: cannot connect or the link
// broke; Timeout; Malformed: not HTTP. One thread: the executor's.
class HttpClient {
 public:
  HttpClient(boost::asio::any_io_executor executor, HttpClientOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  boost::asio::awaitable<Result<HttpReply>> exchange(HttpRequest request);

  // For answers that are not held whole: `on_head` is called with the status once the head is there, `on_data` with
  // each piece of the body; its length has no bound. Returns when the stream ends or on_data returns false.
  boost::asio::awaitable<Status> stream(HttpRequest request, std::function<void(int status)> on_head,
                                        std::function<bool(std::string_view)> on_data,
                                        TimeLimit limited = TimeLimit::Head);

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

// For programs without a loop of their own (the CLI): blocks the calling thread.
Result<HttpReply> exchangeBlocking(HttpClientOptions options, HttpRequest request);
Status streamBlocking(HttpClientOptions options, HttpRequest request, std::function<void(int status)> on_head,
                      std::function<bool(std::string_view)> on_data);

}  // namespace ds01::net
