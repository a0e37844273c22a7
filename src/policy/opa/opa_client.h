// A policy server's REST API (OPA, https://www.openpolicyagent.org/docs/rest-api): decisions and data, over a Unix
// socket of its own that nobody but root and the server can open. I/O thread only.
#pragma once

#include <chrono>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "net/http_client.h"
#include "policy/verdict.h"

namespace ds01::policy::opa {

struct OpaOptions {
  std::string socket_path;
  std::string decision;                    // "docker/authz/verdict": package and rule, by slashes
  std::chrono::milliseconds limit{1'000};  // for one decision
};

// Whether `path` is a socket that others than root and its own user cannot replace or open: it and the directory it
// lies in are closed to all others. A user who could put a server of his own there would decide what is allowed. Blocks
// on the file system. PermissionDenied: it is not safe, with the reason; else as the system says.
Status checkSocket(const std::string& path);

class OpaClient {
 public:
  OpaClient(boost::asio::any_io_executor executor, const OpaOptions& options);

  // `input` is what encodeInput() wrote. Unavailable, Timeout: not asked; Malformed: no decision in the answer.
  boost::asio::awaitable<Result<Answer>> ask(std::string input);

  // data.ds01.owners, as a whole. Its member "updated_at" is what ownersAsOf() tells.
  boost::asio::awaitable<Status> putOwners(std::string document);
  // Empty: the server has none (it has been started anew).
  boost::asio::awaitable<Result<std::string>> ownersAsOf();

 private:
  std::string decision_target_;
  net::HttpClient decisions_;
  net::HttpClient data_;  // with more time, and not in the way of decisions
};

}  // namespace ds01::policy::opa
