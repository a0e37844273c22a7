#include "mounts/pins/job.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

namespace ds01::mounts::pins {
namespace {

namespace json = boost::json;

constexpr std::array kCodes{ErrorCode::InvalidArgument, ErrorCode::NotFound,    ErrorCode::PermissionDenied,
                            ErrorCode::Conflict,        ErrorCode::Unavailable, ErrorCode::Timeout,
                            ErrorCode::Exhausted,       ErrorCode::Io,          ErrorCode::Malformed,
                            ErrorCode::Internal};

constexpr std::array kWhats{Job::What::Look, Job::What::Pin, Job::What::Release, Job::What::Sweep, Job::What::Check};

// As its place in the list.
template <typename List>
std::size_t placeOf(const List& list, const typename List::value_type& item) {
  return static_cast<std::size_t>(std::ranges::find(list, item) - list.begin());
}

json::value toJson(const std::optional<Error>& error) {
  if (!error) return nullptr;
  return json::object{{"code", placeOf(kCodes, error->code())}, {"message", error->message()}};
}

std::optional<Error> errorFrom(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  const json::object& object = value.as_object();
  const ErrorCode code = kCodes.at(object.at("code").to_number<std::size_t>());
  return Error(code, json::value_to<std::string>(object.at("message")));
}

template <typename List>
json::array toArray(const List& list) {
  json::array out;
  for (const auto& item : list) out.emplace_back(item);
  return out;
}

json::object toJson(const User& user) {
  return {
      {"uid", user.uid}, {"gid", user.gid}, {"gids", toArray(user.gids)}, {"login", user.login}, {"home", user.home}};
}

User userFrom(const json::object& object) {
  User user;
  user.uid = object.at("uid").to_number<std::uint32_t>();
  user.gid = object.at("gid").to_number<std::uint32_t>();
  user.gids = json::value_to<std::vector<std::uint32_t>>(object.at("gids"));
  user.login = json::value_to<std::string>(object.at("login"));
  user.home = json::value_to<std::string>(object.at("home"));
  return user;
}

Job jobFrom(const json::object& object) {
  Job job;
  job.what = kWhats.at(object.at("what").to_number<std::size_t>());
  job.user = userFrom(object.at("user").as_object());
  job.roots.home = object.at("home_is_root").as_bool();
  job.roots.directories = json::value_to<std::vector<std::string>>(object.at("roots"));
  job.listen = json::value_to<std::string>(object.at("listen"));
  job.engine = json::value_to<std::string>(object.at("engine"));
  job.directory = json::value_to<std::string>(object.at("directory"));
  job.view = {object.at("view_uid").to_number<std::uint32_t>(), object.at("view_gid").to_number<std::uint32_t>()};
  job.keep_same = object.at("keep_same").as_bool();
  for (const json::value& value : object.at("steps").as_array()) {
    const json::object& step = value.as_object();
    job.steps.push_back({json::value_to<std::string>(step.at("source")), json::value_to<std::string>(step.at("pin")),
                         step.at("create").as_bool(), step.at("read_only").as_bool(), step.at("map").as_bool()});
  }
  job.tokens = json::value_to<std::vector<std::string>>(object.at("tokens"));
  return job;
}

Report reportFrom(const json::object& object) {
  Report report{.error = errorFrom(object.at("error")),
                .found = {},
                .missing = json::value_to<std::vector<std::string>>(object.at("missing"))};
  for (const json::value& value : object.at("found").as_array()) {
    const json::object& found = value.as_object();
    report.found.push_back({.error = errorFrom(found.at("error")),
                            .path = json::value_to<std::string>(found.at("path")),
                            .socket = found.at("socket").as_bool(),
                            .replaced = found.at("replaced").as_bool(),
                            .writable = found.at("writable").as_bool(),
                            .shared = found.at("shared").as_bool(),
                            .mapped = found.at("mapped").as_bool(),
                            .alone = found.at("alone").as_bool(),
                            .owner = found.at("owner").to_number<std::uint32_t>()});
  }
  return report;
}

// Paths need not be UTF-8; both ends leave their bytes as they are.
template <typename T, typename From>
Result<T> decode(std::string_view text, From from) {
  if (text.size() > kLongestText) return fail(ErrorCode::Malformed, "too long");
  try {
    json::parse_options options;
    options.allow_invalid_utf8 = true;
    return from(json::parse(text, {}, options).as_object());
  } catch (const std::exception& error) {
    return fail(ErrorCode::Malformed, error.what());
  }
}

}  // namespace

std::string encode(const Job& job) {
  json::array steps;
  for (const Step& step : job.steps) {
    steps.push_back(json::object{{"source", step.source},
                                 {"pin", step.pin},
                                 {"create", step.create},
                                 {"read_only", step.read_only},
                                 {"map", step.map}});
  }
  return json::serialize(json::object{{"what", placeOf(kWhats, job.what)},
                                      {"user", toJson(job.user)},
                                      {"home_is_root", job.roots.home},
                                      {"roots", toArray(job.roots.directories)},
                                      {"listen", job.listen},
                                      {"engine", job.engine},
                                      {"directory", job.directory},
                                      {"view_uid", job.view.uid},
                                      {"view_gid", job.view.gid},
                                      {"keep_same", job.keep_same},
                                      {"steps", std::move(steps)},
                                      {"tokens", toArray(job.tokens)}});
}

std::string encode(const Report& report) {
  json::array list;
  for (const Found& found : report.found) {
    list.push_back(json::object{{"error", toJson(found.error)},
                                {"path", found.path},
                                {"socket", found.socket},
                                {"replaced", found.replaced},
                                {"writable", found.writable},
                                {"shared", found.shared},
                                {"mapped", found.mapped},
                                {"alone", found.alone},
                                {"owner", found.owner}});
  }
  return json::serialize(
      json::object{{"error", toJson(report.error)}, {"found", std::move(list)}, {"missing", toArray(report.missing)}});
}

Result<Job> decodeJob(std::string_view text) {
  return decode<Job>(text, jobFrom);
}

Result<Report> decodeReport(std::string_view text) {
  return decode<Report>(text, reportFrom);
}

}  // namespace ds01::mounts::pins
