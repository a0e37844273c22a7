#include "control/client.h"

#include <cerrno>
#include <cstring>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "control/codec.h"
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

Error explain(const Error& error, const std::string& path) {
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
  const auto reply = net::exchangeBlocking({.socket_path = socket_path_, .timeout = timeout_},
                                           {.method = "GET", .target = target, .body = {}});
  if (!reply) return fail(explain(reply.error(), socket_path_));
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

}  // namespace ds01::control
