#include "policy/opa/opa_client.h"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

namespace ds01::policy::opa {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds kDataLimit{10'000};
constexpr std::size_t kLongestAnswer = 64UL * 1024;
constexpr std::size_t kIdleConnections = 16;
constexpr const char* kOwners = "/v1/data/ds01/owners";

net::HttpClientOptions client(const OpaOptions& options, std::chrono::milliseconds limit) {
  net::HttpClientOptions out;
  out.socket_path = options.socket_path;
  out.timeout = limit;
  out.max_body_bytes = kLongestAnswer;
  out.max_idle_connections = kIdleConnections;
  return out;
}

Error unexpectedStatus(const net::HttpReply& reply) {
  // OPA says what is wrong with a policy in its body, e.g. two rules that disagree.
  boost::system::error_code error;
  const json::value value = json::parse(reply.body, error);
  const json::object* const object = error ? nullptr : value.if_object();
  const json::value* const message = object != nullptr ? object->if_contains("message") : nullptr;
  const std::string_view text =
      message != nullptr && message->is_string() ? std::string_view(message->get_string()) : std::string_view();
  return {reply.status >= 500 ? ErrorCode::Unavailable : ErrorCode::Malformed,
          fmt::format("the policy server answered {}: {}", reply.status, text.empty() ? "(no reason given)" : text)};
}

Status closedToOthers(const std::string& path, const struct stat& about) {
  if ((about.st_mode & S_IWOTH) == 0 && (about.st_mode & S_IWGRP) == 0) return {};
  return fail(ErrorCode::PermissionDenied, fmt::format("{} can be written by others than its owner", path));
}

}  // namespace

Status checkSocket(const std::string& path) {
  struct stat socket{};
  if (::lstat(path.c_str(), &socket) != 0) return fail(Error::fromErrno(errno, path));
  if (!S_ISSOCK(socket.st_mode)) return fail(ErrorCode::PermissionDenied, path + " is not a socket");
  // Up to the root: whoever can write to a directory on the way can put another one in its place. In a sticky one
  // (/tmp) everybody may make what is not there, and nobody may replace what is root's.
  bool hidden = (socket.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  const uid_t server = socket.st_uid;
  uid_t below = server;
  for (std::filesystem::path at = std::filesystem::path(path).parent_path();; at = at.parent_path()) {
    struct stat directory{};
    if (::lstat(at.c_str(), &directory) != 0) return fail(Error::fromErrno(errno, at.native()));
    if (!S_ISDIR(directory.st_mode)) return fail(ErrorCode::PermissionDenied, at.native() + " is not a directory");
    if (directory.st_uid != 0 && directory.st_uid != server) {
      return fail(ErrorCode::PermissionDenied, fmt::format("{} belongs to uid {}, which is neither root nor the server",
                                                           at.native(), directory.st_uid));
    }
    const bool sticky = (directory.st_mode & S_ISVTX) != 0 && directory.st_uid == 0 && below == 0;
    if (!sticky) {
      if (const Status closed = closedToOthers(at.native(), directory); !closed) return closed;
    }
    below = directory.st_uid;
    hidden = hidden || (directory.st_mode & (S_IXGRP | S_IXOTH)) == 0;
    if (at == at.root_path()) break;
  }
  if (hidden) return {};
  return fail(ErrorCode::PermissionDenied,
              fmt::format("{} can be opened by others than root and its owner, who could change the data that policies "
                          "decide on; start OPA with --unix-socket-perm 700, or in a directory of mode 0700",
                          path));
}

OpaClient::OpaClient(asio::any_io_executor executor, const OpaOptions& options)
    : decision_target_("/v1/data/" + options.decision),
      decisions_(executor, client(options, options.limit)),
      data_(std::move(executor), client(options, kDataLimit)) {}

asio::awaitable<Result<Answer>> OpaClient::ask(std::string input) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = decision_target_;
  request.body = std::move(input);
  const Result<net::HttpReply> reply = co_await decisions_.exchange(std::move(request));
  if (!reply) co_return fail(reply.error());
  if (reply->status != 200) co_return fail(unexpectedStatus(*reply));
  co_return decodeAnswer(reply->body);
}

asio::awaitable<Status> OpaClient::putOwners(std::string document) {
  net::HttpRequest request;
  request.method = "PUT";
  request.target = kOwners;
  request.body = std::move(document);
  const Result<net::HttpReply> reply = co_await data_.exchange(std::move(request));
  if (!reply) co_return fail(reply.error());
  if (reply->status != 204 && reply->status != 304) co_return fail(unexpectedStatus(*reply));
  co_return Status{};
}

asio::awaitable<Result<std::string>> OpaClient::ownersAsOf() {
  net::HttpRequest request;
  request.target = std::string(kOwners) + "/updated_at";
  const Result<net::HttpReply> reply = co_await data_.exchange(std::move(request));
  if (!reply) co_return fail(reply.error());
  if (reply->status != 200) co_return fail(unexpectedStatus(*reply));
  boost::system::error_code error;
  const json::value value = json::parse(reply->body, error);
  const json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr) co_return fail(ErrorCode::Malformed, "the policy server's answer is not a JSON object");
  const json::value* const result = object->if_contains("result");
  if (result == nullptr || !result->is_string()) co_return std::string();
  co_return std::string(result->get_string());
}

}  // namespace ds01::policy::opa
