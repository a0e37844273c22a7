#include "harness.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ds01::gateway::test {

std::string Reply::header(const std::string& lower_case_name) const {
  const auto it = headers.find(lower_case_name);
  return it == headers.end() ? std::string() : it->second;
}

Client::Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
  }
  const timeval limit{10, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string Client::readSome() {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  char piece[65536];
  const ssize_t got = ::recv(socket_.get(), piece, sizeof piece, 0);
  return got > 0 ? std::string(piece, static_cast<std::size_t>(got)) : std::string();
}

std::string Client::readNow() {
  char piece[65536];
  const ssize_t got = ::recv(socket_.get(), piece, sizeof piece, MSG_DONTWAIT);
  if (got > 0) buffer_.append(piece, static_cast<std::size_t>(got));
  return std::exchange(buffer_, {});
}

std::string Client::readExactly(std::size_t size) {
  std::string out = std::exchange(buffer_, {});
  while (out.size() < size) {
    std::string more = readSome();
    if (more.empty()) return out;
    out += more;
  }
  buffer_ = out.substr(size);
  out.resize(size);
  return out;
}

std::optional<std::string> Client::line() {
  std::string out;
  while (out.find("\r\n") == std::string::npos) {
    const std::string more = readSome();
    if (more.empty()) return std::nullopt;
    out += more;
  }
  const std::size_t end = out.find("\r\n");
  buffer_ = out.substr(end + 2);
  return out.substr(0, end);
}

std::optional<Reply> Client::read(bool to_head, bool interim) {
  Reply reply;
  const auto status = line();
  if (!status || status->size() < 12) return std::nullopt;
  reply.status = std::stoi(status->substr(9, 3));
  while (true) {
    const auto field = line();
    if (!field) return std::nullopt;
    if (field->empty()) break;
    const std::size_t colon = field->find(": ");
    std::string name = field->substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply.headers[name] = field->substr(colon + 2);
  }
  if (reply.status < 200) {
    if (interim || reply.status == 101) return reply;
    return read(to_head);
  }
  if (to_head || reply.status == 204 || reply.status == 304) return reply;
  if (reply.header("transfer-encoding") == "chunked") {
    while (true) {
      const auto size_line = line();
      if (!size_line) return std::nullopt;
      const std::size_t size = std::stoul(*size_line, nullptr, 16);
      const std::string chunk = readExactly(size);
      if (chunk.size() != size || !line()) return std::nullopt;
      if (size == 0) return reply;
      reply.body += chunk;
    }
  }
  if (const std::string length = reply.header("content-length"); !length.empty()) {
    reply.body = readExactly(std::stoul(length));
    if (reply.body.size() != std::stoul(length)) return std::nullopt;
  }
  return reply;
}

std::optional<Reply> Client::get(const std::string& target) {
  return request("GET", target);
}

std::optional<Reply> Client::request(const std::string& method, const std::string& target, const std::string& json) {
  std::string bytes = fmt::format("{} {} HTTP/1.1\r\nHost: docker\r\n", method, target);
  if (!json.empty()) bytes += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", json.size());
  if (!send(bytes + "\r\n" + json)) return std::nullopt;
  return read(method == "HEAD");
}

void Client::shutdownWrite() {
  ::shutdown(socket_.get(), SHUT_WR);
}

Harness::Harness(GatewayOptions options) : engine_(std::make_unique<ds01::test::FakeDockerd>()) {
  start(std::move(options));
}

Harness::Harness(ds01::test::FakeDockerd::Handler engine_handler, GatewayOptions options)
    : engine_(std::make_unique<ds01::test::FakeDockerd>(std::move(engine_handler))) {
  start(std::move(options));
}

void Harness::linkEngine() {
  std::filesystem::remove(enginePath());
  std::filesystem::create_symlink(engine_->socketPath(), enginePath());
}

void Harness::startEngine() {
  engine_ = std::make_unique<ds01::test::FakeDockerd>();
  linkEngine();
}

void Harness::start(GatewayOptions options) {
  linkEngine();
  socket_path_ = dir_.file("g.sock");
  options.engine_socket = enginePath();
  const Ports ports{identities, ownership, grants,    site,   paths, engine_client,
                    events,     clock,     computing, images, pins,  policies};
  gateway_ = std::make_unique<Gateway>(context_.get_executor(), ports, std::move(options));
  asio::local::stream_protocol::acceptor acceptor(context_, asio::local::stream_protocol::endpoint(socket_path_));
  asio::co_spawn(context_, gateway_->serve(std::move(acceptor)), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

std::size_t Harness::connections() {
  std::promise<std::size_t> answer;
  asio::post(context_, [&] { answer.set_value(gateway_->connections()); });
  return answer.get_future().get();
}

void Harness::stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] { gateway_->stop(); });
  thread_.join();  // the loop runs dry when the last session has ended
}

Harness::~Harness() {
  stop();
  grants.gates.clear();  // before the loop that they belong to
  engine_.reset();
}

}  // namespace ds01::gateway::test
