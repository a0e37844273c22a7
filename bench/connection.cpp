#include "connection.h"

#include <array>
#include <memory>
#include <stdexcept>

#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

namespace ds01::bench {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t kPiece = 1U << 18;

}  // namespace

Connection::Connection(const std::string& path) {
  socket_.connect(asio::local::stream_protocol::endpoint(path));
}

void Connection::send(std::string_view method, std::string_view target, std::string_view more_head,
                      std::string_view body) {
  const std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: docker\r\nUser-Agent: ds01-bench\r\n{}\r\n", method, target, more_head);
  const std::array<asio::const_buffer, 2> pieces{asio::buffer(head), asio::buffer(body)};
  asio::write(socket_, pieces);
}

Answer Connection::ask(std::string_view method, std::string_view target, std::string_view body, std::string_view type) {
  std::string more;
  if (!body.empty()) more = fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", type, body.size());
  if (body.empty() && method != "GET") more = "Content-Length: 0\r\n";
  send(method, target, more, body);
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  http::read(socket_, buffer_, parser);
  return {parser.get().result_int(), std::move(parser.get().body())};
}

std::uint64_t Connection::download(std::string_view target, unsigned expected) {
  send("GET", target, "", "");
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  http::read_header(socket_, buffer_, parser);
  if (parser.get().result_int() != expected) {
    throw std::runtime_error(fmt::format("GET {}: {}", target, parser.get().result_int()));
  }
  const auto piece = std::make_unique_for_overwrite<char[]>(kPiece);
  std::uint64_t bytes = 0;
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = piece.get();
    body.size = kPiece;
    boost::system::error_code ec;
    http::read(socket_, buffer_, parser, ec);
    if (ec && ec != http::error::need_buffer) throw boost::system::system_error(ec);
    bytes += kPiece - body.size;
  }
  return bytes;
}

void Connection::openStream(std::string_view method, std::string_view target, bool upgrade) {
  std::string more = method == "GET" ? "" : "Content-Length: 0\r\n";
  if (upgrade) more += "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  send(method, target, more, "");
  http::response_parser<http::empty_body> parser;
  http::read_header(socket_, buffer_, parser);
  const unsigned status = parser.get().result_int();
  if (status != (upgrade ? 101U : 200U)) throw std::runtime_error(fmt::format("{} {}: {}", method, target, status));
}

void Connection::readStream(std::uint64_t bytes) {
  const auto piece = std::make_unique_for_overwrite<char[]>(kPiece);
  std::uint64_t have = buffer_.size();
  buffer_.consume(buffer_.size());
  while (have < bytes) have += socket_.read_some(asio::buffer(piece.get(), kPiece));
}

}  // namespace ds01::bench
