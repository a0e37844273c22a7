// One end of an HTTP/2 connection (RFC 9113), by nghttp2: bytes in, events and bytes out; no socket. What is received
// is only acknowledged, so that more may come, when whoever got it says so: nothing is held beyond the windows.
//
// One thread. Nothing here throws but for want of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "buildkit/http2/call.h"

struct nghttp2_session;

namespace ds01::buildkit {

using StreamId = std::int32_t;

// The most streams that a caller may have open; each may hold a window (64 KiB) in each direction.
inline constexpr std::uint32_t kMostStreams = 32;
inline constexpr std::uint32_t kMaxHeaderBytes = 64U * 1024;

class Http2Side;

// Told while Http2Side::receive() and take() run; may submit, but not receive or take.
class Http2Events {
 public:
  Http2Events() = default;
  Http2Events(const Http2Events&) = delete;
  Http2Events& operator=(const Http2Events&) = delete;
  virtual ~Http2Events() = default;
  // The head of a request or an answer, or trailers; `end`: nothing follows.
  virtual void onHeaders(Http2Side& side, StreamId stream, Headers headers, bool end) = 0;
  virtual void onData(Http2Side& side, StreamId stream, std::string_view piece) = 0;
  // After onData().
  virtual void onEnd(Http2Side& side, StreamId stream) = 0;
  virtual void onClosed(Http2Side& side, StreamId stream, std::uint32_t error) = 0;
  // So many bytes of what was given to write() are on their way.
  virtual void onWritten(Http2Side& side, StreamId stream, std::size_t bytes) = 0;
};

class Http2Side {
 public:
  enum class Role { Server, Client };
  Http2Side(Role role, Http2Events& events);  // `events` outlives this
  Http2Side(const Http2Side&) = delete;
  Http2Side& operator=(const Http2Side&) = delete;
  ~Http2Side();

  // Malformed: the peer broke the protocol; what take() still gives tells it so.
  Status receive(std::string_view bytes);
  // What is to be sent, some `about` bytes at most; empty: nothing for now.
  std::string take(std::size_t about);

  // Of a client: opens a stream. `end`: no body. Unavailable when there can be no more.
  Result<StreamId> request(const Headers& headers, bool end);
  // Of a server.
  void respond(StreamId stream, const Headers& headers, bool end);
  void write(StreamId stream, std::string_view piece);
  void finish(StreamId stream, Headers trailers);
  void reset(StreamId stream, std::uint32_t error);
  // The peer may send as much more.
  void consumed(StreamId stream, std::size_t bytes);
  // Ends all streams and says so.
  void terminate(std::uint32_t error);

 private:
  struct Callbacks;  // what nghttp2 calls
  struct Head {
    Headers headers;
    std::size_t bytes = 0;
  };
  struct Body {
    std::string pending;
    bool ended = false;
    Headers trailers;
  };

  Role role_;
  Http2Events& events_;
  nghttp2_session* session_ = nullptr;
  std::map<StreamId, Head> heads_;   // being received
  std::map<StreamId, Body> bodies_;  // being sent
};

}  // namespace ds01::buildkit
