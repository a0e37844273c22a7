#include "control/client.h"

#include <cerrno>
#include <cstring>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/time_text.h"
#include "control/codec.h"
#include "control/explanation_codec.h"
#include "control/report_codec.h"
#include "net/http_client.h"

namespace ds01::control {
namespace {

// Why a socket cannot be reached, as an errno; 0 if it can. Asked after an exchange has failed, for the sentence only.
int connectErrno(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return errno;
  // The cast is the socket API's own way of passing any kind of address.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
  return errno;
}

Error reachability(const Error& error, const std::string& path) {
  if (error.code() == ErrorCode::Timeout) {
    return {ErrorCode::Timeout, fmt::format("ds01d does not answer at {}: {}", path, error.message())};
  }
  if (error.code() == ErrorCode::Malformed) return error.context(fmt::format("cannot read the answer from {}", path));
  const int reason = connectErrno(path);
  switch (reason) {
    case ENOENT:
    case ENOTDIR:
      return {ErrorCode::Unavailable, fmt::format("ds01d is not running (no socket at {})", path)};
    case ECONNREFUSED:
      return {ErrorCode::Unavailable, fmt::format("ds01d is not running (nobody listens at {})", path)};
    case EACCES:
    case EPERM:
      return {ErrorCode::PermissionDenied, fmt::format("you may not open {}", path)};
    case ENAMETOOLONG:
      return {ErrorCode::InvalidArgument, fmt::format("the path of the socket is too long: {}", path)};
    default:
      return error.context(fmt::format("ds01d does not answer at {}", path));
  }
}

ErrorCode codeOf(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::PermissionDenied;
    case 404:
      return ErrorCode::NotFound;
    case 503:
      return ErrorCode::Unavailable;
    default:
      return ErrorCode::Internal;
  }
}

Error refusal(const net::HttpReply& reply) {
  boost::json::error_code error;
  const boost::json::value body = boost::json::parse(reply.body, error);
  if (!error && body.is_object()) {
    const boost::json::value* message = body.get_object().if_contains("message");
    if (message != nullptr && message->is_string()) return {codeOf(reply.status), std::string(message->get_string())};
  }
  return {codeOf(reply.status), fmt::format("ds01d answered with status {}", reply.status)};
}

// RFC 3986: unreserved characters stay.
std::string percentEncoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").contains(c);
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string eventsTarget(const Client::EventQuery& query) {
  std::string target = fmt::format("/v1/events?limit={}", query.limit.value_or(100));
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) target += fmt::format("&{}={}", key, percentEncoded(value));
  };
  add("user", query.user);
  add("type", query.type);
  add("container", query.container);
  add("since", query.since ? toRfc3339(*query.since) : "");
  add("until", query.until ? toRfc3339(*query.until) : "");
  return target;
}

// Cuts a stream into its lines.
class Lines {
 public:
  template <typename Take>
  bool feed(std::string_view piece, Take take) {
    rest_ += piece;
    for (std::size_t end = 0; (end = rest_.find('\n')) != std::string::npos;) {
      const std::string line = rest_.substr(0, end);
      rest_.erase(0, end + 1);
      if (!take(line)) return false;
    }
    return true;
  }

 private:
  std::string rest_;
};

bool tell(const std::string& line, const std::function<bool(EventRow)>& on_event,
          const std::function<void(std::int64_t)>& on_skipped, Status& problem) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  if (!error && value.is_object()) {
    const boost::json::value* skipped = value.get_object().if_contains("skipped");
    if (skipped != nullptr && skipped->is_int64()) {
      on_skipped(skipped->get_int64());
      return true;
    }
  }
  Result<EventRow> row = eventFromJson(value);  // of text that is no JSON: null, which is no object
  if (row) return on_event(std::move(*row));
  problem = fail(row.error().context("cannot read an event of ds01d"));
  return false;
}

template <typename T>
Result<T> decode(const std::string& body, Result<T> (*read)(const boost::json::value&)) {
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(body, error);
  if (error) return fail(ErrorCode::Malformed, "the answer of ds01d is not JSON: " + error.message());
  Result<T> result = read(value);
  if (!result) return fail(result.error().context("cannot read the answer of ds01d"));
  return result;
}

}  // namespace

Result<LoginReport> Client::loginReport(const std::string& login) const {
  const auto body = get(login.empty() ? "/v1/config" : "/v1/config?user=" + percentEncoded(login));
  return body ? decode(*body, loginReportFromJson) : fail(body.error());
}

Result<std::string> Client::get(const std::string& target) const {
  return ask({.method = "GET", .target = target, .body = {}});
}

Result<std::string> Client::ask(net::HttpRequest request) const {
  const auto reply = net::exchangeBlocking({.socket_path = socket_path_, .timeout = timeout_}, std::move(request));
  if (!reply) return fail(reachability(reply.error(), socket_path_));
  if (reply->status != 200) return fail(refusal(*reply));
  return reply->body;
}

Result<StatusSnapshot> Client::status() const {
  const auto body = get("/v1/status");
  return body ? decode(*body, statusFromJson) : fail(body.error());
}

Result<ContainerList> Client::containers() const {
  const auto body = get("/v1/containers");
  return body ? decode(*body, containersFromJson) : fail(body.error());
}

Result<Info> Client::info() const {
  const auto body = get("/v1/info");
  return body ? decode(*body, infoFromJson) : fail(body.error());
}

Result<Explanation> Client::explain(const std::string& subject) const {
  const auto body = get("/v1/explain/" + percentEncoded(subject));
  return body ? decode(*body, explanationFromJson) : fail(body.error());
}

Result<EventList> Client::events(const EventQuery& query) const {
  const auto body = get(eventsTarget(query));
  return body ? decode(*body, eventsFromJson) : fail(body.error());
}

Status Client::followEvents(const EventQuery& query, const std::function<bool(EventRow)>& on_event,
                            const std::function<void(std::int64_t)>& on_skipped) const {
  int status = 0;
  Lines lines;
  std::string refused;
  Status problem;
  const auto on_data = [&](std::string_view piece) {
    if (status != 200) {
      refused += piece;
      return true;
    }
    return lines.feed(piece, [&](const std::string& line) { return tell(line, on_event, on_skipped, problem); });
  };
  const Status ended = net::streamBlocking(
      {.socket_path = socket_path_, .timeout = timeout_},
      {.method = "GET", .target = eventsTarget(query) + "&follow=1", .body = {}}, [&](int got) { status = got; },
      on_data);
  if (!problem) return problem;
  if (status != 0 && status != 200) return fail(refusal({.status = status, .body = refused}));
  if (!ended) return fail(reachability(ended.error(), socket_path_));
  return {};
}

Result<Explanation> Client::dryRun(const std::string& target, const std::string& agent, std::string body) const {
  const auto answer = ask({.method = "POST",
                           .target = "/v1/dry-run?target=" + percentEncoded(target) + "&agent=" + percentEncoded(agent),
                           .body = std::move(body)});
  return answer ? decode(*answer, explanationFromJson) : fail(answer.error());
}

}  // namespace ds01::control
