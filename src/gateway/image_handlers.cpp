// The rules about images.
#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "admission/endpoints.h"
#include "admission/references.h"
#include "gateway/body_work.h"
#include "gateway/build_query.h"
#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/image_stream.h"
#include "gateway/image_tags.h"
#include "gateway/load_guard.h"
#include "gateway/owned_objects.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

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

std::string idIn(const WholeResponse& response) {
  const Result<json::value> answer = parseAnswer(response.body);
  const json::object* const object = answer ? answer->if_object() : nullptr;
  const json::value* const id = object != nullptr ? object->if_contains("Id") : nullptr;
  return id != nullptr && id->is_string() ? std::string(id->get_string()) : std::string();
}

// The body streams both ways.
asio::awaitable<Flow> forwardAndSettle(Exchange& exchange, ImageIds::Of of, ImageIds::Settle settle,
                                       BodyGuard* guard = nullptr) {
  ImageIds ids(of, std::move(settle));
  Outgoing out = plainOutgoing(exchange);
  out.keep_accept = false;
  const Flow flow = co_await exchange.forward(std::move(out), &ids, guard);
  co_await ids.end();
  co_return flow;
}

asio::awaitable<void> settlePull(Exchange& exchange, HeldTags held, docker::ImageReference wanted,
                                 std::vector<std::string> images) {
  if (wanted.nameOnly()) {
    co_await settleRepository(exchange, std::move(held), std::move(wanted));
    co_return;
  }
  if (!wanted.digest.empty()) {
    const Result<ImageView> pulled =
        co_await exchange.ports().engine.inspectImage(wanted.repository + "@" + wanted.digest);
    if (pulled) images.push_back(pulled->id);
  }
  co_await settleTags(exchange, std::move(held), std::move(images));
}

asio::awaitable<Flow> handlePull(Exchange& exchange) {
  Target& target = exchange.target();
  const Result<docker::ImageReference> wanted =
      docker::parseImageReference(valueOf(target, "fromImage"), valueOf(target, "tag"));
  if (!wanted) {
    Denial denial = badReference(wanted.error());
    co_return co_await exchange.deny(std::move(denial));
  }
  for (const std::string_view key : {"fromSrc", "repo", "tag"}) target.erase(key);
  target.set("fromImage", wanted->repository);
  if (!wanted->digest.empty()) {
    target.set("tag", wanted->digest);
  } else if (!wanted->tag.empty()) {
    target.set("tag", wanted->tag);
  }
  HeldTags held;
  if (wanted->nameOnly()) {
    held = co_await holdRepository(exchange, *wanted);
  } else if (wanted->digest.empty()) {
    std::vector<docker::ImageReference> one{*wanted};
    held = co_await holdTags(exchange, std::move(one), Bringing::Pull);
  }
  if (held.denial || held.engine_failed) co_return co_await refuse(exchange, std::move(held));
  ImageIds::Settle settle = [&](std::vector<std::string> images) {
    return settlePull(exchange, std::move(held), *wanted, std::move(images));
  };
  co_return co_await forwardAndSettle(exchange, ImageIds::Of::Build, std::move(settle));
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
  HeldTags held = co_await holdTags(exchange, *wanted, Bringing::Make);
  if (held.denial || held.engine_failed) co_return co_await refuse(exchange, std::move(held));
  Outgoing out = jsonOutgoing(exchange, std::move(*body));
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  std::vector<std::string> images;
  if (response && response->head.status == 201) images.push_back(idIn(*response));
  co_await settleTags(exchange, std::move(held), std::move(images));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  co_return co_await exchange.relayWhole(std::move(*response));
}

asio::awaitable<Flow> handleBuild(Exchange& exchange) {
  const std::optional<EngineFacts> engine = exchange.ports().site.engineFacts();
  if (!engine) co_return co_await exchange.engineFailed(Error(ErrorCode::Unavailable, "it has not been reached yet"));
  if (const std::optional<Denial> denial = checkBuildQuery(exchange.target(), engine->default_runtime)) {
    co_return co_await exchange.deny(*denial);
  }
  const Wanted wanted = readBuildTags(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  const User& user = exchange.caller().user;
  const std::expected<Limits, Denial> limits = exchange.ports().site.limitsFor(user);
  if (!limits) co_return co_await exchange.deny(limits.error());
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
  HeldTags held = co_await holdTags(exchange, *wanted, Bringing::Make);
  if (held.denial || held.engine_failed) co_return co_await refuse(exchange, std::move(held));
  ImageIds::Settle settle = [&](std::vector<std::string> images) {
    return settleTags(exchange, std::move(held), std::move(images));
  };
  const auto of = exchange.target().truthy("q") ? ImageIds::Of::QuietBuild : ImageIds::Of::Build;
  co_return co_await forwardAndSettle(exchange, of, std::move(settle));
}

asio::awaitable<Flow> handleImageCreate(Exchange& exchange) {
  if (const std::optional<Denial> denial = checkImageCreateQuery(exchange.target())) {
    co_return co_await exchange.deny(*denial);
  }
  if (!valueOf(exchange.target(), "fromImage").empty()) co_return co_await handlePull(exchange);
  exchange.target().erase("fromImage");
  const Wanted wanted = readRepoAndTag(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  HeldTags held = co_await holdTags(exchange, *wanted, Bringing::Make);
  if (held.denial || held.engine_failed) co_return co_await refuse(exchange, std::move(held));
  ImageIds::Settle settle = [&](std::vector<std::string> images) {
    return settleTags(exchange, std::move(held), std::move(images));
  };
  co_return co_await forwardAndSettle(exchange, ImageIds::Of::Build, std::move(settle));
}

asio::awaitable<Flow> handleImageLoad(Exchange& exchange) {
  const Result<std::set<std::string>> here = co_await listTags(exchange);
  if (!here) co_return co_await exchange.engineFailed(here.error());
  HeldTags held;
  const std::string& login = exchange.caller().user.login;
  LoadGuard guard([&](const docker::ImageReference& reference) -> std::optional<Denial> {
    const std::string tag = reference.tagged();
    if (std::ranges::find(held.tags, tag) != held.tags.end()) return std::nullopt;
    // Somebody may have made it since the Engine was asked; then it has an owner.
    const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag);
    if (owner ? owner->login != login : here->contains(tag)) return tagTaken(tag, login);
    std::vector<NameClaims::Claim> claims = claimToMake(exchange, reference);
    if (claims.empty()) return tagBusy(tag);
    std::ranges::move(claims, std::back_inserter(held.claims));
    held.tags.push_back(tag);
    if (!here->contains(tag)) held.fresh.push_back(tag);
    return std::nullopt;
  });
  ImageIds::Settle settle = [&](std::vector<std::string> images) {
    return settleLoad(exchange, std::move(held), std::move(images));
  };
  co_return co_await forwardAndSettle(exchange, ImageIds::Of::Load, std::move(settle), &guard);
}

asio::awaitable<Flow> handleImageTag(Exchange& exchange) {
  const Wanted wanted = readRepoAndTag(exchange.target());
  if (!wanted) co_return co_await exchange.deny(wanted.error());
  HeldTags held = co_await holdTags(exchange, *wanted, Bringing::Make);
  if (held.denial || held.engine_failed) co_return co_await refuse(exchange, std::move(held));
  Outgoing out = exchange.outgoing();
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  std::vector<std::string> none;
  co_await settleTags(exchange, std::move(held), std::move(none), true);
  if (!response) co_return co_await exchange.engineFailed(response.error());
  co_return co_await exchange.relayWhole(std::move(*response));
}

}  // namespace ds01::gateway
