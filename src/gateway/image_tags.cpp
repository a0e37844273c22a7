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
constexpr std::string_view kAdmins = "/admin";

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

// Whoever is on this machine can serve these.
bool isLocalRegistry(std::string_view repository) {
  return repository.starts_with("localhost/") || repository.starts_with("localhost:") || repository.starts_with("127.");
}

bool comesFrom(const ImageView& image, const std::string& repository) {
  return std::ranges::any_of(image.digests, [&](const std::string& text) {
    const Result<docker::ImageReference> digest = docker::parseImageReference(text);
    return digest && digest->repository == repository;
  });
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

// Why the caller may not set this tag, which means `image`.
std::optional<Denial> judge(Exchange& exchange, const docker::ImageReference& wanted, const ImageView& image,
                            Bringing bringing) {
  const std::string tag = wanted.tagged();
  const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag);
  const std::string& login = exchange.caller().user.login;
  if (owner && owner->login == login) return std::nullopt;
  if (exchange.excused().contains(RuleClass::Ownership)) return std::nullopt;
  if (bringing == Bringing::Make) return tagTaken(tag, login);
  const bool from_registry = owner ? !owner->made : comesFrom(image, wanted.repository);
  if (from_registry && !isLocalRegistry(wanted.repository)) return std::nullopt;
  return Denial{.http_status = 409,
                .reason = "image_made_here",
                .text = fmt::format("the image {} was made on this server by somebody else and did not come from a "
                                    "registry, so it cannot be replaced by a pull",
                                    familiar(tag)),
                .remedy = "Pull another tag, or use the image that is there."};
}

asio::awaitable<std::optional<Denial>> recordFresh(Exchange& exchange, const HeldTags& held,
                                                   const std::vector<std::string>& fresh) {
  if (fresh.empty()) co_return std::nullopt;
  ImageChange change;
  for (const std::string& tag : fresh) {
    change.tags.emplace_back(tag, ownership::TagOwner{exchange.caller().user.login, held.bringing == Bringing::Make});
  }
  const Status recorded = co_await exchange.ports().images.change(std::move(change));
  if (recorded) co_return std::nullopt;
  const bool too_many = recorded.error().code() == ErrorCode::Exhausted;
  co_return Denial{.http_status = too_many ? 409 : 503,
                   .reason = too_many ? "image_tags" : "state_unwritable",
                   .text = recorded.error().message(),
                   .remedy = too_many ? "Remove images that you no longer need: docker rmi." : ""};
}

std::vector<NameClaims::Claim> claimOne(Exchange& exchange, const docker::ImageReference& tag, Bringing bringing) {
  if (bringing == Bringing::Make) return claimToMake(exchange, tag);
  std::vector<NameClaims::Claim> claims;
  std::optional<NameClaims::Claim> claim = exchange.imageClaims().take(tagKey(tag.tagged()), std::string(kPullers));
  if (claim) claims.push_back(std::move(*claim));
  return claims;
}

bool isNewImage(const HeldTags& held, const std::string& id) {
  return held.before && docker::isImageId(id) && !held.before->ids.contains(id);
}

// The tags that a pull of all of them has brought.
asio::awaitable<std::vector<std::string>> newTagsOfRepository(Exchange& exchange, const HeldTags& held) {
  std::vector<std::string> fresh;
  const Result<ImageList> now = co_await exchange.ports().engine.listImages();
  if (!now || !held.before) co_return fresh;
  for (const std::string& text : now->tags) {
    const Result<docker::ImageReference> tag = docker::parseImageReference(text);
    if (!tag || tag->repository != held.repository || held.before->tags.contains(text)) continue;
    if (!exchange.ports().images.ofTag(tag->tagged())) fresh.push_back(tag->tagged());
  }
  co_return fresh;
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

Denial tagBusy(const std::string& tag) {
  return {
      .http_status = 409,
      .reason = "image_tag_busy",
      .text = fmt::format("the image name {} is being set by another request at this moment; try again when that is "
                          "done, or choose another name",
                          familiar(tag)),
      .remedy = "Try again in a moment."};
}

std::vector<std::string> segmentsOf(std::string_view name) {
  std::vector<std::string> parts{"images"};
  for (std::size_t slash = 0; slash != std::string_view::npos;) {
    slash = name.find('/');
    parts.emplace_back(name.substr(0, slash));
    name.remove_prefix(std::min(slash, name.size() - 1) + 1);
  }
  return parts;
}

std::vector<NameClaims::Claim> claimToMake(Exchange& exchange, const docker::ImageReference& tag) {
  std::vector<NameClaims::Claim> claims;
  NameClaims& names = exchange.imageClaims();
  // Administrators wait for nobody's leave, but not into the middle of what somebody is at.
  const std::string holder = exchange.caller().admin ? std::string(kAdmins) : exchange.caller().user.login;
  std::optional<NameClaims::Claim> one = names.take(tagKey(tag.tagged()), holder);
  if (!one) return claims;
  std::optional<NameClaims::Claim> all = names.take(repositoryKey(tag.repository), std::string(kMakers));
  if (!all) return claims;
  claims.push_back(std::move(*one));
  claims.push_back(std::move(*all));
  return claims;
}

asio::awaitable<Status> lookAtImages(Exchange& exchange, HeldTags& held) {
  Result<ImageList> list = co_await exchange.ports().engine.listImages();
  if (!list) co_return fail(list.error());
  held.before = std::move(*list);
  co_return Status{};
}

asio::awaitable<std::optional<Denial>> holdTags(Exchange& exchange, HeldTags& held,
                                                std::vector<docker::ImageReference> wanted) {
  std::vector<std::string> fresh;
  for (const docker::ImageReference& reference : wanted) {
    const std::string tag = reference.tagged();
    if (held.tags.contains(tag)) continue;
    if (held.tags.size() >= ownership::ImageOwners::kMostTags) {
      co_return Denial{400, "image_names",
                       fmt::format("more than {} names for images at once", ownership::ImageOwners::kMostTags)};
    }
    std::vector<NameClaims::Claim> claims = claimOne(exchange, reference, held.bringing);
    if (claims.empty()) co_return tagBusy(tag);
    const Result<ImageView> there = co_await exchange.ports().engine.inspectImage(tag);
    if (!there && there.error().code() != ErrorCode::NotFound) co_return exchange.engineAway(there.error());
    HeldTag one{.image = there ? there->id : std::string(), .own = true};
    if (there && !exchange.caller().admin) {
      if (std::optional<Denial> denial = judge(exchange, reference, *there, held.bringing)) co_return denial;
      const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag);
      one.own = owner && owner->login == exchange.caller().user.login;
      held.others = held.others || !one.own;
    }
    if (!there) fresh.push_back(tag);
    held.tags.emplace(tag, std::move(one));
    std::ranges::move(claims, std::back_inserter(held.claims));
  }
  if (exchange.caller().admin) co_return std::nullopt;
  co_return co_await recordFresh(exchange, held, fresh);
}

