// One end of an HTTP/2 connection without a socket, which keeps what it is told.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "buildkit/http2/http2_side.h"

namespace ds01::test {

class Http2End final : public buildkit::Http2Events {
 public:
  using Headers = buildkit::Headers;
  using StreamId = buildkit::StreamId;
  struct Stream {
    Headers head;
    Headers trailers;
    std::string body;
    bool ended = false;
  };

  explicit Http2End(buildkit::Http2Side::Role role) : side(role, *this) {}
  buildkit::Http2Side side;
  std::map<StreamId, Stream> streams;

  void onHeaders(buildkit::Http2Side& /*side*/, StreamId id, Headers headers, bool end) override {
    Stream& stream = streams[id];
    (stream.head.empty() ? stream.head : stream.trailers) = std::move(headers);
    stream.ended = stream.ended || end;
  }
  void onData(buildkit::Http2Side& from, StreamId id, std::string_view piece) override {
    streams[id].body += piece;
    from.consumed(id, piece.size());
  }
  void onEnd(buildkit::Http2Side& /*side*/, StreamId id) override { streams[id].ended = true; }
  void onClosed(buildkit::Http2Side& /*side*/, StreamId id, std::uint32_t /*error*/) override {
    streams[id].ended = true;
  }
  void onWritten(buildkit::Http2Side& /*side*/, StreamId /*id*/, std::size_t /*bytes*/) override {}
};

}  // namespace ds01::test
