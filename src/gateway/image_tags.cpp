#include "gateway/image_tags.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace ds01::gateway {

namespace asio = boost::asio;

namespace {

// Holders of claims that are no logins: pulls of one tag go together, so do those who make tags of one repository, and
// those who pull all of its tags.
constexpr std::string_view kPullers = "/pull";
constexpr std::string_view kMakers = "/make";

std::string tagKey(const std::string& tag) {
  return "tag " + tag;
}
std::string repositoryKey(const std::string& repository) {
  return "repository " + repository;
}

// As people write it: without the parts that go without saying.
std::string familiar(std::string tag) {
  for (const std::string_view usual : {"docker.io/library/", "docker.io/"}) {
    if (tag.starts_with(usual)) return tag.substr(usual.size());
  }
  return tag;
}

bool comesFrom(const ImageView& image, const std::string& repository) {
  return std::ranges::any_of(image.digests, [&](const std::string& text) {
    const Result<docker::ImageReference> digest = docker::parseImageReference(text);
    return digest && digest->repository == repository;
  });
}

// Why the caller may not set this tag, which exists.
std::optional<Denial> judge(Exchange& exchange, const docker::ImageReference& wanted, const ImageView& image,
                            Bringing bringing) {
  const std::string tag = wanted.tagged();
  const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag);
  const std::string& login = exchange.caller().user.login;
  if (owner && owner->login == login) return std::nullopt;
  if (bringing == Bringing::Make) return tagTaken(tag, login);
  const bool from_registry = owner ? !owner->made : comesFrom(image, wanted.repository);
  if (from_registry) return std::nullopt;
  return Denial{.http_status = 409,
                .reason = "image_made_here",
                .text = fmt::format("the image {} was made on this server by somebody else and did not come from a "
                                    "registry, so it cannot be replaced by a pull",
                                    familiar(tag)),
                .remedy = "Pull another tag, or use the image that is there."};
}

asio::awaitable<HeldTags> recordFresh(Exchange& exchange, HeldTags held, bool made) {
  if (held.fresh.empty()) co_return held;
  ImageChange change;
  for (const std::string& tag : held.fresh) {
    change.tags.emplace_back(tag, ownership::TagOwner{exchange.caller().user.login, made});
  }
  const Status recorded = co_await exchange.ports().images.change(std::move(change));
  if (recorded) co_return held;
  HeldTags refused;
  const bool too_many = recorded.error().code() == ErrorCode::Exhausted;
  refused.denial = Denial{.http_status = too_many ? 409 : 503,
                          .reason = too_many ? "image_tags" : "state_unwritable",
                          .text = recorded.error().message(),
                          .remedy = too_many ? "Remove images that you no longer need: docker rmi." : ""};
  co_return refused;
}

std::vector<NameClaims::Claim> claimOne(Exchange& exchange, const docker::ImageReference& tag, Bringing bringing) {
  if (bringing == Bringing::Make) return claimToMake(exchange, tag);
  std::vector<NameClaims::Claim> claims;
  std::optional<NameClaims::Claim> claim = exchange.imageClaims().take(tagKey(tag.tagged()), std::string(kPullers));
  if (claim) claims.push_back(std::move(*claim));
  return claims;
}

}  // namespace

Denial notYourImage(std::string_view what) {
  return {.http_status = 403,
          .reason = "image_not_yours",
          .text = fmt::format("{} was brought to this server by somebody else, so only they and the administrators can "
                              "remove it",
                              what),
          .remedy = "Ask an administrator of this server."};
}

Denial tagTaken(const std::string& tag, const std::string& login) {
  const std::string name = familiar(tag);
  return {.http_status = 409,
          .reason = "image_tag_taken",
          .text = fmt::format("the image name {} is taken by somebody else on this server; choose another one, such as "
                              "{}/{}",
                              name, login, name.substr(name.rfind('/') + 1)),
          .remedy = "Choose another name or tag for the image."};
}

Denial tagBusy(const std::string& tag) {
  return {
      .http_status = 409,
      .reason = "image_tag_busy",
      .text = fmt::format("the image name {} is being set by another request at this moment; try again when that is "
                          "done, or choose another name",
                          familiar(tag)),
      .remedy = "Try again in a moment."};
}

std::vector<NameClaims::Claim> claimToMake(Exchange& exchange, const docker::ImageReference& tag) {
  std::vector<NameClaims::Claim> claims;
  NameClaims& names = exchange.imageClaims();
  std::optional<NameClaims::Claim> one = names.take(tagKey(tag.tagged()), exchange.caller().user.login);
  if (!one) return claims;
  std::optional<NameClaims::Claim> all = names.take(repositoryKey(tag.repository), std::string(kMakers));
  if (!all) return claims;
  claims.push_back(std::move(*one));
  claims.push_back(std::move(*all));
  return claims;
}

