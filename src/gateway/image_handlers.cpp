// The rules about images.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "admission/endpoints.h"
#include "admission/references.h"
#include "gateway/archive_guard.h"
#include "gateway/body_work.h"
#include "gateway/build_query.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/image_stream.h"
#include "gateway/image_tags.h"
#include "gateway/load_guard.h"
#include "gateway/owned_objects.h"
#include "gateway/session_build.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

std::string valueOf(const Target& target, std::string_view key) {
  const std::string* const value = target.get(key);
  return value != nullptr ? *value : std::string();
}

Denial badReference(const Error& error) {
  return {.http_status = 400, .reason = "image_reference", .text = error.message()};
}

using Wanted = std::expected<std::vector<docker::ImageReference>, Denial>;

// The tag that `repo` and `tag` of a query name, which are written anew; none if `repo` is empty.
Wanted readRepoAndTag(Target& target) {
  const std::string repo = valueOf(target, "repo");
  if (repo.empty()) {
    target.erase("repo");
    target.erase("tag");
    return {};
  }
  const Result<docker::ImageReference> reference = docker::parseImageReference(repo, valueOf(target, "tag"));
  if (!reference) return std::unexpected(badReference(reference.error()));
  if (!reference->digest.empty()) {
    return std::unexpected(Denial{400, "image_reference", "refusing to create a tag with a digest reference"});
  }
  target.set("repo", reference->repository);
  target.set("tag", reference->tag.empty() ? "latest" : reference->tag);
  return std::vector{*reference};
}

// The tags of a build, written anew.
Wanted readBuildTags(Target& target) {
  std::vector<docker::ImageReference> wanted;
  for (QueryItem& item : target.query) {
    if (item.key != "t" || item.value.empty()) continue;
    Result<docker::ImageReference> reference = docker::parseImageReference(item.value);
    if (!reference) return std::unexpected(badReference(reference.error()));
    if (!reference->digest.empty()) {
      return std::unexpected(Denial{400, "image_reference", "build tag cannot contain a digest"});
    }
    item.value = reference->tagged();
    wanted.push_back(std::move(*reference));
  }
  auto outputs = rewriteBuildOutputs(valueOf(target, "outputs"));
  if (!outputs) return std::unexpected(std::move(outputs.error()));
  if (!outputs->text.empty()) target.set("outputs", outputs->text);
  std::ranges::move(outputs->tags, std::back_inserter(wanted));
  return wanted;
}

// The body streams both ways. Whether the client stays or not, what becomes of the request is seen to its end.
asio::awaitable<Flow> forwardAndSettle(Exchange& exchange, ImageIds::Of of, HeldTags& held, Outgoing out,
                                       BodyGuard* guard = nullptr, Exchange::Judge judge = {}) {
  ImageIds ids(
      of, [&](std::vector<std::string> images) { return settleTags(exchange, std::move(held), std::move(images)); });
  const Flow flow = co_await exchange.forward(std::move(out), &ids, guard, std::move(judge));
  co_await ids.end();
  co_return flow;
}

asio::awaitable<Flow> forwardImages(Exchange& exchange, ImageIds::Of of, HeldTags& held, BodyGuard* guard = nullptr,
                                    Exchange::Judge judge = {}) {
  Outgoing out = plainOutgoing(exchange);
  out.keep_accept = false;
  return forwardAndSettle(exchange, of, held, std::move(out), guard, std::move(judge));
}

// A request that brings images under these names. Unset: go on.
asio::awaitable<std::optional<Flow>> hold(Exchange& exchange, HeldTags& held,
                                          std::vector<docker::ImageReference> wanted) {
  const Status looked = co_await lookAtImages(exchange, held);
  if (!looked) co_return co_await exchange.engineFailed(looked.error());
  std::optional<Denial> denial = co_await holdTags(exchange, held, std::move(wanted));
  if (denial) co_return co_await exchange.deny(std::move(*denial));
  co_return std::nullopt;
}

std::expected<docker::ImageReference, Denial> readPull(Target& target) {
  Result<docker::ImageReference> wanted =
      docker::parseImageReference(valueOf(target, "fromImage"), valueOf(target, "tag"));
  if (!wanted) return std::unexpected(badReference(wanted.error()));
  for (const std::string_view key : {"fromSrc", "repo", "tag"}) target.erase(key);
  target.set("fromImage", wanted->repository);
  const std::string& which = wanted->digest.empty() ? wanted->tag : wanted->digest;
  if (!which.empty()) target.set("tag", which);
  return std::move(*wanted);
}

