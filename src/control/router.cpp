#include "control/router.h"

#include <string_view>

#include <fmt/format.h>

#include "control/codec.h"
#include "control/json_text.h"

namespace ds01::control {
namespace {

net::HttpReply reply(const boost::json::object& body) {
  return {.status = 200, .body = jsonText(body) + "\n"};
}

}  // namespace

net::HttpReply errorReply(int status, std::string_view message) {
  const boost::json::object body{{"api", kApiVersion}, {"message", message}};
  return {.status = status, .body = jsonText(body) + "\n"};
}

net::HttpReply handle(const net::HttpRequest& request, const Caller& caller, const View& view) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const bool status = path == "/v1/status";
  const bool containers = path == "/v1/containers";
  if (!status && !containers) return errorReply(404, fmt::format("ds01: there is no {} in this API", path));
  if (request.method != "GET") {
    return errorReply(405, fmt::format("ds01: {} allows GET only, not {}", path, request.method));
  }
  if (status) return reply(toJson(visibleTo(view.status(), caller.user.login, caller.admin)));
  return reply(toJson(visibleTo(view.containers(), caller.user.login, caller.admin)));
}

}  // namespace ds01::control
