#include "support/fake_dockerd.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ds01::test {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

struct FakeDockerd::State {
  struct Rule {
    std::string method;
    std::string target;
    Answer make;
    std::optional<std::string> raw;
  };

  std::string path;
  Fd listener;
  Handler handler;
  mutable std::mutex mutex;
  std::vector<Rule> rules;
  std::vector<Request> requests;
  std::vector<Fd> sockets;  // kept open until the end, so that a number is never used twice
  std::vector<std::thread> threads;
  bool stopping = false;
  std::thread acceptor;
};

std::string FakeDockerd::Request::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

bool FakeDockerd::Connection::fill() {
  char chunk[16384];
  ssize_t got = 0;
  do got = ::recv(socket_, chunk, sizeof chunk, 0);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> FakeDockerd::Connection::readLine() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::optional<std::string> FakeDockerd::Connection::take(std::size_t size) {
  while (buffer_.size() < size) {
    if (!fill()) return std::nullopt;
  }
  std::string out = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return out;
}

std::optional<std::string> FakeDockerd::Connection::readBody(const Request& request) {
  if (lower(request.header("transfer-encoding")) == "chunked") {
    std::string body;
    for (;;) {
      const auto line = readLine();
      if (!line) return std::nullopt;
      const std::size_t size = std::strtoul(line->c_str(), nullptr, 16);
      const auto chunk = take(size);
      if (!chunk || !readLine()) return std::nullopt;
      if (size == 0) return body;
      body += *chunk;
    }
  }
  const std::string length = request.header("content-length");
  return length.empty() ? std::string() : take(std::strtoul(length.c_str(), nullptr, 10));
}

std::optional<FakeDockerd::Request> FakeDockerd::Connection::read() {
  const auto first = readLine();
  if (!first) return std::nullopt;
  const std::size_t space = first->find(' ');
  const std::size_t last = first->rfind(' ');
  if (space == std::string::npos || last == space) return std::nullopt;
  Request request;
  request.method = first->substr(0, space);
  request.target = first->substr(space + 1, last - space - 1);
  for (;;) {
    const auto line = readLine();
    if (!line) return std::nullopt;
    if (line->empty()) break;
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos) return std::nullopt;
    request.headers.emplace_back(lower(line->substr(0, colon)),
                                 std::string(trim(std::string_view(*line).substr(colon + 1))));
  }
  auto body = readBody(request);
  if (!body) return std::nullopt;
  request.body = std::move(*body);
  return request;
}

std::string FakeDockerd::Connection::readSome(std::size_t size) {
  if (buffer_.empty() && !fill()) return {};
  return *take(std::min(size, buffer_.size()));
}

bool FakeDockerd::Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool FakeDockerd::Connection::reply(int status, std::string_view body, std::string_view content_type) {
  return send(fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", status, content_type,
                          body.size(), body));
}

void FakeDockerd::Connection::shutdownWrite() {
  ::shutdown(socket_, SHUT_WR);
}

void FakeDockerd::Connection::waitForClose() {
  do buffer_.clear();
  while (fill());
}

FakeDockerd::FakeDockerd() {
  start({});
}

FakeDockerd::FakeDockerd(Handler handler) {
  start(std::move(handler));
}

void FakeDockerd::start(Handler handler) {
  state_ = std::make_shared<State>();
  state_->path = dir_.file("d.sock");
  state_->handler = std::move(handler);
  state_->listener = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  state_->path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(state_->listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(state_->listener.get(), 128) != 0) {
    throw std::system_error(errno, std::generic_category(), "FakeDockerd " + state_->path);
  }
  state_->acceptor = std::thread([state = state_] {
    for (;;) {
      Fd socket(::accept4(state->listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket.valid()) return;
      const std::lock_guard lock(state->mutex);
      if (state->stopping) return;
      const int number = socket.get();
      state->sockets.push_back(std::move(socket));
      state->threads.emplace_back([state, number] {
        Connection peer(number);
        if (state->handler) {
          state->handler(peer);
        } else {
          serveScript(*state, peer);
        }
        ::shutdown(number, SHUT_RDWR);
      });
    }
  });
}

FakeDockerd::~FakeDockerd() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (const Fd& socket : state_->sockets) ::shutdown(socket.get(), SHUT_RDWR);
  }
  ::shutdown(state_->listener.get(), SHUT_RDWR);
  state_->acceptor.join();
  for (std::thread& thread : state_->threads) thread.join();
}

void FakeDockerd::serveScript(State& state, Connection& peer) {
  while (const auto request = peer.read()) {
    std::optional<State::Rule> found;
    {
      const std::lock_guard lock(state.mutex);
      state.requests.push_back(*request);
      const std::string path = request->target.substr(0, request->target.find('?'));
      for (const State::Rule& rule : state.rules) {
        if (rule.method != request->method) continue;
        if (rule.target == request->target || rule.target == path) found = rule;
      }
    }
    if (found && found->raw) {
      peer.send(*found->raw);
      return;
    }
    const auto [status, body] =
        found ? found->make(*request) : std::pair<int, std::string>(404, R"({"message":"page not found"})");
    if (!peer.reply(status, body)) return;
  }
}

void FakeDockerd::answer(std::string method, std::string target, int status, std::string body) {
  answer(std::move(method), std::move(target),
         [status, body = std::move(body)](const Request&) { return std::pair<int, std::string>(status, body); });
}

void FakeDockerd::answer(std::string method, std::string target, Answer make) {
  const std::lock_guard lock(state_->mutex);
  state_->rules.push_back({std::move(method), std::move(target), std::move(make), std::nullopt});
}

void FakeDockerd::answerRaw(std::string method, std::string target, std::string bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->rules.push_back({std::move(method), std::move(target), {}, std::move(bytes)});
}

const std::string& FakeDockerd::socketPath() const {
  return state_->path;
}

std::vector<FakeDockerd::Request> FakeDockerd::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::size_t FakeDockerd::connections() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sockets.size();
}

}  // namespace ds01::test
