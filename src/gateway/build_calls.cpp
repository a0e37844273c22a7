#include "gateway/build_calls.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "admission/body_schema.h"
#include "buildkit/http2/call_relay.h"
#include "gateway/build_query.h"
#include "gateway/handlers.h"
#include "gateway/solve_permit.h"

namespace ds01::gateway {

namespace asio = boost::asio;
using buildkit::Examined;
using buildkit::GrpcCode;
using buildkit::Refusal;

namespace {

constexpr std::string_view kStatus = "/moby.buildkit.v1.Control/Status";
constexpr std::size_t kMostBuilds = 256;  // of one connection
// Windows of the streams, messages that are looked at, and what waits to be written.
constexpr std::size_t kConnectionBytes = 8UL * 1024 * 1024;

GrpcCode codeOf(const Denial& denial) {
  if (denial.reason == "build_call") return GrpcCode::Unimplemented;
  switch (denial.http_status) {
    case 400:
      return GrpcCode::InvalidArgument;
    case 502:
    case 503:
      return GrpcCode::Unavailable;
    default:
      return GrpcCode::PermissionDenied;
  }
}

std::optional<Denial> whyClosed(buildkit::Method method, const std::string& path) {
  using enum buildkit::Method;
  if (method == Du) {
    return Denial{403, "build_cache",
                  "the build cache is everybody's and tells what others build, so only the administrators of this "
                  "server can look at it; docker system df shows what is yours"};
  }
  if (method == Prune) {
    return Denial{403, "build_cache",
                  "the build cache is everybody's, so only the administrators of this server can empty it"};
  }
  if (method == Unknown) {
    return Denial{403, "build_call", fmt::format("{} is not open to users of this server", path)};
  }
  return std::nullopt;
}

Denial notUnderstood(const Error& error) {
  return {400, "build_request", fmt::format("this build is not understood: {}", error.message())};
}

// BuildKit's own; others are images that it runs.
constexpr std::string_view kDockerfile = "dockerfile.v0";

// What a frontend takes as files to build from. An address is what the Engine would fetch and unpack as root of the
// host, and where the Dockerfile may be a device; a folder of the client's comes by its session, which is looked at.
std::optional<Denial> examineContexts(const buildkit::Attributes& options) {
  static constexpr std::string_view kNamed = "context:";
  // Under which other option, and name of a local folder, the context would be.
  for (const auto& [key, usual] : {std::pair("contextkey", "context"), std::pair("dockerfilekey", "dockerfile")}) {
    const auto found = options.find(key);
    if (found == options.end() || found->second == usual) continue;
    return Denial{403, "build_remote", fmt::format("a build's option \"{}\" can only be \"{}\" here", key, usual)};
  }
  for (const auto& [key, value] : options) {
    const bool named = key.starts_with(kNamed);
    const bool open = value.empty() || (named && (value.starts_with("docker-image://") || value.starts_with("local:")));
    if ((named || key == "context") && !open) {
      return Denial{
          403, "build_remote",
          fmt::format("the Engine may not fetch a build context by itself (\"{}\"); clone, download or unpack "
                      "it and build from the folder",
                      value)};
    }
  }
  return std::nullopt;
}

bool isHostEntry(std::string_view entry) {
  const auto letter = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto of_name = [&](char c) { return letter(c) || c == '.' || c == '-' || c == '_'; };
  const auto of_address = [&](char c) { return letter(c) || c == '.' || c == ':'; };
  const std::size_t equals = entry.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == entry.size()) return false;
  return std::ranges::all_of(entry.substr(0, equals), of_name) &&
         std::ranges::all_of(entry.substr(equals + 1), of_address);
}

// BuildKit keeps what a step has made for all who ask for the same step. What the variables for proxies made of it is
// not compared, but the names of hosts are: with one of his own each user has what his own builds made. A cache that is
// brought along says itself what it is of, and would be kept for all: builds go without.
std::optional<Denial> setCacheOwner(buildkit::Attributes& options, std::uint32_t uid) {
  static constexpr std::string_view kPrefix = "ds01-uid-";
  const std::string own = fmt::format("{}{}=127.0.0.1", kPrefix, uid);
  std::string written;
  std::string_view rest = options["add-hosts"];
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    if (entry == own) continue;  // from a build that was written here before
    if (!isHostEntry(entry) || admission::foldKey(entry).starts_with(kPrefix)) {
      return Denial{403, "build_host",
                    "a build's hosts are names with addresses, and none of this server's own (--add-host)"};
    }
    written += std::string(entry) + ",";
  }
  options.insert_or_assign("add-hosts", written + own);
  options.erase("cache-from");
  options.erase("cache-imports");
  return std::nullopt;
}

