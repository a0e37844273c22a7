#include "mounts/pin_record.h"

#include <exception>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

namespace ds01::mounts {

namespace json = boost::json;

namespace {

constexpr std::int64_t kVersion = 1;

Result<PinRecord> recordFrom(const json::object& object) {
  if (object.at("version").to_number<std::int64_t>() != kVersion) return fail(ErrorCode::Malformed, "another version");
  PinRecord record;
  record.login = json::value_to<std::string>(object.at("login"));
  if (record.login.empty()) return fail(ErrorCode::Malformed, "no login");
  const json::array& view = object.at("view").as_array();
  record.view = {view.at(0).to_number<std::uint32_t>(), view.at(1).to_number<std::uint32_t>()};
  for (const json::value& value : object.at("sources").as_array()) {
    const json::object& source = value.as_object();
    record.sources.push_back({.source = json::value_to<std::string>(source.at("source")),
                              .bind = json::value_to<std::string>(source.at("bind")),
                              .create = source.at("create").as_bool(),
                              .read_only = source.at("read_only").as_bool(),
                              .mapped = source.at("mapped").as_bool()});
  }
  return record;
}

}  // namespace

std::string encodePins(const PinRecord& record) {
  json::array sources;
  for (const PinnedSource& source : record.sources) {
    sources.push_back(json::object{{"source", source.source},
                                   {"bind", source.bind},
                                   {"create", source.create},
                                   {"read_only", source.read_only},
                                   {"mapped", source.mapped}});
  }
  return json::serialize(json::object{{"version", kVersion},
                                      {"login", record.login},
                                      {"view", json::array{record.view.uid, record.view.gid}},
                                      {"sources", std::move(sources)}});
}

Result<PinRecord> decodePins(std::string token, std::string_view text) {
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // paths are bytes
  try {
    Result<PinRecord> record = recordFrom(json::parse(text, {}, options).as_object());
    if (record) record->token = std::move(token);
    return record;
  } catch (const std::exception& error) {
    return fail(ErrorCode::Malformed, error.what());
  }
}

}  // namespace ds01::mounts
