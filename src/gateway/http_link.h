// The two ends that a session joins: the client's connection and ours to the Engine. HTTP framing is Beast's, behind
// these classes; a message's body comes out decoded, in pieces as they arrive. Single thread. Nothing here throws.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.h"
#include "gateway/idle_engines.h"
#include "gateway/raw_head.h"
#include "gateway/response_head.h"
#include "model/denial.h"

namespace ds01::gateway {

using Socket = boost::asio::local::stream_protocol::socket;

inline constexpr std::size_t kPieceBytes = 64UL * 1024;  // the most that is held per direction

// Writes all pieces, in one system call where possible.
boost::asio::awaitable<Status> writeAll(Socket& socket, std::string_view first, std::string_view second = {},
                                        std::string_view third = {});
boost::asio::awaitable<Status> writeChunk(Socket& socket, std::string_view piece);  // one chunk, not empty
boost::asio::awaitable<Status> writeLastChunk(Socket& socket);

// What poll(2) says now: the peer has closed both directions.
bool hungUp(Socket& socket);

class ClientLink {
 public:
  explicit ClientLink(Socket socket);
  ClientLink(const ClientLink&) = delete;
  ClientLink& operator=(const ClientLink&) = delete;
  ~ClientLink();

  Socket& socket() { return socket_; }

  // The bytes of the next head. An empty string: the client has closed. A Denial: 408, 431.
  enum class Patience { FirstByte, Now };  // from when on `limit` runs; before that there is none
  boost::asio::awaitable<std::expected<std::string, Denial>> readHead(std::chrono::milliseconds limit,
                                                                      Patience patience);
  // Must follow readHead() with what it returned; then the body can be read.
  Status beginBody(std::string_view head);
  bool bodyDone() const;
  // Some bytes of the body; 0 at its end. Malformed or Io when the client breaks it.
  boost::asio::awaitable<Result<std::size_t>> readBody(std::span<char> out);
  // What has been read beyond the message, for raw relaying.
  std::string takeBuffered();
  // Reads and throws away until the client closes, at most `limit` long, so that an answer sent before the request was
  // read whole is not lost to a reset.
  boost::asio::awaitable<void> drain(std::chrono::milliseconds limit);

 private:
  struct Parsing;
  Socket socket_;
  std::unique_ptr<Parsing> parsing_;
};

class EngineLink {
 public:
  // `idle` outlives this.
  EngineLink(boost::asio::any_io_executor executor, std::string path, IdleEngines& idle);
  EngineLink(const EngineLink&) = delete;
  EngineLink& operator=(const EngineLink&) = delete;
  ~EngineLink();

  Socket& socket() { return socket_; }

  // Connects unless the connection at hand or an idle one is still good. True: it is one that was used before.
  // Unavailable, with the system's reason, when the Engine is away.
  boost::asio::awaitable<Result<bool>> ensure();
  // Skips 1xx but 101. `to_head`: the answer to a HEAD has no body.
  boost::asio::awaitable<Result<ResponseHead>> readHead(bool to_head);
  bool bodyDone() const;
  bool hasBuffered() const;
  boost::asio::awaitable<Result<std::size_t>> readBody(std::span<char> out);  // as ClientLink's
  std::string takeBuffered();
  void shutdownSend();  // the connection is not used again after
  void close();
  // The request has been sent whole and its answer read whole: what comes next is another request's.
  void exchangeEnded() { clean_ = true; }
  // Lets others use the connection, if its last exchange has ended; closes it if not.
  void giveBack();

 private:
  struct Parsing;
  boost::asio::awaitable<Status> connect();

  boost::asio::any_io_executor executor_;
  std::string path_;
  Socket socket_;
  std::unique_ptr<Parsing> parsing_;
  IdleEngines& idle_;
  bool clean_ = false;
  bool spent_ = false;  // half-closed by us
};

}  // namespace ds01::gateway