// BuildKit's own arguments ask for what options do: a generator of an SBOM, say, is an image that runs as a step, and
// what it makes is opened by dockerd, whatever it is. Open are those that are known to ask for nothing of the kind.
std::optional<Denial> examineArguments(const buildkit::Attributes& options) {
  static constexpr std::string_view kOwn = "build-arg:buildkit_";
  static constexpr std::array<std::string_view, 8> kOpen{"attest_provenance", "build_name",   "cache_mount_ns",
                                                         "dockerfile_check",  "inline_cache", "multi_platform",
                                                         "sandbox_hostname",  "syntax"};  // the last is passed over
  for (const auto& [key, _] : options) {
    if (key.empty()) return Denial{400, "build_request", "an option of this build has no name"};
    const std::string folded = admission::foldKey(key);
    const bool attestation = folded.starts_with("attest:") && folded != "attest:provenance";
    const bool argument =
        folded.starts_with(kOwn) && std::ranges::find(kOpen, folded.substr(kOwn.size())) == kOpen.end();
    if (!attestation && !argument) continue;
    return Denial{403, "build_option",
                  fmt::format("\"{}\" is not open to builds here; leave it away (--sbom, --attest, --build-arg)", key)};
  }
  return std::nullopt;
}

std::optional<Denial> examineFrontend(std::string_view frontend, bool own_llb, buildkit::Attributes& options,
                                      std::uint32_t uid) {
  if (own_llb || frontend != kDockerfile) {
    return Denial{
        403, "build_frontend",
        "builds are made from Dockerfiles here, by the Engine's own frontend; other frontends, results of other "
        "builds as contexts, and instructions for BuildKit itself are not open"};
  }
  if (std::optional<Denial> denial = examineContexts(options)) return denial;
  if (std::optional<Denial> denial = examineArguments(options)) return denial;
  const auto parent = options.find("cgroup-parent");
  if (parent != options.end() && !parent->second.empty()) {
    return Denial{403, "build_cgroup_parent",
                  "the cgroup of a build is set by this server; leave --cgroup-parent away"};
  }
  // A list in CSV, whose names are looked for wherever they are: no others contain them.
  const auto ulimits = options.find("ulimit");
  if (ulimits != options.end()) {
    for (const std::string_view name : {"rtprio", "nice"}) {
      if (admission::foldKey(ulimits->second).find(name) == std::string::npos) continue;
      return Denial{
          403, "ulimit",
          fmt::format("--ulimit {} is not allowed here, because it lets processes go before everybody else's; "
                      "leave it out",
                      name)};
    }
  }
  // Where this is there, the frontend has been called by another one, and calls none itself.
  options.insert_or_assign("cmdline", std::string(kDockerfile));
  std::string& space = options["build-arg:BUILDKIT_CACHE_MOUNT_NS"];
  space = space.empty() ? fmt::format("ds01-{}", uid) : fmt::format("ds01-{}-{}", uid, space);
  return setCacheOwner(options, uid);
}

}  // namespace

std::optional<Denial> examineWithinRequest(buildkit::WithinRequest& request, std::uint32_t uid) {
  return examineFrontend(request.frontend, request.own_llb, request.options, uid);
}

