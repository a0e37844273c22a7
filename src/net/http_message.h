// Small HTTP messages held whole in memory: the control API and our own questions to the Engine. The gateway's traffic
// does not come through here; it streams.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ds01::net {

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // path and query, already encoded
  std::string body;    // sent as application/json when not empty
  std::string user_agent = {};
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  // Others than those that describe the body or the connection.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

}  // namespace ds01::net