// Another platform's image under a name that others use would be of no use to them.
std::optional<Denial> checkPlatform(const Target& target, const HeldTags& held) {
  if (valueOf(target, "platform").empty() || !held.others) return std::nullopt;
  return Denial{409, "image_platform",
                "somebody else on this server uses that name for the image of this machine's platform; leave "
                "--platform away"};
}

asio::awaitable<Flow> handlePull(Exchange& exchange) {
  const auto wanted = readPull(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  HeldTags held;
  held.bringing = Bringing::Pull;
  std::optional<Denial> denial;
  if (wanted->digest.empty() && !wanted->tag.empty()) {
    std::vector<docker::ImageReference> one{*wanted};
    if (const std::optional<Flow> answered = co_await hold(exchange, held, std::move(one))) co_return *answered;
  } else {
    denial = co_await holdRepository(exchange, held, wanted->repository);
  }
  if (!wanted->digest.empty()) held.digest = wanted->repository + "@" + wanted->digest;
  if (!denial && wanted->digest.empty()) denial = checkPlatform(exchange.target(), held);
  if (denial) co_return co_await exchange.deny(std::move(*denial));
  co_return co_await forwardImages(exchange, ImageIds::Of::Build, held);
}

// Administrators' requests go on as they are; what they set is no longer a user's.
std::vector<docker::ImageReference> namesIn(const Exchange& exchange) {
  Target copy = exchange.target();
  const Rule rule = exchange.match()->route->rule;
  if (rule == Rule::ImageCreate && !valueOf(copy, "fromImage").empty()) {
    const auto pull = readPull(copy);
    return pull && pull->digest.empty() && !pull->tag.empty() ? std::vector{*pull}
                                                              : std::vector<docker::ImageReference>();
  }
  const Wanted wanted = rule == Rule::Build ? readBuildTags(copy) : readRepoAndTag(copy);
  return wanted.value_or(std::vector<docker::ImageReference>());
}

}  // namespace

