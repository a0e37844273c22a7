// Asks the daemon over its control socket. Blocks the calling thread; one connection a question.
//
// Errors, with a sentence for the user: Unavailable when the daemon does not run or does not answer, or says 503;
// Timeout; PermissionDenied when the socket may not be opened or the daemon says 403; NotFound for its 404 (an older
// daemon); Malformed when the answer cannot be read; Internal for other refusals.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "control/types.h"
#include "model/login_report.h"

namespace ds01::control {

class Client {
 public:
  explicit Client(std::string socket_path, std::chrono::milliseconds timeout = std::chrono::seconds{10})
      : socket_path_(std::move(socket_path)), timeout_(timeout) {}

  Result<StatusSnapshot> status() const;
  Result<ContainerList> containers() const;
  // An empty login: the caller's own.
  Result<LoginReport> loginReport(const std::string& login) const;

 private:
  Result<std::string> get(const std::string& target) const;

  std::string socket_path_;
  std::chrono::milliseconds timeout_;
};

}  // namespace ds01::control
