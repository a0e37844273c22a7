#include "gateway/restart_policy.h"

#include <string>

namespace ds01::gateway {

namespace json = boost::json;

std::optional<RestartPolicy> policyIn(const json::object& update) {
  const json::value* member = update.if_contains("RestartPolicy");
  const json::object* policy = member != nullptr ? member->if_object() : nullptr;
  if (policy == nullptr) return std::nullopt;
  RestartPolicy out;
  if (const json::value* name = policy->if_contains("Name"); name != nullptr && name->is_string()) {
    out.name = std::string(name->get_string());
  }
  if (const json::value* retries = policy->if_contains("MaximumRetryCount"); retries != nullptr) {
    if (!retries->is_int64() && !retries->is_null()) return std::nullopt;
    out.max_retries = retries->is_int64() ? retries->get_int64() : 0;
  }
  const bool on_failure = out.name == "on-failure";
  const bool known = on_failure || out.name == "always" || out.name == "unless-stopped" || out.name == "no";
  if (!known || out.max_retries < 0 || (out.max_retries > 0 && !on_failure)) return std::nullopt;
  return out;
}

void showPolicy(json::value& inspected, const RestartPolicy& wanted) {
  json::object* const container = inspected.if_object();
  json::value* const member = container != nullptr ? container->if_contains("HostConfig") : nullptr;
  json::object* const host = member != nullptr ? member->if_object() : nullptr;
  if (host == nullptr) return;
  (*host)["RestartPolicy"] = json::object{{"Name", wanted.name}, {"MaximumRetryCount", wanted.max_retries}};
}

}  // namespace ds01::gateway