asio::awaitable<HeldTags> holdTags(Exchange& exchange, std::vector<docker::ImageReference> wanted, Bringing bringing) {
  HeldTags held;
  if (exchange.caller().admin) co_return held;
  for (const docker::ImageReference& reference : wanted) {
    const std::string tag = reference.tagged();
    if (std::ranges::find(held.tags, tag) != held.tags.end()) continue;
    HeldTags refused;
    std::vector<NameClaims::Claim> claims = claimOne(exchange, reference, bringing);
    if (claims.empty()) {
      refused.denial = tagBusy(tag);
      co_return refused;
    }
    const Result<ImageView> there = co_await exchange.ports().engine.inspectImage(tag);
    if (!there && there.error().code() != ErrorCode::NotFound) {
      refused.engine_failed = there.error();
      co_return refused;
    }
    if (there) {
      refused.denial = judge(exchange, reference, *there, bringing);
      if (refused.denial) co_return refused;
    } else {
      held.fresh.push_back(tag);
    }
    held.tags.push_back(tag);
    std::ranges::move(claims, std::back_inserter(held.claims));
  }
  co_return co_await recordFresh(exchange, std::move(held), bringing == Bringing::Make);
}

asio::awaitable<HeldTags> holdRepository(Exchange& exchange, docker::ImageReference repository) {
  HeldTags held;
  if (exchange.caller().admin) co_return held;
  HeldTags refused;
  std::optional<NameClaims::Claim> claim =
      exchange.imageClaims().take(repositoryKey(repository.repository), std::string(kPullers));
  if (!claim) {
    refused.denial = tagBusy(repository.repository);
    co_return refused;
  }
  const Result<std::set<std::string>> all = co_await listTags(exchange);
  if (!all) {
    refused.engine_failed = all.error();
    co_return refused;
  }
  for (const std::string& tag : *all) {
    if (!tag.starts_with(repository.repository + ":")) continue;
    const Result<ImageView> there = co_await exchange.ports().engine.inspectImage(tag);
    const docker::ImageReference one{repository.repository, tag.substr(repository.repository.size() + 1), {}};
    if (there) refused.denial = judge(exchange, one, *there, Bringing::Pull);
    if (refused.denial) co_return refused;
    held.tags.push_back(tag);
  }
  held.claims.push_back(std::move(*claim));
  co_return held;
}

asio::awaitable<Flow> refuse(Exchange& exchange, HeldTags held) {
  if (held.denial) co_return co_await exchange.deny(std::move(*held.denial));
  co_return co_await exchange.engineFailed(*held.engine_failed);
}

asio::awaitable<void> settleTags(Exchange& exchange, HeldTags held, std::vector<std::string> images,
                                 bool images_of_others) {
  ImageChange change;
  for (const std::string& tag : held.tags) {
    const Result<ImageView> now = co_await exchange.ports().engine.inspectImage(tag);
    if (now) {
      if (!images_of_others) images.push_back(now->id);
    } else if (now.error().code() == ErrorCode::NotFound && std::ranges::find(held.fresh, tag) != held.fresh.end()) {
      change.tags_gone.push_back(tag);
    }
  }
  for (std::string& id : images) {
    if (docker::isImageId(id)) change.images.emplace_back(std::move(id), exchange.caller().user.login);
  }
  // What is not on disk is logged there, and the administrators' after a restart.
  if (!change.empty() && !exchange.caller().admin) co_await exchange.ports().images.change(std::move(change));
}

asio::awaitable<void> settleRepository(Exchange& exchange, HeldTags held, docker::ImageReference repository) {
  if (exchange.caller().admin) co_return;
  const Result<std::set<std::string>> now = co_await listTags(exchange);
  if (!now) co_return;
  ImageChange change;
  for (const std::string& tag : *now) {
    const bool is_new = std::ranges::find(held.tags, tag) == held.tags.end() && !exchange.ports().images.ofTag(tag);
    if (!is_new || !tag.starts_with(repository.repository + ":")) continue;
    change.tags.emplace_back(tag, ownership::TagOwner{exchange.caller().user.login, false});
  }
  if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
}

asio::awaitable<void> settleLoad(Exchange& exchange, HeldTags held, std::vector<std::string> images) {
  const std::string& login = exchange.caller().user.login;
  ImageChange change;
  for (const std::string& tag : held.fresh) {
    const Result<ImageView> now = co_await exchange.ports().engine.inspectImage(tag);
    if (now) change.tags.emplace_back(tag, ownership::TagOwner{login, true});
  }
  if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
  held.fresh.clear();
  co_await settleTags(exchange, std::move(held), std::move(images));
}

asio::awaitable<Result<std::set<std::string>>> listTags(Exchange& exchange) {
  std::vector<std::string> owned = exchange.ports().images.tags();
  std::erase_if(owned, [&](const std::string& tag) { return exchange.imageClaims().held(tagKey(tag)); });
  const Result<std::vector<std::string>> here = co_await exchange.ports().engine.listTags();
  if (!here) co_return fail(here.error());
  std::set<std::string> tags;
  for (const std::string& text : *here) {
    const Result<docker::ImageReference> tag = docker::parseImageReference(text);
    if (tag) tags.insert(tag->tagged());
  }
  ImageChange change;
  for (std::string& tag : owned) {
    if (!tags.contains(tag) && !exchange.imageClaims().held(tagKey(tag))) change.tags_gone.push_back(std::move(tag));
  }
  if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
  co_return tags;
}

}  // namespace ds01::gateway
