// Asks the daemon over its control socket. Blocks the calling thread; one connection a question.
//
// Errors, with a sentence for the user: Unavailable when the daemon does not run or does not answer, or says 503;
// Timeout; PermissionDenied when the socket may not be opened or the daemon says 403; NotFound for its 404 (an older
// daemon); Malformed when the answer cannot be read; Internal for other refusals.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/explanation.h"
#include "control/types.h"
#include "model/login_report.h"
#include "net/http_message.h"

namespace ds01::control {

class Client {
 public:
  explicit Client(std::string socket_path, std::chrono::milliseconds timeout = std::chrono::seconds{10})
      : socket_path_(std::move(socket_path)), timeout_(timeout) {}

  Result<StatusSnapshot> status() const;
  Result<ContainerList> containers() const;
  // An empty login: the caller's own.
  Result<LoginReport> loginReport(const std::string& login) const;
  Result<Info> info() const;
  // A decision's id, or a container's name or id.
  Result<Explanation> explain(const std::string& subject) const;

  struct EventQuery {
    std::string user = {};  // empty: any
    std::string type = {};
    std::string container = {};
    std::optional<TimePoint> since = {};
    std::optional<TimePoint> until = {};
    std::optional<std::int64_t> limit = {};
  };
  Result<EventList> events(const EventQuery& query) const;
  // Goes on until `on_event` returns false or the daemon ends; then Unavailable. `on_skipped`: so many were missed,
  // because they were read too slowly.
  Status followEvents(const EventQuery& query, const std::function<bool(EventRow)>& on_event,
                      const std::function<void(std::int64_t)>& on_skipped) const;

  // What would come of POST `target` with this body, sent by the Docker client `agent`.
  Result<Explanation> dryRun(const std::string& target, const std::string& agent, std::string body) const;

 private:
  Result<std::string> get(const std::string& target) const;
  Result<std::string> ask(net::HttpRequest request) const;

  std::string socket_path_;
  std::chrono::milliseconds timeout_;
};

}  // namespace ds01::control
