#include "gateway/http_link.h"

#include <algorithm>
#include <cerrno>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "gateway/deadline.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kBufferBytes = kMaxHeadBytes + kPieceBytes;
constexpr std::size_t kMaxChunkLine = 16UL * 1024;  // size and extensions, trailers
constexpr int kConnectTries = 200;
constexpr std::chrono::milliseconds kConnectPause{10};

std::string_view view(const beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.data().size()};
}

Error ioError(const error_code& ec, std::string_view what) {
  return Error(ErrorCode::Io, fmt::format("{}: {}", what, ec.message()));
}

Error bodyError(const error_code& ec) {
  const bool malformed = ec.category() == error_code(http::error::end_of_stream).category();
  return Error(malformed ? ErrorCode::Malformed : ErrorCode::Io, fmt::format("read body: {}", ec.message()));
}

template <typename Parser>
asio::awaitable<Result<std::size_t>> readSome(Socket& socket, beast::flat_buffer& buffer, Parser& parser,
                                              std::span<char> out) {
  auto& body = parser.get().body();
  parser.eager(true);
  while (true) {
    body.data = out.data();
    body.size = out.size();
    body.more = true;
    error_code ec;
    while (buffer.size() > 0 && !parser.is_done() && !ec) {
      buffer.consume(parser.put(buffer.data(), ec));
    }
    const std::size_t count = out.size() - body.size;
    body.data = nullptr;
    body.size = 0;
    // What has come so far goes on at once; Beast's own read would wait for the next chunk's size.
    if (count > 0) co_return count;
    if (ec && ec != http::error::need_more && ec != http::error::need_buffer) co_return fail(bodyError(ec));
    if (parser.is_done()) co_return std::size_t{0};
    if (buffer.size() > kMaxChunkLine) co_return fail(ErrorCode::Malformed, "read body: a chunk's line is too long");
    const std::size_t got =
        co_await socket.async_read_some(buffer.prepare(kPieceBytes), asio::redirect_error(asio::use_awaitable, ec));
    buffer.commit(got);
    if (ec == asio::error::eof) {
      parser.put_eof(ec);
      if (ec) co_return fail(bodyError(ec));
    } else if (ec) {
      co_return fail(bodyError(ec));
    }
  }
}

// As Beast's own, whose first reads are small.
asio::awaitable<error_code> readHeader(Socket& socket, beast::flat_buffer& buffer,
                                       http::response_parser<http::buffer_body>& parser) {
  error_code ec;
  while (true) {
    if (buffer.size() > 0) {
      buffer.consume(parser.put(buffer.data(), ec));
      if (ec && ec != http::error::need_more) co_return ec;
      if (parser.is_header_done()) co_return error_code();
    }
    const std::size_t got =
        co_await socket.async_read_some(buffer.prepare(16UL * 1024), asio::redirect_error(asio::use_awaitable, ec));
    buffer.commit(got);
    if (ec == asio::error::eof) co_return parser.got_some() ? http::error::partial_message : http::error::end_of_stream;
    if (ec) co_return ec;
  }
}

std::string takeAll(beast::flat_buffer& buffer) {
  std::string out(view(buffer));
  buffer.consume(buffer.size());
  return out;
}

}  // namespace

