#include "gateway/session_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "admission/body_schema.h"
#include "admission/json_access.h"
#include "base/utf8.h"
#include "buildkit/solve_fields.h"
#include "docker/image_reference.h"
#include "gateway/build_query.h"

namespace ds01::gateway {

namespace json = boost::json;
using admission::shown;
using buildkit::SolveRequest;

namespace {

constexpr std::size_t kMostOptions = 900;  // of a kind
constexpr std::string_view kOurs = "client-session";

Denial bad(std::string text) {
  return {400, "build_query", std::move(text)};
}

std::string valueOf(const Target& target, std::string_view key) {
  const std::string* const value = target.get(key);
  return value != nullptr ? *value : std::string();
}

// ---- JSON within the query

std::expected<json::value, Denial> parsed(std::string_view key, const std::string& text) {
  if (text.empty()) return json::value();
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) return std::unexpected(bad(fmt::format("{} of this build is no JSON", key)));
  return value;
}

// `nothing`: what is meant by a null in place of a text.
std::optional<Denial> readTexts(const Target& target, std::string_view key, std::string_view prefix, bool skip_null,
                                SolveRequest& request) {
  std::expected<json::value, Denial> value = parsed(key, valueOf(target, key));
  if (!value) return std::move(value.error());
  if (value->is_null()) return std::nullopt;
  const json::object* const object = value->if_object();
  if (object == nullptr) return bad(fmt::format("{} of this build is no JSON object", key));
  if (object->size() > kMostOptions) return bad(fmt::format("more than {} {}", kMostOptions, key));
  for (const auto& [name, text] : *object) {
    if (text.is_null() && skip_null) continue;
    if (!text.is_string() && !text.is_null()) return bad(fmt::format("{} of this build are not all texts", key));
    request.options.insert_or_assign(std::string(prefix) + std::string(name),
                                     text.is_null() ? std::string() : std::string(text.get_string()));
  }
  return std::nullopt;
}

std::optional<Denial> readCaches(const Target& target, SolveRequest& request) {
  std::expected<json::value, Denial> value = parsed("cachefrom", valueOf(target, "cachefrom"));
  if (!value) return std::move(value.error());
  const json::array* const list = value->if_array();
  if (list == nullptr && !value->is_null()) return bad("cachefrom of this build is no JSON list");
  std::string joined;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json::value& name = list->at(i);
    if (!name.is_string()) return bad("cachefrom of this build are not all texts");
    joined += (i == 0 ? "" : ",") + std::string(name.get_string());
  }
  request.options.insert_or_assign("cache-from", std::move(joined));
  return std::nullopt;
}

// As go-units writes one: name=soft:hard.
std::expected<std::string, Denial> ulimitText(const json::object& ulimit) {
  std::string name;
  std::int64_t soft = 0;
  std::int64_t hard = 0;
  for (const auto& [key, value] : ulimit) {
    const std::string folded = admission::foldKey(std::string_view(key.data(), key.size()));
    std::int64_t* const number = folded == "soft" ? &soft : folded == "hard" ? &hard : nullptr;
    if (folded == "name" && value.is_string()) {
      name = std::string(value.get_string());
    } else if (number != nullptr && value.is_int64()) {
      *number = value.get_int64();
    } else if (!value.is_null()) {
      return std::unexpected(bad("the ulimits of this build (--ulimit) are not understood"));
    }
  }
  // It goes into a list with commas.
  if (name.empty() || !std::ranges::all_of(name, [](char c) { return c >= 'a' && c <= 'z'; })) {
    return std::unexpected(bad(fmt::format("--ulimit {} is none", shown(name))));
  }
  return fmt::format("{}={}:{}", name, soft, hard);
}

std::optional<Denial> readUlimits(const Target& target, SolveRequest& request) {
  std::expected<json::value, Denial> value = parsed("ulimits", valueOf(target, "ulimits"));
  if (!value) return std::move(value.error());
  if (value->is_null()) return std::nullopt;
  if (!value->is_array()) return bad("ulimits of this build is no JSON list");
  std::string joined;
  for (const json::value& element : value->get_array()) {
    if (!element.is_object()) return bad("the ulimits of this build (--ulimit) are not understood");
    std::expected<std::string, Denial> text = ulimitText(element.get_object());
    if (!text) return std::move(text.error());
    joined += (joined.empty() ? "" : ",") + *text;
  }
  if (!joined.empty()) request.options.insert_or_assign("ulimit", std::move(joined));
  return std::nullopt;
}

