#include "slices/name_map.h"

#include <array>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/utf8.h"
#include "slices/names.h"

namespace ds01::slices {
namespace {

namespace json = boost::json;

constexpr std::int64_t kVersion = 1;
constexpr std::array<std::size_t, 4> kHashDigits{4, 8, 16, 32};

// All parts that a login can have, the usual one first.
Result<std::array<std::string, 1 + kHashDigits.size()>> formsOf(std::string_view login) {
  if (replaceInvalidUtf8(login) != login) {
    return fail(ErrorCode::InvalidArgument, "the login is not valid UTF-8, so no slice name can be made from it");
  }
  std::array<std::string, 1 + kHashDigits.size()> forms;
  Result<std::string> usual = sanitise(login);
  if (!usual) return fail(std::move(usual).error());
  forms[0] = *std::move(usual);
  for (std::size_t i = 0; i < kHashDigits.size(); ++i) {
    forms[i + 1] = sanitiseWithHash(login, kHashDigits[i]).value_or("");
  }
  return forms;
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::Malformed, std::string(what));
}

}  // namespace

Result<std::string> NameMap::propose(std::string_view login) const {
  if (auto known = find(login)) return *std::move(known);
  const auto forms = formsOf(login);
  if (!forms) return fail(forms.error());
  for (const std::string& form : *forms) {
    if (!taken(form)) return form;
  }
  return fail(ErrorCode::Conflict,
              fmt::format("every slice name that can be made from the login {} belongs to another login", login));
}

Result<std::string> NameMap::assign(std::string_view login) {
  Result<std::string> part = propose(login);
  if (part && !find(login)) put(login, *part);
  return part;
}

bool NameMap::learn(std::string_view login, std::string_view part) {
  if (const auto known = find(login)) return *known == part;
  const auto forms = formsOf(login);
  if (!forms || taken(part)) return false;
  for (const std::string& form : *forms) {
    if (form != part) continue;
    put(login, part);
    return true;
  }
  return false;
}

std::optional<std::string> NameMap::find(std::string_view login) const {
  const auto known = part_of_.find(login);
  return known == part_of_.end() ? std::nullopt : std::optional(known->second);
}

void NameMap::put(std::string_view login, std::string_view part) {
  part_of_.emplace(login, part);
  login_of_.emplace(part, login);
}

std::string encodeNames(const NameMap& map) {
  json::object names;
  for (const auto& [login, part] : map.names()) names[login] = part;
  return json::serialize(json::object{{"version", kVersion}, {"names", std::move(names)}}) + "\n";
}

Result<NameMap> decodeNames(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return malformed(error.message());
  const json::object* file = value.if_object();
  if (file == nullptr || file->size() != 2) return malformed("expected an object with version and names");
  const json::value* version = file->if_contains("version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != kVersion) {
    return malformed("version: expected 1");
  }
  const json::value* list = file->if_contains("names");
  const json::object* names = list == nullptr ? nullptr : list->if_object();
  if (names == nullptr) return malformed("names: expected an object");
  NameMap map;
  for (const auto& [login, part] : *names) {
    const std::string_view key(login.data(), login.size());
    if (!part.is_string() || !map.learn(key, std::string_view(part.get_string()))) {
      return malformed(fmt::format("names.{}: no part that this login can have, or another's", key));
    }
  }
  return map;
}

}  // namespace ds01::slices
