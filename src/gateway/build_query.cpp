#include "gateway/build_query.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/body_schema.h"
#include "admission/endpoints.h"

namespace ds01::gateway {

namespace json = boost::json;

namespace {

// As the Engine checks names of networks: [a-zA-Z0-9][a-zA-Z0-9_.-]*.
bool isPlainName(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, plain) && name.find_first_of("_.-") != 0;
}

// The Engine finds networks by id as well, also the host's.
bool mayBeId(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool given(const Target& target, std::string_view key) {
  const std::string* value = target.get(key);
  return value != nullptr && !value->empty();
}

Denial badOutputs(std::string_view why) {
  return {400, "build_outputs", fmt::format("the outputs of this build are not understood: {}", why)};
}

constexpr std::size_t kMostNames = 100;  // of one build

// Comma-separated, as BuildKit's exporters take it.
std::expected<std::string, Denial> rewriteNames(std::string_view names, std::vector<docker::ImageReference>& tags) {
  std::string out;
  while (!names.empty()) {
    if (tags.size() >= kMostNames) return std::unexpected(badOutputs("too many names for images"));
    const std::size_t comma = std::min(names.find(','), names.size());
    Result<docker::ImageReference> reference = docker::parseImageReference(names.substr(0, comma));
    if (!reference || !reference->digest.empty()) {
      return std::unexpected(badOutputs(fmt::format("\"{}\" is no name for an image", names.substr(0, comma))));
    }
    out += (out.empty() ? "" : ",") + reference->tagged();
    tags.push_back(std::move(*reference));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return out;
}

std::expected<json::object, Denial> rewriteOutput(const json::object& given,
                                                  std::vector<docker::ImageReference>& tags) {
  std::string type;
  json::object attributes;
  for (const auto& [key, value] : given) {
    const std::string folded = admission::foldKey(std::string_view(key.data(), key.size()));
    if (value.is_null()) continue;
    if (folded == "type" && value.is_string()) {
      type = std::string(value.get_string());
    } else if (folded == "attrs" && value.is_object()) {
      attributes = value.get_object();
    } else {
      return std::unexpected(badOutputs(fmt::format("unknown field \"{}\"", std::string_view(key))));
    }
  }
  buildkit::Attributes texts;
  for (const auto& [key, value] : attributes) {
    if (!value.is_string()) {
      return std::unexpected(badOutputs(fmt::format("the attribute \"{}\" is no text", std::string_view(key))));
    }
    texts.emplace(key, value.get_string());
  }
  if (std::optional<Denial> denial = examineOutput(type, texts, tags)) return std::unexpected(std::move(*denial));
  json::object written;
  for (const auto& [key, value] : texts) written.emplace(key, value);
  return json::object{{"Type", type}, {"Attrs", std::move(written)}};
}

}  // namespace

std::optional<Denial> checkBuildQuery(const Target& target, std::string_view default_runtime, RuleSet excused,
                                      bool buildkit_open) {
  const bool host = !excused.contains(RuleClass::Host);  // rules of that class hold
  // The classic builder's steps run under the default runtime, and NVIDIA's gives GPUs to whoever sets a variable in a
  // Dockerfile. BuildKit (version=2) has a runtime of its own.
  const std::string* version = target.get("version");
  const bool classic = version == nullptr || version->empty() || *version == "1";
  const bool buildkit = !classic;
  // A Dockerfile, an argument or an image can name a frontend there, which is the user's own program. BuildKit does not
  // check all that those ask for: with the Engines of Debian 12 and 13 they open any file of the host. Where it is
  // opened, we ask BuildKit ourselves (session_build.h).
  if (host && buildkit && !(buildkit_open && *version == "2")) {
    return Denial{
        403, "build_frontend",
        "BuildKit is closed here, because it has holes through which a build reaches the host; build with the "
        "classic builder: DOCKER_BUILDKIT=0"};
  }
  if (host && !buildkit && default_runtime != "runc") {
    return Denial{
        403, "build_runtime",
        fmt::format("the classic builder is closed here, because its steps would run under the runtime \"{}\"; "
                    "build with docker buildx build where that is open, or elsewhere",
                    default_runtime)};
  }
  if (!excused.contains(RuleClass::Ownership) && !buildkit && target.truthy("pull")) {
    return Denial{
        403, "build_pull",
        "the classic builder would move names of images that others use to what a registry has; pull the base "
        "image first (docker pull) and build without --pull"};
  }
  const std::string* mode = target.get("networkmode");
  if (host && mode != nullptr && !mode->empty() && (*mode == "host" || !isPlainName(*mode) || mayBeId(*mode))) {
    return Denial{
        403, "build_network",
        fmt::format("a build may not use the network \"{}\"; leave --network away, or name a network of yours", *mode)};
  }
  if (host && given(target, "securityopt")) {
    return Denial{403, "build_security_opt", "security options are not open to builds here; leave --security-opt away"};
  }
  if (host && given(target, "cgroupparent")) {
    return Denial{403, "build_cgroup_parent",
                  "the cgroup of a build is set by this server; leave --cgroup-parent away"};
  }
  if (given(target, "ulimits")) {
    if (std::optional<Denial> denial = admission::examineBuildUlimits(*target.get("ulimits"))) return denial;
  }
  // BuildKit's clients name their own session here; anything else is an address that the Engine would open.
  const std::string* remote = target.get("remote");
  if (host && remote != nullptr && !remote->empty() && *remote != "client-session") {
    return Denial{
        403, "build_remote",
        "the Engine may not fetch a build context by itself; clone, download or unpack it and build from the folder"};
  }
  return std::nullopt;
}

std::optional<Denial> examineOutput(std::string_view type, buildkit::Attributes& attributes,
                                    std::vector<docker::ImageReference>& tags) {
  static constexpr std::array<std::string_view, 7> kTypes{"", "local", "tar", "cacheonly", "moby", "image", "docker"};
  // Exporters have attributes that set names in other ways, and push; these say how the result is packed.
  static constexpr std::array<std::string_view, 11> kHarmless{"dest",
                                                              "load",
                                                              "compression",
                                                              "compression-level",
                                                              "force-compression",
                                                              "oci-mediatypes",
                                                              "buildinfo",
                                                              "buildinfo-attrs",
                                                              "rewrite-timestamp",
                                                              "platform-split",
                                                              "tar"};
  if (std::ranges::find(kTypes, type) == kTypes.end()) {
    return badOutputs(fmt::format("the kind \"{}\" is not open here; use local, tar or image", type));
  }
  // Compose says that it does not want it.
  const auto push = attributes.find("push");
  if (push != attributes.end() && push->second == "false") attributes.erase(push);
  for (auto& [name, value] : attributes) {
    if (std::ranges::find(kHarmless, name) != kHarmless.end() || name.starts_with("annotation")) continue;
    if (name != "name") return badOutputs(fmt::format("the attribute \"{}\" is not open here", name));
    std::expected<std::string, Denial> names = rewriteNames(value, tags);
    if (!names) return std::move(names.error());
    value = *names;
  }
  return std::nullopt;
}

Denial buildKitClosed() {
  return {
      .http_status = 403,
      .reason = "build_buildkit",
      .text =
          "BuildKit, by which buildx builds, is closed here, because it has holes through which a build reaches the "
          "host; use the classic builder: DOCKER_BUILDKIT=0",
      .remedy = "DOCKER_BUILDKIT=0 docker build ..."};
}

Denial buildsRunAsOwner() {
  // What a Dockerfile asks for is not looked at: the host's network in a step, by which root there could be handed open
  // files.
  return {.http_status = 403,
          .reason = "build_runs_as_owner",
          .text =
              "containers of your group run as their owner, and builds with BuildKit are closed to it; use the "
              "classic builder: DOCKER_BUILDKIT=0",
          .remedy = "DOCKER_BUILDKIT=0 docker build ..."};
}

std::expected<BuildOutputs, Denial> rewriteBuildOutputs(std::string_view text) {
  BuildOutputs out;
  if (text.empty()) return out;
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (!error && value.is_null()) return out;
  if (error || !value.is_array()) return std::unexpected(badOutputs("it is not a JSON list"));
  json::array list;
  for (const json::value& item : value.get_array()) {
    if (!item.is_object()) return std::unexpected(badOutputs("it holds something else than objects"));
    std::expected<json::object, Denial> output = rewriteOutput(item.get_object(), out.tags);
    if (!output) return std::unexpected(std::move(output.error()));
    list.push_back(std::move(*output));
  }
  out.text = json::serialize(list);
  return out;
}

std::optional<Denial> checkImageCreateQuery(const Target& target) {
  const std::string* source = target.get("fromSrc");
  if (source == nullptr || source->empty() || *source == "-") return std::nullopt;
  return Denial{
      403, "import_url",
      "the Engine may not fetch an archive by itself, because it would do so as root of this server; download it "
      "and give it to docker import"};
}

}  // namespace ds01::gateway