// ---- the rest

std::optional<Denial> readContext(const Target& target, SolveRequest& request) {
  const std::string id = valueOf(target, "buildid");
  const std::string remote = valueOf(target, "remote");
  if (remote == "upload-request" || id.starts_with("upload-request:")) {
    return bad("a build context may not come as an archive here; unpack it, and build from the folder");
  }
  if (remote != kOurs) {
    return Denial{
        403, "build_remote",
        "the Engine may not fetch a build context by itself; clone, download or unpack it and build from the folder"};
  }
  if (!id.empty() && !buildkit::isRef(id)) return bad("buildid is no name of a build");
  const std::string session = valueOf(target, "session");
  if (!buildkit::isRef(session)) return bad("session is no name of a session");
  request.rest += buildkit::sessionField(session);
  return std::nullopt;
}

std::optional<Denial> readNetwork(const Target& target, SolveRequest& request) {
  const std::string mode = valueOf(target, "networkmode");
  if (mode.empty() || mode == "default") return std::nullopt;
  if (mode != "none") {
    return Denial{400, "build_network",
                  fmt::format("BuildKit knows no network mode {}; leave --network away, or build with the classic "
                              "builder: DOCKER_BUILDKIT=0",
                              shown(mode))};
  }
  request.options.insert_or_assign("force-network-mode", mode);
  return std::nullopt;
}

std::optional<Denial> readHosts(const Target& target, SolveRequest& request) {
  std::string joined;
  for (const QueryItem& item : target.query) {
    if (item.key != "extrahosts") continue;
    const std::size_t colon = item.value.find(':');
    if (colon == 0 || colon >= item.value.size() - 1 || item.value.find(',') != std::string::npos) {
      return bad(fmt::format("--add-host {} is no name and address", shown(item.value)));
    }
    const std::string address = item.value.substr(colon + 1);
    if (address == "host-gateway") {
      return bad("--add-host with host-gateway is not known to this server for such a build; give the address");
    }
    joined += (joined.empty() ? "" : ",") + item.value.substr(0, colon) + "=" + address;
  }
  request.options.insert_or_assign("add-hosts", std::move(joined));
  return std::nullopt;
}

std::optional<Denial> readSizeOfShm(const Target& target, SolveRequest& request) {
  const std::string text = valueOf(target, "shmsize");
  if (text.empty()) return std::nullopt;
  std::int64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size()) return bad("shmsize of this build is no number");
  if (size > 0) request.options.insert_or_assign("shm-size", std::to_string(size));
  return std::nullopt;
}

std::optional<Denial> readPlatform(const Target& target, SolveRequest& request) {
  const std::string platform = valueOf(target, "platform");
  if (platform.empty()) return std::nullopt;
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-' || c == '/';
  };
  if (!std::ranges::all_of(platform, plain)) return bad(fmt::format("--platform {} is none", shown(platform)));
  request.options.insert_or_assign("platform", platform);
  return std::nullopt;
}

std::expected<std::string, Denial> readTags(const Target& target) {
  std::string joined;
  for (const QueryItem& item : target.query) {
    if (item.key != "t" || item.value.empty()) continue;
    const Result<docker::ImageReference> reference = docker::parseImageReference(item.value);
    if (!reference) return std::unexpected(Denial{400, "image_reference", reference.error().message()});
    if (!reference->digest.empty()) {
      return std::unexpected(Denial{400, "image_reference", "build tag cannot contain a digest"});
    }
    joined += (joined.empty() ? "" : ",") + reference->tagged();
  }
  return joined;
}

