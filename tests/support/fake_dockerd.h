// A scripted HTTP peer on a real Unix socket, for everything that talks to the Engine. Its threads use blocking
// sockets, so it never shares a loop with the code under test.
//
//   FakeDockerd engine;
//   engine.answer("GET", "/info", 200, R"({"NCPU": 8})");       // a whole answer for a method and a target
//   engine.answerRaw("GET", "/events", "HTTP/1.1 200 OK\r\n…");  // these bytes, then the connection is closed
//   FakeDockerd odd([](FakeDockerd::Connection& peer) { … });    // full control over each connection
//
// What nobody scripted gets the Engine's own 404 {"message":"page not found"}.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "support/temp_dir.h"

namespace ds01::test {

class FakeDockerd {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in the order they came
    std::string body;                                          // chunks joined

    std::string header(std::string_view lower_case_name) const;  // "" if absent
  };

  class Connection {
   public:
    explicit Connection(int socket) : socket_(socket) {}
    // The next whole request; empty when the client has gone or what it sent is not HTTP.
    std::optional<Request> read();
    // At most `size` raw bytes as they come; "" at the end.
    std::string readSome(std::size_t size = 65536);
    bool send(std::string_view bytes);  // false: the client has gone
    // An answer with Content-Length and keep-alive.
    bool reply(int status, std::string_view body, std::string_view content_type = "application/json");
    void shutdownWrite();
    // Blocks until the client closes its side (what it sends meanwhile is dropped) or the fake is destroyed.
    void waitForClose();

   private:
    bool fill();
    std::optional<std::string> readBody(const Request& request);
    std::optional<std::string> readLine();
    std::optional<std::string> take(std::size_t size);

    int socket_;  // owned by the fake
    std::string buffer_;
  };

  using Handler = std::function<void(Connection&)>;                           // runs on a thread of its own
  using Answer = std::function<std::pair<int, std::string>(const Request&)>;  // status and JSON body

  FakeDockerd();
  explicit FakeDockerd(Handler handler);
  FakeDockerd(const FakeDockerd&) = delete;
  FakeDockerd& operator=(const FakeDockerd&) = delete;
  ~FakeDockerd();

  // `target` with a query matches exactly; without one it matches whatever the query is. The latest wins.
  void answer(std::string method, std::string target, int status, std::string body);
  void answer(std::string method, std::string target, Answer make);
  void answerRaw(std::string method, std::string target, std::string bytes);

  const std::string& socketPath() const;
  // What has been asked so far, in the order in which the heads came in. Scripted answers only.
  std::vector<Request> requests() const;
  std::size_t connections() const;  // accepted so far

 private:
  struct State;
  void start(Handler handler);
  static void serveScript(State& state, Connection& peer);

  TempDir dir_;
  std::shared_ptr<State> state_;
};

}  // namespace ds01::test
