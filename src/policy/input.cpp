#include "policy/input.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace ds01::policy {

namespace json = boost::json;

namespace {

json::value textOrNull(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

// "NAME=value" → "NAME"; what has no '=' is a name.
void keepNames(json::value* list) {
  json::array* const items = list != nullptr ? list->if_array() : nullptr;
  if (items == nullptr) return;
  for (json::value& item : *items) {
    const json::string* const text = item.if_string();
    if (text == nullptr) {
      item = nullptr;
      continue;
    }
    const std::string_view whole(*text);
    const std::size_t end = whole.find('=');
    if (end != std::string_view::npos) item = json::string(whole.substr(0, end));
  }
}

// {"key":"value"} → {"key":null}: which options there are, and not what they say.
void keepKeys(json::value* map) {
  json::object* const members = map != nullptr ? map->if_object() : nullptr;
  if (members == nullptr) return;
  for (auto& member : *members) member.value() = nullptr;
}

json::value* at(json::value* parent, std::string_view key) {
  json::object* const object = parent != nullptr ? parent->if_object() : nullptr;
  return object != nullptr ? object->if_contains(key) : nullptr;
}

void hideSecrets(json::value& body) {
  keepNames(at(&body, "Env"));                                       // create, exec, commit
  keepKeys(at(&body, "DriverOpts"));                                 // volumes: passwords of file servers
  keepKeys(at(&body, "Options"));                                    // networks
  keepKeys(at(at(at(&body, "HostConfig"), "LogConfig"), "Config"));  // tokens of log collectors
  json::value* const mounts = at(at(&body, "HostConfig"), "Mounts");
  json::array* const list = mounts != nullptr ? mounts->if_array() : nullptr;
  if (list == nullptr) return;
  for (json::value& mount : *list) keepKeys(at(at(at(&mount, "VolumeOptions"), "DriverConfig"), "Options"));
}

Result<json::value> bodyOf(const Question& question) {
  if (!question.body) return json::value(nullptr);
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kDeepestBody;
  json::value body = json::parse(*question.body, error, {}, options);
  if (error) return fail(ErrorCode::InvalidArgument, "the body cannot be read: " + error.message());
  hideSecrets(body);
  return body;
}

bool isSecret(std::string_view key) {
  static constexpr std::array<std::string_view, 5> kSecret{"buildargs", "remote", "labels", "changes", "fromSrc"};
  return std::ranges::find(kSecret, key) != kSecret.end();
}

// Every key has a list, because some come more than once.
json::object queryOf(const Question& question) {
  json::object out;
  for (const auto& [key, value] : question.query) {
    json::value& values = out[key];
    if (!values.is_array()) values = json::array();
    values.get_array().push_back(isSecret(key) ? json::value(nullptr) : json::value(value));
  }
  return out;
}

json::object userOf(const Question& question) {
  const Caller& caller = question.caller;
  json::array groups;
  for (const std::string& group : caller.user.groups) groups.emplace_back(group);
  return {{"login", caller.user.login},
          {"uid", caller.user.uid},
          {"groups", std::move(groups)},
          {"limits_group", textOrNull(question.limits_group)},
          {"admin", caller.admin},
          {"service", caller.service},
          {"from_container", textOrNull(caller.container ? caller.container->str() : "")}};
}

json::value targetOf(const Question& question) {
  if (!question.target) return nullptr;
  const Target& target = *question.target;
  return json::object{{"kind", target.kind},
                      {"id", target.id},
                      {"name", textOrNull(target.name)},
                      {"owner", textOrNull(target.owner.value_or(""))},
                      {"made_by", textOrNull(target.made_by)}};
}

json::array textsOf(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

json::value gpuOf(const Question& question) {
  if (!question.gpu) return nullptr;
  const Gpu& gpu = *question.gpu;
  return json::object{{"lease", gpu.lease.str()}, {"slots", textsOf(gpu.slots)}, {"uuids", textsOf(gpu.uuids)}};
}

}  // namespace

std::string_view toString(RequestClass what) {
  switch (what) {
    case RequestClass::Look:
      return "look";
    case RequestClass::Make:
      return "make";
    case RequestClass::Change:
      break;
  }
  return "change";
}

Result<std::string> encodeInput(const Question& question) {
  Result<json::value> body = bodyOf(question);
  if (!body) return fail(body.error());
  json::object request{
      {"method", question.method},       {"path", question.path},      {"pattern", textOrNull(question.pattern)},
      {"api", textOrNull(question.api)}, {"query", queryOf(question)}, {"class", toString(question.what)}};
  json::object input{{"version", kInputVersion}, {"decision", question.decision.str()},
                     {"user", userOf(question)}, {"request", std::move(request)},
                     {"body", std::move(*body)}, {"target", targetOf(question)},
                     {"gpu", gpuOf(question)}};
  json::object whole;
  whole["input"] = std::move(input);
  return json::serialize(whole);
}

}  // namespace ds01::policy
