// Small HTTP messages held whole in memory: the control API and our own questions to the Engine. The gateway's traffic
// does not come through here; it streams.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ds01::net {

// Takes the body of one request as it comes, where it is not to be held whole.
class HttpBodySink {
 public:
  HttpBodySink() = default;
  HttpBodySink(const HttpBodySink&) = delete;
  HttpBodySink& operator=(const HttpBodySink&) = delete;
  virtual ~HttpBodySink() = default;
  virtual void take(std::string_view piece) = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query, already encoded
  std::string body;    // sent as application/json when not empty
  std::string user_agent = {};
  std::shared_ptr<HttpBodySink> sink = {};  // a server's: what took the body in place of `body`
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  // Others than those that describe the body or the connection.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

}  // namespace ds01::net
