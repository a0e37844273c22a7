// An answer of ours that comes piece by piece: JSON documents in lines, as the Engine tells what it is doing. Its head,
// a 200, goes out with the first of them.
#pragma once

#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "gateway/http_link.h"

namespace ds01::gateway {

class JsonLines {
 public:
  // `client` outlives this. `close`: nothing follows on that connection.
  JsonLines(Socket& client, bool close) : client_(client), close_(close) {}

  boost::asio::awaitable<void> send(std::string_view document);
  boost::asio::awaitable<void> end();

  bool begun() const { return begun_; }
  bool broken() const { return broken_; }  // the client has gone; what is sent is dropped

 private:
  std::string begin();

  Socket& client_;
  bool close_;
  bool begun_ = false;
  bool broken_ = false;
};

}  // namespace ds01::gateway