asio::awaitable<std::optional<Denial>> holdRepository(Exchange& exchange, HeldTags& held, std::string repository) {
  std::optional<NameClaims::Claim> claim =
      exchange.imageClaims().take(repositoryKey(repository), std::string(kPullers));
  if (!claim) co_return tagBusy(repository);
  const Status looked = co_await lookAtImages(exchange, held);
  if (!looked) co_return exchange.engineAway(looked.error());
  for (const std::string& text : held.before->tags) {
    const Result<docker::ImageReference> tag = docker::parseImageReference(text);
    if (!tag || tag->repository != repository) continue;
    const Result<ImageView> there = co_await exchange.ports().engine.inspectImage(tag->tagged());
    if (!there && there.error().code() != ErrorCode::NotFound) co_return exchange.engineAway(there.error());
    if (!there) continue;
    if (std::optional<Denial> denial = judge(exchange, *tag, *there, Bringing::Pull)) co_return denial;
    const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag->tagged());
    held.others = held.others || !owner || owner->login != exchange.caller().user.login;
  }
  held.claims.push_back(std::move(*claim));
  held.repository = std::move(repository);
  co_return std::nullopt;
}

asio::awaitable<void> settleTags(Exchange& exchange, HeldTags held, std::vector<std::string> images) {
  const std::string& login = exchange.caller().user.login;
  if (!held.repository.empty()) {
    const std::vector<std::string> fresh = co_await newTagsOfRepository(exchange, held);
    for (const std::string& tag : fresh) held.tags.emplace(tag, HeldTag{.image = {}, .own = true});
  }
  if (!held.digest.empty()) {
    const Result<ImageView> pulled = co_await exchange.ports().engine.inspectImage(held.digest);
    if (pulled) images.push_back(pulled->id);
  }
  ImageChange change;
  for (const auto& [tag, one] : held.tags) {
    const Result<ImageView> now = co_await exchange.ports().engine.inspectImage(tag);
    if (now && now->id == one.image) continue;  // nothing has become of it
    if (now && exchange.caller().admin) change.tags_gone.push_back(tag);
    if (now && !exchange.caller().admin) {
      if (one.own) change.tags.emplace_back(tag, ownership::TagOwner{login, held.bringing == Bringing::Make});
      images.push_back(now->id);
    }
    if (!now && now.error().code() == ErrorCode::NotFound && one.image.empty()) change.tags_gone.push_back(tag);
  }
  for (std::string& id : images) {
    if (isNewImage(held, id) && !exchange.caller().admin) change.images.emplace_back(std::move(id), login);
  }
  // What is not on disk is logged there, and the administrators' after a restart.
  if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
}

asio::awaitable<void> forgetGoneTags(Exchange& exchange) {
  std::vector<std::string> owned = exchange.ports().images.tags();
  std::erase_if(owned, [&](const std::string& tag) { return exchange.imageClaims().held(tagKey(tag)); });
  const Result<ImageList> here = co_await exchange.ports().engine.listImages();
  if (!here) co_return;
  std::set<std::string> tags;
  for (const std::string& text : here->tags) {
    const Result<docker::ImageReference> tag = docker::parseImageReference(text);
    if (tag) tags.insert(tag->tagged());
  }
  ImageChange change;
  for (std::string& tag : owned) {
    if (!tags.contains(tag) && !exchange.imageClaims().held(tagKey(tag))) change.tags_gone.push_back(std::move(tag));
  }
  if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
}

}  // namespace ds01::gateway
