// One connection to a Docker socket, blocking: what is measured is the peer, so the client does no more than it must.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>

namespace ds01::bench {

struct Answer {
  unsigned status = 0;
  std::string body;
};

// Everything throws boost::system::system_error when the peer goes away.
class Connection {
 public:
  explicit Connection(const std::string& path);

  // Reads the whole answer. `type` is the Content-Type of a body.
  Answer ask(std::string_view method, std::string_view target, std::string_view body = {},
             std::string_view type = "application/json");
  // Reads the answer and throws its body away; the number of its bytes. Throws if the status is not `expected`.
  std::uint64_t download(std::string_view target, unsigned expected);
  // Asks for a stream and reads the head of the answer: 101 or 200.
  void openStream(std::string_view method, std::string_view target, bool upgrade);
  // Whatever a stream sends, until it has sent so many bytes.
  void readStream(std::uint64_t bytes);

 private:
  void send(std::string_view method, std::string_view target, std::string_view more_head, std::string_view body);

  boost::asio::io_context context_{1};
  boost::asio::local::stream_protocol::socket socket_{context_};
  boost::beast::flat_buffer buffer_;
};

}  // namespace ds01::bench
