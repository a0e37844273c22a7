#include "admission/labels.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "admission/container_type.h"
#include "admission/json_access.h"
#include "admission/pass.h"
#include "base/time_text.h"

namespace ds01::admission {
namespace {

namespace json = boost::json;

// Set always: between our look at the image and the Engine's, its tag can be moved to another image that has these.
constexpr std::array<std::string_view, 6> kDecisive{"ds01.lease",      "ds01.gpu.uuids", "ds01.protected",
                                                    "ds01.monitoring", kRunsAs,          kMadeBy};

constexpr std::size_t kMaxLabelBytes = 256UL * 1024;

bool reserved(std::string_view key) {
  if (key.starts_with("ds01.")) return !key.starts_with("ds01.request.");
  return key.starts_with("aime.mlc");
}

}  // namespace

std::map<std::string, std::string> ownerLabels(const User& owner) {
  return {{"ds01.user", owner.login}, {"ds01.uid", std::to_string(owner.uid)}, {"ds01.managed", "true"}};
}

std::optional<Denial> checkLabelSize(const json::object& labels) {
  std::size_t bytes = 0;
  for (const auto& label : labels) {
    bytes += label.key().size() + (label.value().is_string() ? label.value().get_string().size() : 0);
  }
  if (bytes <= kMaxLabelBytes) return std::nullopt;
  return malformed("labels_too_large",
                   fmt::format("the labels (--label) have {} bytes; {} are allowed together", bytes, kMaxLabelBytes));
}

void removeReservedLabels(json::object& labels) {
  std::vector<std::string> keys;
  for (const auto& label : labels) {
    const std::string_view key(label.key().data(), label.key().size());
    if (reserved(key)) keys.emplace_back(key);
  }
  for (const std::string& key : keys) labels.erase(key);
}

Verdict setLabels(Context& context) {
  json::value& value = context.body()["Labels"];
  if (value.is_null()) value = json::object();
  json::object* labels = value.if_object();
  if (labels == nullptr) return malformed("field_type", "Labels must be an object");
  for (const auto& label : *labels) {
    // Go reads null as "".
    if (!label.value().is_string() && !label.value().is_null()) {
      return malformed("field_type", "the values of Labels must be strings");
    }
  }
  if (std::optional<Denial> denial = checkLabelSize(*labels)) return denial;
  removeReservedLabels(*labels);
  for (const std::string_view key : kDecisive) (*labels)[key] = "";
  for (const std::string& key : context.facts.image_labels) {
    if (reserved(key)) (*labels)[key] = "";
  }
  for (const auto& [key, mark] : ownerLabels(ownerOf(context.facts))) (*labels)[key] = mark;
  if (context.out.as_owner) (*labels)[kRunsAs] = kAsOwner;
  if (context.out.ptrace) (*labels)[kConfinedBy] = "apparmor";
  (*labels)[kMadeBy] = madeBy(context.facts);
  std::string excused;
  for (const RuleClass rules : kRuleClasses) {
    if (context.excused(rules)) excused += (excused.empty() ? "" : ",") + std::string(toString(rules));
  }
  if (!excused.empty()) (*labels)[kExcused] = excused;
  (*labels)["ds01.container_type"] = containerType(*labels, context.facts.container_name, context.facts.user_agent);
  (*labels)["ds01.created_at"] = toRfc3339(context.facts.now);
  return std::nullopt;
}

}  // namespace ds01::admission