std::optional<Denial> examineSolveRequest(buildkit::SolveRequest& request, std::uint32_t uid,
                                          std::vector<docker::ImageReference>& tags) {
  if (!request.entitlements.empty()) {
    return Denial{403, "build_entitlement",
                  fmt::format("builds may not have \"{}\" here; leave --allow and --network=host away",
                              request.entitlements.front())};
  }
  // Without a frontend the client says by further calls what is to be built.
  const std::string_view frontend = request.frontend.empty() ? kDockerfile : std::string_view(request.frontend);
  if (std::optional<Denial> denial = examineFrontend(frontend, request.own_llb, request.options, uid)) return denial;
  if (request.other_caches) {
    return Denial{403, "build_outputs",
                  "caches of builds are only kept here, or within the image (--cache-to type=inline)"};
  }
  if (request.exporters_by_session) {
    return Denial{403, "build_outputs", "what becomes of a build must be said when it begins"};
  }
  const auto examine = [&](buildkit::Exporter& exporter) {
    return examineOutput(exporter.type, exporter.attributes, tags);
  };
  if (request.exporter) {
    if (std::optional<Denial> denial = examine(*request.exporter)) return denial;
  }
  for (buildkit::Exporter& exporter : request.exporters) {
    if (std::optional<Denial> denial = examine(exporter)) return denial;
  }
  return std::nullopt;
}

Refusal BuildCalls::refusal(Denial denial, const std::string& path) {
  const GrpcCode code = codeOf(denial);
  return {code, exchange_.refuseCall(std::move(denial), path)};
}

// Refs are random, so nobody else can have come first with one; and they are told to nobody else.
std::optional<Denial> BuildCalls::claim(const std::string& ref) {
  if (builds_.contains(ref)) return std::nullopt;
  if (!buildkit::isRef(ref)) return Denial{400, "build_ref", "this is no name of a build"};
  if (builds_.size() >= kMostBuilds) {
    return Denial{403, "build_ref", fmt::format("more than {} builds on one connection", kMostBuilds)};
  }
  std::optional<NameClaims::Claim> claim = exchange_.buildClaims().take(ref, exchange_.caller().user.login);
  if (!claim) return Denial{403, "build_not_yours", "this build is somebody else's"};
  builds_.emplace(ref, std::move(*claim));
  return std::nullopt;
}

std::expected<buildkit::Handling, Refusal> BuildCalls::begin(const buildkit::CallHead& head) {
  const buildkit::Method method = buildkit::methodOf(head.path);
  std::optional<Denial> denial = whyClosed(method, head.path);
  const bool within = method == buildkit::Method::WithinBuild || method == buildkit::Method::SolveWithin ||
                      method == buildkit::Method::Return;
  if (within) denial = claim(buildkit::valueOf(head.headers, buildkit::kBuildHeader));
  if (denial) {
    return std::unexpected(refusal(std::move(*denial), head.path));
  }
  const bool looked_at = method == buildkit::Method::Solve || method == buildkit::Method::SolveWithin ||
                         method == buildkit::Method::Return || method == buildkit::Method::Status;
  return looked_at ? buildkit::Handling::Whole : buildkit::Handling::Pass;
}

asio::awaitable<std::expected<Examined, Refusal>> BuildCalls::examine(buildkit::CallId id, std::string path,
                                                                      std::string message) {
  switch (buildkit::methodOf(path)) {
    case buildkit::Method::Status:
      co_return examineStatus(path, std::move(message));
    case buildkit::Method::SolveWithin:
      co_return examineWithin(path, std::move(message));
    case buildkit::Method::Return:
      co_return examineReturn(path, std::move(message));
    default:
      co_return co_await examineSolve(id, std::move(path), std::move(message));
  }
}

