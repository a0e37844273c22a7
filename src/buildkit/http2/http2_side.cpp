#include "buildkit/http2/http2_side.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

namespace ds01::buildkit {

namespace {

std::string_view view(const std::uint8_t* text, std::size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

// nghttp2 copies names and values.
std::vector<nghttp2_nv> pairsOf(const Headers& headers) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(headers.size());
  const auto bytes = [](const std::string& text) {
    // Not written to.  NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  for (const auto& [name, value] : headers) {
    pairs.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return pairs;
}

}  // namespace

struct Http2Side::Callbacks {
  static Http2Side& side(void* data) { return *static_cast<Http2Side*>(data); }

  // As nghttp2 calls it: it is C, and nothing may be thrown through it. What is, for want of memory, ends the
  // connection.
  template <auto Callback>
  struct Guarded;
  template <typename Value, typename... Arguments, Value (*Callback)(Arguments...)>
  struct Guarded<Callback> {
    static Value call(Arguments... arguments) noexcept {
      try {
        return Callback(arguments...);
      } catch (...) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
      }
    }
  };

  static int beginHeaders(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* data) {
    side(data).heads_.insert_or_assign(frame->hd.stream_id, Head{});
    return 0;
  }

  static int header(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/,
                    void* data) {
    // Few bytes can stand for many: what counts is what is held.
    Head& head = side(data).heads_[frame->hd.stream_id];
    head.bytes += name_size + value_size + sizeof(Headers::value_type);
    if (head.bytes > kMaxHeaderBytes) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    head.headers.emplace_back(view(name, name_size), view(value, value_size));
    return 0;
  }

  static int frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* data) {
    Http2Side& self = side(data);
    const StreamId stream = frame->hd.stream_id;
    const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      Headers headers = std::move(self.heads_[stream].headers);
      self.heads_.erase(stream);
      self.events_.onHeaders(self, stream, std::move(headers), end);
    } else if (frame->hd.type == NGHTTP2_DATA && end) {
      self.events_.onEnd(self, stream);
    }
    return 0;
  }

  // The connection's window is given back at once, so that no stream stands in the way of the others.
  static int dataChunk(nghttp2_session* session, std::uint8_t /*flags*/, StreamId stream, const std::uint8_t* bytes,
                       std::size_t size, void* data) {
    nghttp2_session_consume_connection(session, size);
    Http2Side& self = side(data);
    self.events_.onData(self, stream, view(bytes, size));
    return 0;
  }

  static int closed(nghttp2_session* /*session*/, StreamId stream, std::uint32_t error, void* data) {
    Http2Side& self = side(data);
    self.heads_.erase(stream);
    self.bodies_.erase(stream);
    self.events_.onClosed(self, stream, error);
    return 0;
  }

  static ssize_t read(nghttp2_session* session, StreamId stream, std::uint8_t* out, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* /*source*/, void* data) {
    Http2Side& self = side(data);
    const auto found = self.bodies_.find(stream);
    if (found == self.bodies_.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    Body& body = found->second;
    const std::size_t count = std::min(size, body.pending.size());
    if (count == 0 && !body.ended) return NGHTTP2_ERR_DEFERRED;
    std::ranges::copy_n(body.pending.data(), static_cast<std::ptrdiff_t>(count), reinterpret_cast<char*>(out));
    body.pending.erase(0, count);
    if (body.pending.empty() && body.ended) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!body.trailers.empty()) {
        const std::vector<nghttp2_nv> pairs = pairsOf(body.trailers);
        if (nghttp2_submit_trailer(session, stream, pairs.data(), pairs.size()) == 0) {
          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
      }
    }
    if (count > 0) self.events_.onWritten(self, stream, count);
    return static_cast<ssize_t>(count);
  }

  static nghttp2_data_provider provider() {
    return {.source = {.ptr = nullptr}, .read_callback = &Guarded<&read>::call};
  }
};

Http2Side::Http2Side(Role role, Http2Events& events) : role_(role), events_(events) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_option_new(&options);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                          &Callbacks::Guarded<&Callbacks::beginHeaders>::call);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::Guarded<&Callbacks::header>::call);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &Callbacks::Guarded<&Callbacks::frame>::call);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                            &Callbacks::Guarded<&Callbacks::dataChunk>::call);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::Guarded<&Callbacks::closed>::call);
  nghttp2_option_set_no_auto_window_update(options, 1);
  // Closed streams are of no use: no priorities hang on them.
  nghttp2_option_set_no_closed_streams(options, 1);
  const bool server = role == Role::Server;
  if (server) {
    nghttp2_session_server_new2(&session_, callbacks, this, options);
  } else {
    nghttp2_session_client_new2(&session_, callbacks, this, options);
  }
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(options);
  const std::array<nghttp2_settings_entry, 2> settings{
      {{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderBytes},
       server ? nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMostStreams}
              : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}}};
  if (session_ != nullptr) nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
}

Http2Side::~Http2Side() {
  nghttp2_session_del(session_);
}

Status Http2Side::receive(std::string_view bytes) {
  if (session_ == nullptr) return fail(ErrorCode::Exhausted, "no memory for a connection of HTTP/2");
  const ssize_t read =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (read >= 0 && nghttp2_session_want_read(session_) != 0) return {};
  const char* const why = read < 0 ? nghttp2_strerror(static_cast<int>(read)) : "the connection has ended";
  return fail(ErrorCode::Malformed, fmt::format("HTTP/2: {}", why));
}

std::string Http2Side::take(std::size_t about) {
  std::string out;
  while (session_ != nullptr && out.size() < about) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    out += view(bytes, static_cast<std::size_t>(size));
  }
  return out;
}

Result<StreamId> Http2Side::request(const Headers& headers, bool end) {
  const std::vector<nghttp2_nv> pairs = pairsOf(headers);
  const nghttp2_data_provider provider = Callbacks::provider();
  const StreamId stream =
      nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), end ? nullptr : &provider, nullptr);
  if (stream < 0) return fail(ErrorCode::Unavailable, fmt::format("HTTP/2: {}", nghttp2_strerror(stream)));
  if (!end) bodies_.emplace(stream, Body{});
  return stream;
}

void Http2Side::respond(StreamId stream, const Headers& headers, bool end) {
  const std::vector<nghttp2_nv> pairs = pairsOf(headers);
  const nghttp2_data_provider provider = Callbacks::provider();
  if (!end) bodies_.emplace(stream, Body{});
  nghttp2_submit_response(session_, stream, pairs.data(), pairs.size(), end ? nullptr : &provider);
}

void Http2Side::write(StreamId stream, std::string_view piece) {
  const auto found = bodies_.find(stream);
  if (found == bodies_.end()) return;
  found->second.pending += piece;
  nghttp2_session_resume_data(session_, stream);
}

void Http2Side::finish(StreamId stream, Headers trailers) {
  const auto found = bodies_.find(stream);
  if (found == bodies_.end()) return;
  found->second.ended = true;
  found->second.trailers = std::move(trailers);
  nghttp2_session_resume_data(session_, stream);
}

void Http2Side::reset(StreamId stream, std::uint32_t error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error);
}

void Http2Side::consumed(StreamId stream, std::size_t bytes) {
  nghttp2_session_consume_stream(session_, stream, bytes);
}

void Http2Side::terminate(std::uint32_t error) {
  if (session_ != nullptr) nghttp2_session_terminate_session(session_, error);
}

}  // namespace ds01::buildkit
