// Who decides about the calls on an HTTP/2 connection, and the headers of calls.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "buildkit/grpc.h"

namespace ds01::buildkit {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Empty: it is not there. Several of that name count as one that nobody can have written: "a, b".
std::string valueOf(const Headers& headers, std::string_view name);

using CallId = std::uint64_t;  // counts within a connection

struct CallHead {
  std::string path;
  Headers headers;
};

enum class Handling {
  Pass,   // its messages go on as they come
  Whole,  // its one message is looked at first
};

// What goes on instead of a message that was looked at.
struct Examined {
  std::string message;
  // Sent to follow the call's work to its end when the caller no longer does: the path and message of another call,
  // whose answer ends with that work. Empty: ended() is not called.
  std::string watch_path;
  std::string watch_message;
};

// Reads what is answered to one call, message by message, and says what goes on instead.
class AnswerFilter {
 public:
  AnswerFilter() = default;
  AnswerFilter(const AnswerFilter&) = delete;
  AnswerFilter& operator=(const AnswerFilter&) = delete;
  virtual ~AnswerFilter() = default;
  virtual std::size_t longestMessage() const = 0;
  // A refusal ends the call: the caller gets it, and nothing more of the answer.
  virtual std::expected<std::string, Refusal> next(std::string_view message) = 0;
};

// One thread. Outlives the relay.
class Calls {
 public:
  Calls() = default;
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  virtual ~Calls() = default;
  virtual std::expected<Handling, Refusal> begin(const CallHead& head) = 0;
  virtual boost::asio::awaitable<std::expected<Examined, Refusal>> examine(CallId id, std::string path,
                                                                           std::string message) = 0;
  // The work of an examined call is over; `answer` is its message, empty if there was none. The caller learns after.
  virtual boost::asio::awaitable<void> ended(CallId id, std::string answer) = 0;
  // Null: the answer goes on as it comes.
  virtual std::unique_ptr<AnswerFilter> filterFor(const CallHead& /*head*/) { return nullptr; }
  // What goes on of a call's headers.
  virtual Headers headersFor(const CallHead& head, Handling handling) const;
  // What goes on of an answer's, and of its end's.
  virtual Headers answerHeadersFor(const Headers& headers) const;
};

// Of a user's call: those that clients are known to send.
Headers requestHeaders(const CallHead& head, Handling handling);
// Of a call of the Engine's: all but what is HTTP/2's own, and the leave to compress the answer.
Headers engineHeaders(const CallHead& head);
// What goes to the caller: all but what is HTTP/2's own.
Headers answerHeaders(const Headers& headers);
// The whole answer of a call that is refused.
Headers refusalHeaders(const Refusal& refusal);
// Its end, where the answer had begun.
Headers refusalTrailers(const Refusal& refusal);

}  // namespace ds01::buildkit