asio::awaitable<Flow> handleCommit(Exchange& exchange) {
  std::string ref = valueOf(exchange.target(), "container");
  const Resolved found = co_await resolveContainer(exchange, std::move(ref));
  if (!found.container) co_return found.flow;
  exchange.target().set("container", found.container->id.str());
  const Wanted wanted = readRepoAndTag(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  Examine as_it_is;
  std::expected<std::shared_ptr<BodyDraft>, Denial> draft = co_await draftBody(exchange, std::move(as_it_is));
  if (!draft) co_return co_await exchange.deny(std::move(draft.error()));
  std::expected<std::string, Denial> body = co_await writeBody(exchange, std::move(*draft));
  if (!body) co_return co_await exchange.deny(std::move(body.error()));
  HeldTags held;
  if (const std::optional<Flow> answered = co_await hold(exchange, held, *wanted)) co_return *answered;
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  out.keep_accept = false;
  co_return co_await forwardAndSettle(exchange, ImageIds::Of::Build, held, std::move(out));
}

asio::awaitable<Flow> handleBuild(Exchange& exchange) {
  const std::optional<EngineFacts> engine = exchange.ports().site.engineFacts();
  if (!engine) co_return co_await exchange.engineFailed(Error(ErrorCode::Unavailable, "it has not been reached yet"));
  const bool buildkit = valueOf(exchange.target(), "version") == "2";
  if (buildkit) {
    const bool there = co_await awaitSession(exchange);
    if (!there) co_return Flow::Close;
  }
  const User& user = exchange.caller().user;
  const std::expected<Limits, Denial> limits = exchange.ports().site.limitsFor(user);
  if (!limits) co_return co_await exchange.deny(limits.error());
  if (const std::optional<Denial> denial =
          checkBuildQuery(exchange.target(), engine->default_runtime, exchange.excused(), limits->buildkit)) {
    co_return co_await exchange.deny(*denial);
  }
  const Wanted wanted = readBuildTags(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  if (limits->run_as_owner && !exchange.excused().contains(RuleClass::Mounts) && buildkit) {
    Denial denial = buildsRunAsOwner();
    co_return co_await exchange.deny(std::move(denial));
  }
  // A site that only watches lets it go to the Engine as it comes.
  if (buildkit && !exchange.excused().contains(RuleClass::Host)) co_return co_await handleSessionBuild(exchange);
  const Result<std::string> parent = co_await exchange.ports().site.buildCgroupParent(user, *limits);
  if (!parent) {
    Denial denial = noCgroupParent("this build", parent.error());
    co_return co_await exchange.deny(std::move(denial));
  }
  exchange.target().set("cgroupparent", *parent);
  const std::string mode = valueOf(exchange.target(), "networkmode");
  if (!mode.empty() && !admission::isPredefinedNetwork(mode)) {
    const ResolvedObject network = co_await resolveNetwork(exchange, mode);
    if (!network.object) co_return network.flow;
    exchange.target().set("networkmode", network.object->predefined ? network.object->name : network.object->key);
  }
  HeldTags held;
  if (const std::optional<Flow> answered = co_await hold(exchange, held, *wanted)) co_return *answered;
  const auto of = exchange.target().truthy("q") ? ImageIds::Of::QuietBuild : ImageIds::Of::Build;
  ContextGuard guard;
  co_return co_await forwardImages(exchange, of, held, &guard);
}

asio::awaitable<Flow> handleImageCreate(Exchange& exchange) {
  if (const std::optional<Denial> denial = checkImageCreateQuery(exchange.target())) {
    co_return co_await exchange.deny(*denial);
  }
  if (!valueOf(exchange.target(), "fromImage").empty()) co_return co_await handlePull(exchange);
  exchange.target().erase("fromImage");
  const Wanted wanted = readRepoAndTag(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  HeldTags held;
  if (const std::optional<Flow> answered = co_await hold(exchange, held, *wanted)) co_return *answered;
  co_return co_await forwardImages(exchange, ImageIds::Of::Build, held);
}

asio::awaitable<Flow> handleImageLoad(Exchange& exchange) {
  // If this ends by an exception, what carries the body may still be asking about a name.
  const auto held = std::make_shared<HeldTags>();
  std::vector<docker::ImageReference> none;
  if (const std::optional<Flow> answered = co_await hold(exchange, *held, std::move(none))) co_return *answered;
  LoadGuard guard;
  Exchange::Judge judge = [&exchange, &guard, held] { return holdTags(exchange, *held, guard.takeNames()); };
  co_return co_await forwardImages(exchange, ImageIds::Of::Load, *held, &guard, std::move(judge));
}

asio::awaitable<Flow> handleImageTag(Exchange& exchange) {
  const Wanted wanted = readRepoAndTag(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  HeldTags held;  // brings no image
  std::optional<Denial> denial = co_await holdTags(exchange, held, *wanted);
  if (denial) co_return co_await exchange.deny(std::move(*denial));
  co_return co_await forwardImages(exchange, ImageIds::Of::Build, held);
}

// What is pushed to a registry counts as coming from there.
asio::awaitable<Flow> handleImagePush(Exchange& exchange) {
  const Result<docker::ImageReference> pushed =
      docker::parseImageReference(exchange.name(), valueOf(exchange.target(), "tag"));
  if (!pushed) {
    Denial denial = badReference(pushed.error());
    co_return co_await exchange.deny(std::move(denial));
  }
  if (!pushed->digest.empty()) {
    Denial denial{400, "image_reference", "cannot push a digest reference"};
    co_return co_await exchange.deny(std::move(denial));
  }
  exchange.target().segments = segmentsOf(pushed->repository);
  exchange.target().segments.emplace_back("push");
  if (!pushed->tag.empty()) exchange.target().set("tag", pushed->tag);
  const Result<ImageList> here = co_await exchange.ports().engine.listImages();
  if (!here) co_return co_await exchange.engineFailed(here.error());
  for (const std::string& text : here->tags) {
    const Result<docker::ImageReference> tag = docker::parseImageReference(text);
    if (!tag || tag->repository != pushed->repository || (!pushed->tag.empty() && tag->tag != pushed->tag)) continue;
    const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag->tagged());
    if (owner && owner->login == exchange.caller().user.login) continue;
    if (exchange.excused().contains(RuleClass::Ownership)) continue;
    Denial denial{
        403, "image_not_yours",
        fmt::format("{} was brought to this server by somebody else; give it a name of yours, docker tag, and "
                    "push that",
                    text)};
    co_return co_await exchange.deny(std::move(denial));
  }
  Outgoing out = plainOutgoing(exchange);
  co_return co_await exchange.forward(std::move(out));
}

asio::awaitable<Flow> handleImagesOfAdmin(Exchange& exchange) {
  HeldTags held;
  std::vector<docker::ImageReference> names = namesIn(exchange);
  std::optional<Denial> denial = co_await holdTags(exchange, held, std::move(names));
  if (denial) co_return co_await exchange.deny(std::move(*denial));
  const Flow flow = co_await forwardImages(exchange, ImageIds::Of::Build, held);
  const Rule rule = exchange.match()->route->rule;
  if (rule == Rule::ImagePrune || rule == Rule::ImageLoad) co_await forgetGoneTags(exchange);
  co_return flow;
}

}  // namespace ds01::gateway
