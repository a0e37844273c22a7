#include "net/http_server.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace ds01::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using Protocol = asio::local::stream_protocol;
using Stream = beast::basic_stream<Protocol, asio::any_io_executor>;

// Beast's idea of a body (its type requirements "Body" and "BodyReader"): held, or passed on to a sink.
struct TakenBody {
  struct value_type {  // NOLINT(readability-identifier-naming): Beast calls it so
    std::string text;
    std::shared_ptr<HttpBodySink> sink;
  };

  class reader {  // NOLINT(readability-identifier-naming): Beast calls it so
   public:
    template <bool IsRequest, typename Fields>
    reader(http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>&, beast::error_code& ec) { ec = {}; }

    template <typename Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& ec) {
      ec = {};
      std::size_t taken = 0;
      for (const asio::const_buffer piece : beast::buffers_range_ref(buffers)) {
        const std::string_view bytes(static_cast<const char*>(piece.data()), piece.size());
        if (body_.sink) {
          body_.sink->take(bytes);
        } else {
          body_.text += bytes;
        }
        taken += piece.size();
      }
      return taken;
    }

    void finish(beast::error_code& ec) { ec = {}; }

   private:
    value_type& body_;
  };
};

using Parser = http::request_parser<TakenBody>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kMaxHeadBytes = 16 * 1024;
constexpr std::size_t kMostBuffered = 64 * 1024 * 1024;  // bodies are taken out as they come

HttpReply problem(int status, std::string_view sentence) {
  HttpReply reply;
  reply.status = status;
  reply.body = "{\"message\":\"" + std::string(sentence) + "\"}";
  return reply;
}

// What a request that cannot be read is answered with; nothing if the client has gone or said nothing in time.
std::optional<HttpReply> complaint(const boost::system::error_code& code) {
  if (code == http::error::body_limit) return problem(413, "the body is too long");
  if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    return problem(431, "the head is too long");
  }
  if (code == http::error::end_of_stream || code == http::error::partial_message) return std::nullopt;
  if (code.category() == make_error_code(http::error::bad_method).category()) return problem(400, "not HTTP");
  return std::nullopt;
}

asio::awaitable<HttpAnswer> handle(const HttpHandler& handler, const HttpRequest& request) try {
  co_return co_await handler(request);
} catch (const std::exception&) {
  co_return problem(500, "the request failed inside");
}

// Owns the connection, shared with the coroutine that watches for its end and with whoever wakes the producer.
class StreamBody final : public HttpBody, public std::enable_shared_from_this<StreamBody> {
 public:
  StreamBody(Stream stream, bool chunked, std::chrono::milliseconds write_timeout)
      : stream_(std::move(stream)),
        chunked_(chunked),
        write_timeout_(write_timeout),
        woken_(stream_.get_executor(), asio::steady_timer::time_point::max()) {}

  asio::awaitable<bool> write(std::string piece) override {
    if (gone_ || piece.empty()) co_return !gone_;
    stream_.expires_after(write_timeout_);
    boost::system::error_code code;
    std::size_t bytes = 0;
    if (chunked_) {
      std::tie(code, bytes) = co_await asio::async_write(stream_, http::make_chunk(asio::buffer(piece)), kToken);
    } else {
      std::tie(code, bytes) = co_await asio::async_write(stream_, asio::buffer(piece), kToken);
    }
    stream_.expires_never();
    if (code) gone_ = true;
    co_return !gone_;
  }

  asio::awaitable<bool> pause() override {
    while (!gone_ && !std::exchange(wake_, false)) {
      woken_.expires_at(asio::steady_timer::time_point::max());
      co_await woken_.async_wait(kToken);
    }
    co_return !gone_;
  }

  void wake() override {
    wake_ = true;
    woken_.cancel();
  }

  asio::awaitable<bool> writeHead(const std::string& content_type, unsigned version) {
    http::response<http::empty_body> head(http::status::ok, version);
    head.set(http::field::content_type, content_type);
    head.keep_alive(false);
    head.chunked(chunked_);
    http::response_serializer<http::empty_body> serializer(head);
    stream_.expires_after(write_timeout_);
    const auto [code, bytes] = co_await http::async_write_header(stream_, serializer, kToken);
    stream_.expires_never();
    gone_ = static_cast<bool>(code);
    co_return !gone_;
  }

  // Nothing more is expected of a client that reads a stream, so whatever can be read is its end or a mistake; bytes
  // are thrown away as they come.
  static asio::awaitable<void> watch(std::shared_ptr<StreamBody> body) {
    char scrap[256];
    for (;;) {
      const auto [code, bytes] = co_await body->stream_.socket().async_read_some(asio::buffer(scrap), kToken);
      if (code) break;
    }
    body->gone_ = true;
    body->woken_.cancel();
  }

