#include "ownership/owners_document.h"

#include <map>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/time_text.h"

namespace ds01::ownership {
namespace {

namespace json = boost::json;

constexpr std::size_t kShortId = 12;

json::value textOrNull(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

json::object entryOf(const DocumentEntry& entry) {
  return {{"owner", textOrNull(entry.owner.owner)},
          {"owner_uid", entry.owner.uid ? json::value(*entry.owner.uid) : json::value(nullptr)},
          {"name", entry.name},
          {"ds01_managed", entry.proven},
          {"interface", entry.interface},
          {"has_gpu", entry.has_gpu},
          {"created_at", entry.created.empty() ? json::value(nullptr) : json::value(entry.created)},
          {"detection_method", std::string(toString(entry.owner.method))}};
}

// By key; null: the key is ambiguous. The strongest kind of key comes first.
using Keys = std::map<std::string, const DocumentEntry*, std::less<>>;

Keys keysOf(const std::vector<DocumentEntry>& containers) {
  Keys keys;
  for (const DocumentEntry& entry : containers) keys.insert_or_assign(entry.id.str(), &entry);
  Keys beginnings;
  for (const DocumentEntry& entry : containers) {
    const auto [at, fresh] = beginnings.try_emplace(entry.id.str().substr(0, kShortId), &entry);
    if (!fresh) at->second = nullptr;
  }
  keys.merge(beginnings);
  for (const DocumentEntry& entry : containers) {
    if (!entry.name.empty()) keys.try_emplace(entry.name, &entry);
  }
  return keys;
}

json::array namesOf(const std::vector<std::string>& names) {
  json::array out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

json::array flagged(const std::vector<DocumentEntry>& containers) {
  json::array out;
  for (const DocumentEntry& entry : containers) {
    if (!entry.has_gpu || entry.proven) continue;
    out.push_back(json::object{{"container_id", entry.id.str()},
                               {"container_name", entry.name},
                               {"owner", textOrNull(entry.owner.owner)},
                               {"interface", entry.interface},
                               {"detected_at", toRfc3339(entry.noticed)},
                               {"reason", entry.owner.owner ? "not made through DS01" : "no owner is known"}});
  }
  return out;
}

}  // namespace

std::string encode(const OwnersDocument& document) {
  json::object containers;
  for (const auto& [key, entry] : keysOf(document.containers)) {
    if (entry != nullptr) containers.emplace(key, entryOf(*entry));
  }
  return json::serialize(json::object{{"containers", std::move(containers)},
                                      {"admins", namesOf(document.admins)},
                                      {"service_users", namesOf(document.service_users)},
                                      {"flagged_gpu_containers", flagged(document.containers)},
                                      {"updated_at", toRfc3339(document.updated)}}) +
         "\n";
}

}  // namespace ds01::ownership