// One at most; without any the Engine keeps the image.
std::optional<Denial> readOutput(const Target& target, SessionQuery& query) {
  buildkit::Exporter exporter{.type = "moby", .attributes = {}, .id = ""};
  const std::expected<BuildOutputs, Denial> outputs = rewriteBuildOutputs(valueOf(target, "outputs"));
  if (!outputs) return outputs.error();
  const std::expected<json::value, Denial> value = parsed("outputs", outputs->text);
  if (!value) return value.error();
  const json::array* const list = value->if_array();
  if (list != nullptr && list->size() > 1) return bad("multiple outputs not supported");
  if (list != nullptr && !list->empty()) {
    const json::object& output = list->front().as_object();  // as it was written
    exporter.type = std::string(output.at("Type").as_string());
    for (const auto& [key, text] : output.at("Attrs").as_object()) {
      exporter.attributes.insert_or_assign(std::string(key), std::string(text.as_string()));
    }
    if (exporter.type == "cacheonly") exporter = {};
  }
  query.image = exporter.type == "moby" || exporter.type == "image";
  std::expected<std::string, Denial> tags = readTags(target);
  if (!tags) return std::move(tags.error());
  if (query.image && !tags->empty()) exporter.attributes.insert_or_assign("name", std::move(*tags));
  query.request.exporter = std::move(exporter);
  return std::nullopt;
}

// strconv.ParseBool.
bool saysTrue(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "true", "TRUE", "True"};
  return std::ranges::find(kTrue, text) != kTrue.end();
}

void readWords(const Target& target, SessionQuery& query) {
  buildkit::Attributes& options = query.request.options;
  const std::string file = valueOf(target, "dockerfile");
  if (!file.empty() && file != ".") options.insert_or_assign("filename", file);
  const std::string stage = valueOf(target, "target");
  if (!stage.empty()) options.insert_or_assign("target", stage);
  if (target.truthy("nocache")) options.insert_or_assign("no-cache", "");
  options.insert_or_assign("image-resolve-mode", target.truthy("pull") ? "pull" : "default");
  const auto inlined = options.find("build-arg:BUILDKIT_INLINE_CACHE");
  if (inlined != options.end() && saysTrue(inlined->second)) query.request.inline_cache = true;
  query.quiet = target.truthy("q");
}

std::optional<Denial> checkKeys(const Target& target) {
  // Those that BuildKit has no use for are passed over by the Engine, too.
  static constexpr std::array<std::string_view, 32> kKnown{
      "version",   "remote",   "session",    "buildid",    "t",           "dockerfile", "target",       "buildargs",
      "labels",    "nocache",  "pull",       "cachefrom",  "networkmode", "extrahosts", "platform",     "outputs",
      "shmsize",   "ulimits",  "q",          "rm",         "forcerm",     "memory",     "memswap",      "cpushares",
      "cpuperiod", "cpuquota", "cpusetcpus", "cpusetmems", "isolation",   "squash",     "cgroupparent", "securityopt"};
  for (const QueryItem& item : target.query) {
    if (std::ranges::find(kKnown, std::string_view(item.key)) == kKnown.end()) {
      return bad(fmt::format("{} of this build is not known to this server", shown(item.key)));
    }
    if (replaceInvalidUtf8(item.value) != item.value) return bad(fmt::format("{} of this build is no text", item.key));
  }
  if (target.truthy("squash")) return bad("squash is not supported by BuildKit; build in several stages instead");
  const std::string isolation = valueOf(target, "isolation");
  if (!isolation.empty() && isolation != "default") return bad("--isolation is not known to this server");
  return std::nullopt;
}

}  // namespace

std::expected<SessionQuery, Denial> readSessionQuery(const Target& target) {
  SessionQuery query;
  SolveRequest& request = query.request;
  request.frontend = "dockerfile.v0";
  std::optional<Denial> denial = checkKeys(target);
  if (!denial) denial = readContext(target, request);
  if (!denial) denial = readTexts(target, "buildargs", "build-arg:", true, request);
  if (!denial) denial = readTexts(target, "labels", "label:", false, request);
  for (const auto& read : {readCaches, readNetwork, readHosts, readSizeOfShm, readPlatform, readUlimits}) {
    if (!denial) denial = read(target, request);
  }
  if (!denial) denial = readOutput(target, query);
  if (denial) return std::unexpected(std::move(*denial));
  readWords(target, query);
  return query;
}

}  // namespace ds01::gateway
