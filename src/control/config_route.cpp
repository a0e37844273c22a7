#include "control/config_route.h"

#include <utility>

#include "control/json_text.h"
#include "control/report_codec.h"

namespace ds01::control {

void addConfigRoute(Router& router, ExplainLogin explain) {
  Handler handler = [explain = std::move(explain)](Request request) -> boost::asio::awaitable<net::HttpAnswer> {
    const std::string* asked = request.get("user");
    const std::string login = asked != nullptr ? *asked : request.caller.user.login;
    if (login.empty()) co_return errorReply(400, "ds01: user: expected a login");
    if (login != request.caller.user.login && !request.caller.admin) {
      co_return errorReply(403, "ds01: only the administrators may see what the configuration says about others");
    }
    net::HttpReply reply{.status = 200, .body = jsonText(toJson(explain(login))) + "\n"};
    co_return reply;
  };
  router.add({.method = "GET", .pattern = "/v1/config", .query = {"user"}, .handler = std::move(handler)});
}

}  // namespace ds01::control