  asio::awaitable<void> end() {
    if (chunked_ && !gone_) {
      stream_.expires_after(write_timeout_);
      co_await asio::async_write(stream_, http::make_chunk_last(), kToken);
    }
    breakOff();
  }

  void breakOff() {
    gone_ = true;
    boost::system::error_code ignored;
    stream_.socket().shutdown(Protocol::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);  // ends watch()
  }

 private:
  Stream stream_;
  const bool chunked_;
  const std::chrono::milliseconds write_timeout_;
  asio::steady_timer woken_;
  bool wake_ = false;
  bool gone_ = false;
};

asio::awaitable<void> answerStream(Stream stream, HttpStream answer, unsigned version, HttpServerOptions options) {
  const auto body = std::make_shared<StreamBody>(std::move(stream), version >= 11, options.write_timeout);
  if (!(co_await body->writeHead(answer.content_type, version))) co_return;
  asio::co_spawn(co_await asio::this_coro::executor, StreamBody::watch(body), asio::detached);
  try {
    co_await answer.produce(body);
  } catch (const std::exception&) {
    // What was sent cannot be taken back: the missing last chunk tells the client.
    body->breakOff();
    co_return;
  }
  co_await body->end();
}

// False: the connection cannot be used further.
asio::awaitable<bool> answer(Stream& stream, HttpReply reply, unsigned version, bool keep_alive, bool head_only) {
  http::response<http::string_body> message;
  message.version(version);
  message.result(static_cast<unsigned>(reply.status));
  message.keep_alive(keep_alive);
  if (!reply.body.empty()) message.set(http::field::content_type, reply.content_type);
  for (const auto& [name, value] : reply.headers) message.set(name, value);
  message.body() = std::move(reply.body);
  message.prepare_payload();
  if (head_only) message.body().clear();  // the length stays
  const auto [code, bytes] = co_await http::async_write(stream, message, kToken);
  co_return !code && keep_alive;
}

// One request and its answer; false when the connection is done. A stream takes the connection with it.
asio::awaitable<bool> serveOne(Stream& stream, beast::flat_buffer& buffer, const HttpHandler& handler,
                               const HttpServerOptions& options) {
  Parser parser;
  parser.header_limit(kMaxHeadBytes);
  parser.body_limit(options.max_body_bytes);
  if (options.open_sink) parser.get().body().sink = options.open_sink();
  if (options.keep_silent && buffer.size() == 0) {
    stream.expires_never();
    const auto [silent] = co_await stream.socket().async_wait(Protocol::socket::wait_read, kToken);
    if (silent) co_return false;
  }
  stream.expires_after(options.head_timeout);
  auto [code, bytes] = co_await http::async_read_header(stream, buffer, parser, kToken);
  if (!code && options.body_limit) {
    const auto& head = parser.get();
    const std::string_view target(head.target().data(), head.target().size());
    const std::string_view method(head.method_string().data(), head.method_string().size());
    const std::size_t limit = std::min(options.max_body_bytes, options.body_limit(method, target));
    parser.body_limit(limit);
    // The parser has looked at the length already, under the other limit.
    if (parser.content_length().value_or(0) > limit) code = http::error::body_limit;
  }
  if (!code && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, parser.get().version());
    std::tie(code, bytes) = co_await http::async_write(stream, go_on, kToken);
  }
  if (!code) {
    stream.expires_after(options.head_timeout);
    std::tie(code, bytes) = co_await http::async_read(stream, buffer, parser, kToken);
  }
  if (code) {
    if (std::optional<HttpReply> reply = complaint(code)) {
      co_await answer(stream, std::move(*reply), 11, false, false);
    }
    co_return false;
  }
  http::request<TakenBody>& message = parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.user_agent = std::string(message[http::field::user_agent]);
  request.body = std::move(message.body().text);
  request.sink = std::move(message.body().sink);
  const bool head_only = message.method() == http::verb::head;
  stream.expires_never();
  HttpAnswer reply = co_await handle(handler, request);
  if (auto* streamed = std::get_if<HttpStream>(&reply)) {
    co_await answerStream(std::move(stream), std::move(*streamed), message.version(), options);
    co_return false;
  }
  stream.expires_after(options.head_timeout);
  co_return co_await answer(stream, std::get<HttpReply>(std::move(reply)), message.version(), message.keep_alive(),
                            head_only);
}

}  // namespace

asio::awaitable<void> serveHttp(Protocol::socket socket, HttpHandler handler, HttpServerOptions options) {
  try {
    Stream stream(std::move(socket));
    beast::flat_buffer buffer{kMaxHeadBytes + std::min(options.max_body_bytes, kMostBuffered)};
    while (co_await serveOne(stream, buffer, handler, options)) {
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(Protocol::socket::shutdown_send, ignored);
  } catch (const std::exception&) {
    // Memory ran out or the session was cancelled: the connection closes, which is all the peer needs to know.
  }
}

}  // namespace ds01::net
