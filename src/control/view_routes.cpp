#include "control/view_routes.h"

#include <utility>

#include "control/codec.h"
#include "control/json_text.h"

namespace ds01::control {
namespace {

net::HttpReply reply(const boost::json::object& body) {
  return {.status = 200, .body = jsonText(body) + "\n"};
}

}  // namespace

void addViewRoutes(Router& router, const View& view) {
  Handler status = [&view](Request request) -> boost::asio::awaitable<net::HttpAnswer> {
    co_return reply(toJson(visibleTo(view.status(), request.caller.user.login, request.caller.admin)));
  };
  Handler containers = [&view](Request request) -> boost::asio::awaitable<net::HttpAnswer> {
    co_return reply(toJson(visibleTo(view.containers(), request.caller.user.login, request.caller.admin)));
  };
  router.add({.method = "GET", .pattern = "/v1/status", .handler = std::move(status)});
  router.add({.method = "GET", .pattern = "/v1/containers", .handler = std::move(containers)});
}

}  // namespace ds01::control
