// Which request of the control API goes to which handler. Only the routes that were added exist; a request is read
// strictly, because everybody on the machine may send any bytes: one canonical form of path and query, no key that the
// route does not name, no key twice, no body where none belongs.
//
// Errors are {"api":1,"message":"…"}: 400 for what cannot be read, 404 for a path that is not ours, 405 for another
// method, 413 for a body that is too long.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "model/user.h"
#include "net/http_message.h"
#include "net/http_server.h"

namespace ds01::control {

// What a handler gets.
struct Request {
  Caller caller;                             // proven by the kernel
  std::vector<std::string> names;            // what stands where the pattern has {}, decoded, never empty
  std::map<std::string, std::string> query;  // decoded
  std::string body;

  // Null: not given.
  const std::string* get(const std::string& key) const {
    const auto found = query.find(key);
    return found == query.end() ? nullptr : &found->second;
  }
};

using Handler = std::function<boost::asio::awaitable<net::HttpAnswer>(Request)>;

struct Route {
  std::string method;                   // "GET" or "POST"
  std::string pattern;                  // "/v1/explain/{}": {} stands for one whole segment
  std::vector<std::string> query = {};  // the keys that it takes
  std::size_t max_body_bytes = 0;       // 0: takes none
  Handler handler;
};

class Router {
 public:
  // Two routes may share a pattern with different methods. Before the first request.
  void add(Route route) { routes_.push_back(std::move(route)); }

  // `caller` must be proven by the kernel. Runs on the thread that the handlers need; this outlives the answer.
  boost::asio::awaitable<net::HttpAnswer> handle(net::HttpRequest request, Caller caller) const;

  // How long a body may be, known from the head alone; 0 for what is no route.
  std::size_t maxBodyBytes(std::string_view method, std::string_view target) const;

 private:
  std::vector<Route> routes_;
};

// A reply that carries a sentence instead of an answer, e.g. when the caller could not be identified (403).
net::HttpReply errorReply(int status, std::string_view message);

}  // namespace ds01::control