asio::awaitable<Status> writeAll(Socket& socket, std::string_view first, std::string_view second,
                                 std::string_view third) {
  std::array<asio::const_buffer, 3> pieces{asio::buffer(first), asio::buffer(second), asio::buffer(third)};
  error_code ec;
  // Nearly always there is room for all of it, and no need to go through the loop.
  std::size_t sent = socket.write_some(pieces, ec);
  if (!ec && sent == asio::buffer_size(pieces)) co_return Status{};
  if (ec && ec != asio::error::would_block) co_return fail(ioError(ec, "write"));
  for (asio::const_buffer& piece : pieces) {
    const std::size_t gone = std::min(sent, piece.size());
    piece += gone;
    sent -= gone;
  }
  co_await asio::async_write(socket, pieces, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return fail(ioError(ec, "write"));
  co_return Status{};
}

asio::awaitable<Status> writeChunk(Socket& socket, std::string_view piece) {
  const std::string size = fmt::format("{:x}\r\n", piece.size());
  co_return co_await writeAll(socket, size, piece, "\r\n");
}

asio::awaitable<Status> writeLastChunk(Socket& socket) {
  co_return co_await writeAll(socket, "0\r\n\r\n");
}

bool hungUp(Socket& socket) {
  pollfd entry{socket.native_handle(), POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

struct ClientLink::Parsing {
  beast::flat_buffer buffer{kBufferBytes};
  std::optional<http::request_parser<http::buffer_body>> parser;
};

ClientLink::ClientLink(Socket socket) : socket_(std::move(socket)), parsing_(std::make_unique<Parsing>()) {
  error_code ignored;  // only of a socket that is closed, and then the first read says so
  socket_.non_blocking(true, ignored);
}
ClientLink::~ClientLink() = default;

asio::awaitable<std::expected<std::string, Denial>> ClientLink::readHead(std::chrono::milliseconds limit,
                                                                         Patience patience) {
  auto& buffer = parsing_->buffer;
  Deadline deadline(socket_);
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = headEnd(view(buffer), searched);
    if (end <= kMaxHeadBytes) {  // npos, not there yet, is larger
      std::string head(view(buffer).substr(0, end));
      buffer.consume(end);
      co_return head;
    }
    if (buffer.size() > kMaxHeadBytes || end != std::string_view::npos) {
      co_return std::unexpected(Denial{431, "malformed_http", "the request head is longer than 256 KiB"});
    }
    searched = buffer.size() > 3 ? buffer.size() - 3 : 0;
    if (buffer.size() > 0 || patience == Patience::Now) deadline.arm(limit);
    error_code ec;
    const std::size_t count =
        co_await socket_.async_read_some(buffer.prepare(16UL * 1024), asio::redirect_error(asio::use_awaitable, ec));
    buffer.commit(count);
    if (deadline.expired())
      co_return std::unexpected(Denial{408, "slow_head", "the request head did not arrive in time"});
    if (ec) {
      if (buffer.size() == 0 || ec != asio::error::eof) co_return std::string();
      co_return std::unexpected(Denial{400, "malformed_http", "the connection ended within the request head"});
    }
  }
}

Status ClientLink::beginBody(std::string_view head) {
  auto& parser = parsing_->parser.emplace();
  parser.header_limit(static_cast<std::uint32_t>(kMaxHeadBytes));
  parser.body_limit(boost::none);
  error_code ec;
  const std::size_t used = parser.put(asio::buffer(head), ec);
  if (ec && ec != http::error::need_more) return fail(ErrorCode::Malformed, ec.message());
  if (used != head.size() || !parser.is_header_done()) return fail(ErrorCode::Malformed, "head not understood");
  return {};
}

bool ClientLink::bodyDone() const {
  return !parsing_->parser || parsing_->parser->is_done();
}

asio::awaitable<Result<std::size_t>> ClientLink::readBody(std::span<char> out) {
  if (bodyDone()) co_return std::size_t{0};
  co_return co_await readSome(socket_, parsing_->buffer, *parsing_->parser, out);
}

std::string ClientLink::takeBuffered() {
  return takeAll(parsing_->buffer);
}

asio::awaitable<void> ClientLink::drain(std::chrono::milliseconds limit) {
  error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
  if (ec) co_return;
  Deadline deadline(socket_);
  deadline.arm(limit);
  const auto scratch = std::make_unique_for_overwrite<char[]>(kPieceBytes);
  while (!deadline.expired()) {
    co_await socket_.async_read_some(asio::buffer(scratch.get(), kPieceBytes),
                                     asio::redirect_error(asio::use_awaitable, ec));
    if (ec) break;
  }
}

struct EngineLink::Parsing {
  beast::flat_buffer buffer{kBufferBytes};
  std::optional<http::response_parser<http::buffer_body>> parser;
};

EngineLink::EngineLink(asio::any_io_executor executor, std::string path, IdleEngines& idle)
    : executor_(std::move(executor)),
      path_(std::move(path)),
      socket_(executor_),
      parsing_(std::make_unique<Parsing>()),
      idle_(idle) {}
EngineLink::~EngineLink() = default;

asio::awaitable<Result<bool>> EngineLink::ensure() {
  if (socket_.is_open()) {
    // Silence is the only good sign: an end, an error or bytes nobody asked for spoil the connection.
    if (silent(socket_) && clean_ && !spent_ && bodyDone() && !hasBuffered()) {
      clean_ = false;
      co_return true;
    }
    close();
  }
  parsing_->buffer.clear();
  parsing_->parser.reset();
  spent_ = false;
  clean_ = false;
  if (std::optional<Socket> idle = idle_.take()) {
    socket_ = std::move(*idle);
    co_return true;
  }
  const Status connected = co_await connect();
  if (!connected) co_return fail(connected.error());
  co_return false;
}

asio::awaitable<Status> EngineLink::connect() {
  if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) {
    co_return fail(ErrorCode::Unavailable, "the path does not fit a socket address");
  }
  const asio::local::stream_protocol::endpoint endpoint(path_);
  for (int attempt = 0;; ++attempt) {
    error_code ec;
    socket_.open(endpoint.protocol(), ec);
    if (!ec) socket_.non_blocking(true, ec);
    if (ec) co_return fail(ErrorCode::Unavailable, ec.message());
    // Asio takes the EAGAIN of a full backlog for a connection in progress (unix(7): connect does not wait then).
    if (::connect(socket_.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) {
      co_return Status{};
    }
    const int reason = errno;
    close();
    if (reason != EAGAIN || attempt >= kConnectTries) {
      co_return fail(ErrorCode::Unavailable, error_code(reason, boost::system::system_category()).message());
    }
    asio::steady_timer pause(executor_, kConnectPause);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
}

asio::awaitable<Result<ResponseHead>> EngineLink::readHead(bool to_head) {
  while (true) {
    auto& parser = parsing_->parser.emplace();
    parser.header_limit(static_cast<std::uint32_t>(kMaxHeadBytes));
    parser.body_limit(boost::none);
    parser.skip(to_head);
    if (const error_code ec = co_await readHeader(socket_, parsing_->buffer, parser); ec) {
      co_return fail(ioError(ec, "read answer"));
    }
    const auto& message = parser.get();
    const int status = static_cast<int>(message.result_int());
    if (status >= 100 && status < 200 && status != 101) continue;
    ResponseHead head;
    head.status = status;
    head.reason = std::string(message.reason());
    for (const auto& field : message) {
      head.fields.push_back({std::string(field.name_string()), std::string(field.value())});
    }
    head.keep_alive = message.keep_alive();
    head.has_body = !to_head && status >= 200 && status != 204 && status != 304;
    head.until_close = head.has_body && !message.chunked() && !parser.content_length();
    if (parser.content_length()) head.length = *parser.content_length();
    co_return head;
  }
}

bool EngineLink::bodyDone() const {
  return !parsing_->parser || parsing_->parser->is_done();
}
bool EngineLink::hasBuffered() const {
  return parsing_->buffer.size() > 0;
}

asio::awaitable<Result<std::size_t>> EngineLink::readBody(std::span<char> out) {
  if (bodyDone()) co_return std::size_t{0};
  co_return co_await readSome(socket_, parsing_->buffer, *parsing_->parser, out);
}

std::string EngineLink::takeBuffered() {
  return takeAll(parsing_->buffer);
}

void EngineLink::shutdownSend() {
  spent_ = true;
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void EngineLink::giveBack() {
  if (clean_ && !spent_ && socket_.is_open() && bodyDone() && !hasBuffered() && silent(socket_)) {
    idle_.give(std::move(socket_));
  }
  close();
}

void EngineLink::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace ds01::gateway
