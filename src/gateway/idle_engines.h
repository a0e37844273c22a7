// Connections to the Engine that one session has used and another can use: whose answers have been read to the end, of
// whose requests nothing is missing. Making a new one costs as much as the smallest request.
//
// Nobody's answer can reach anybody else by one of them: it is taken only while it is silent, and given only by
// EngineLink::giveBack(), after an exchange of which both sides are known to be whole.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <boost/asio/local/stream_protocol.hpp>

namespace ds01::gateway {

// recv(2) finds neither bytes, nor an end, nor an error.
bool silent(boost::asio::local::stream_protocol::socket& socket);

class IdleEngines {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;

  explicit IdleEngines(std::size_t most) : most_(most) {}
  IdleEngines(const IdleEngines&) = delete;
  IdleEngines& operator=(const IdleEngines&) = delete;
  ~IdleEngines() = default;

  void give(Socket socket);  // closes the one that has been idle for longest if there are too many
  // The one that was used last. Those to which something has come meanwhile are closed.
  std::optional<Socket> take();
  void clear() { sockets_.clear(); }

  std::size_t size() const { return sockets_.size(); }

 private:
  std::size_t most_;
  std::vector<Socket> sockets_;  // the one that was given last is the last
};

}  // namespace ds01::gateway