std::expected<Examined, Refusal> BuildCalls::examineStatus(const std::string& path, std::string message) {
  const Result<std::string> ref = buildkit::readStatus(message);
  std::optional<Denial> denial = ref ? claim(*ref) : notUnderstood(ref.error());
  if (!denial) return Examined{.message = buildkit::writeStatus(*ref), .watch_path = {}, .watch_message = {}};
  return std::unexpected(refusal(std::move(*denial), path));
}

std::expected<Examined, Refusal> BuildCalls::examineWithin(const std::string& path, std::string message) {
  Result<buildkit::WithinRequest> request = buildkit::readWithin(message);
  std::optional<Denial> denial;
  if (!request) denial = notUnderstood(request.error());
  if (!denial) denial = examineWithinRequest(*request, exchange_.caller().user.uid);
  if (!denial) return Examined{.message = buildkit::writeWithin(*request), .watch_path = {}, .watch_message = {}};
  return std::unexpected(refusal(std::move(*denial), path));
}

std::expected<Examined, Refusal> BuildCalls::examineReturn(const std::string& path, std::string message) {
  const Status fit = buildkit::examineReturn(message);
  if (!fit) return std::unexpected(refusal(notUnderstood(fit.error()), path));
  return Examined{.message = std::move(message), .watch_path = {}, .watch_message = {}};
}

asio::awaitable<std::expected<Examined, Refusal>> BuildCalls::examineSolve(buildkit::CallId id, std::string path,
                                                                           std::string message) {
  Result<buildkit::SolveRequest> request = buildkit::readSolve(message);
  std::optional<Denial> denial;
  if (!request) denial = notUnderstood(request.error());
  if (!denial) denial = claim(request->ref);
  // Its end is known by that name.
  if (!denial && !solved_.insert(request->ref).second) {
    denial = Denial{403, "build_ref", "this build has begun already"};
  }
  if (denial) co_return std::unexpected(refusal(std::move(*denial), path));
  const std::string ref = request->ref;
  std::expected<PermittedSolve, Denial> permitted = co_await permitSolve(exchange_, std::move(*request));
  if (!permitted) co_return std::unexpected(refusal(std::move(permitted.error()), path));
  held_.emplace(id, std::move(permitted->held));
  co_return Examined{.message = std::move(permitted->message),
                     .watch_path = std::string(kStatus),
                     .watch_message = buildkit::writeStatus(ref)};
}

asio::awaitable<void> BuildCalls::ended(buildkit::CallId id, std::string answer) {
  auto found = held_.extract(id);
  if (found.empty()) co_return;
  co_await settleSolve(exchange_, std::move(found.mapped()), std::move(answer));
}

asio::awaitable<Flow> handleBuildKit(Exchange& exchange) {
  if (exchange.head().upgrade != "h2c") {
    Denial denial{400, "session_upgrade", "a connection to BuildKit must ask for an upgrade to h2c"};
    co_return co_await exchange.deny(std::move(denial));
  }
  const std::expected<Limits, Denial> limits = exchange.ports().site.limitsFor(exchange.caller().user);
  if (!limits) co_return co_await exchange.deny(limits.error());
  if (!limits->buildkit && !exchange.excused().contains(RuleClass::Host)) {
    Denial denial = buildKitClosed();
    co_return co_await exchange.deny(std::move(denial));
  }
  if (limits->run_as_owner && !exchange.excused().contains(RuleClass::Mounts)) {
    Denial denial = buildsRunAsOwner();
    co_return co_await exchange.deny(std::move(denial));
  }
  if (std::optional<Denial> denial = exchange.charge(kConnectionBytes)) {
    co_return co_await exchange.deny(std::move(*denial));
  }
  BuildCalls calls(exchange);
  exchange.carryBy([&calls](Socket& client, std::string from_client, Socket& engine,
                            std::string from_engine) -> asio::awaitable<void> {
    buildkit::CallRelay relay(client, engine, calls);
    co_await relay.run(std::move(from_client), std::move(from_engine));
  });
  Outgoing out = plainOutgoing(exchange);
  co_return co_await exchange.forward(std::move(out));
}

}  // namespace ds01::gateway
