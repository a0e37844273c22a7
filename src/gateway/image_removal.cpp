// DELETE /images/{}: as one tag or one image by its full id, whatever it was called.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "gateway/container_rules.h"
#include "gateway/handlers.h"
#include "gateway/image_tags.h"
#include "gateway/views.h"

namespace ds01::gateway {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

// Without force the Engine refuses what a container uses and says which.
asio::awaitable<void> hideUser(Exchange& exchange, WholeResponse& response) {
  if (response.head.status != 409) co_return;
  const std::optional<std::string> id = containerInImageConflict(response.body);
  if (!id) co_return;
  const Result<OwnedContainer> user = co_await exchange.ports().ownership.find(*id);
  if (user && user->owner == exchange.caller().user.login) co_return;
  response.body = imageConflictWithoutContainer(response.body, *id);
}

ImageChange goneBy(const WholeResponse& response) {
  ImageChange change;
  const Result<json::value> answer = parseAnswer(response.body);
  if (!answer || !answer->is_array()) return change;
  for (const json::value& item : answer->get_array()) {
    const json::object* const line = item.if_object();
    if (line == nullptr) continue;
    const json::value* const untagged = line->if_contains("Untagged");
    const json::value* const deleted = line->if_contains("Deleted");
    if (deleted != nullptr && deleted->is_string()) change.images_gone.emplace_back(deleted->get_string());
    if (untagged == nullptr || !untagged->is_string()) continue;
    const Result<docker::ImageReference> tag = docker::parseImageReference(std::string_view(untagged->get_string()));
    if (tag && tag->digest.empty()) change.tags_gone.push_back(tag->tagged());
  }
  return change;
}

asio::awaitable<Flow> removeImage(Exchange& exchange) {
  Outgoing out = exchange.outgoing();
  Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return co_await exchange.engineFailed(response.error());
  if (response->head.status == 200) {
    ImageChange change = goneBy(*response);
    if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
  }
  if (!exchange.caller().admin) co_await hideUser(exchange, *response);
  co_return co_await exchange.relayWhole(std::move(*response));
}

// What of an image a reference means, as the Engine decides it: a prefix of its id means the image.
struct Removal {
  std::optional<docker::ImageReference> tag;  // else the whole image
};
Removal meaningOf(const std::string& ref, const ImageView& image) {
  constexpr std::string_view kAlgorithm = "sha256:";
  const std::string_view digits = std::string_view(image.id).substr(std::min(kAlgorithm.size(), image.id.size()));
  if (image.id.starts_with(ref) || digits.starts_with(ref)) return {};
  Result<docker::ImageReference> reference = docker::parseImageReference(ref);
  if (!reference || !reference->digest.empty()) return {};
  return {std::move(*reference)};
}

// The one tag of an image that is meant by its id or digest, if all of it is the caller's.
std::expected<std::optional<docker::ImageReference>, Denial> onlyTagOf(Exchange& exchange, const ImageView& image) {
  const std::string& login = exchange.caller().user.login;
  std::vector<docker::ImageReference> tags;
  for (const std::string& text : image.tags) {
    Result<docker::ImageReference> tag = docker::parseImageReference(text);
    if (tag && tag->digest.empty() && !tag->tag.empty()) tags.push_back(std::move(*tag));
  }
  if (tags.size() > 1) {
    return std::unexpected(Denial{409, "image_tags", "this image has several names; remove them one by one, by name"});
  }
  if (tags.size() == 1) return std::move(tags.front());
  if (exchange.ports().images.ofImage(image.id) == login) return std::nullopt;
  return std::unexpected(notYourImage("this image"));
}

}  // namespace

asio::awaitable<Result<json::array>> removeOwnImage(Exchange& exchange, std::string reference) {
  std::vector<NameClaims::Claim> claims;
  if (!docker::isImageId(reference)) {
    const Result<docker::ImageReference> tag = docker::parseImageReference(reference);
    if (tag) claims = claimToMake(exchange, *tag);
    if (claims.empty()) co_return json::array();
  }
  exchange.setAbout({"image", reference, {}, exchange.caller().user.login});
  Outgoing out = question(exchange, "DELETE", segmentsOf(reference), {});
  const Result<WholeResponse> response = co_await exchange.ask(std::move(out));
  if (!response) co_return fail(response.error());
  if (response->head.status != 200) co_return json::array();
  ImageChange change = goneBy(*response);
  if (!change.empty()) co_await exchange.ports().images.change(std::move(change));
  Result<json::value> answer = parseAnswer(response->body);
  if (!answer || !answer->is_array()) co_return json::array();
  co_return std::move(answer->get_array());
}

asio::awaitable<Flow> handleImageRemove(Exchange& exchange) {
  if (exchange.mayIgnore(RuleClass::Ownership)) co_return co_await removeImage(exchange);
  if (exchange.target().truthy("force")) {
    Denial denial{403, "image_force",
                  "images are shared, so they cannot be removed by force; remove your containers of this image first"};
    co_return co_await exchange.deny(std::move(denial));
  }
  const std::string ref = exchange.name();
  const Result<ImageView> image = co_await exchange.ports().engine.inspectImage(ref);
  if (!image) {
    // In the Engine's own words.
    const ErrorCode code = image.error().code();
    if (code == ErrorCode::NotFound) co_return co_await exchange.message(404, image.error().message());
    if (code == ErrorCode::InvalidArgument) co_return co_await exchange.message(400, image.error().message());
    co_return co_await exchange.engineFailed(image.error());
  }
  Removal removal = meaningOf(ref, *image);
  if (!removal.tag) {
    auto only = onlyTagOf(exchange, *image);
    if (!only) co_return co_await exchange.deny(std::move(only.error()));
    removal.tag = std::move(*only);
  }
  if (!removal.tag) {
    exchange.target().segments = segmentsOf(image->id);
    co_return co_await removeImage(exchange);
  }
  const std::string tag = removal.tag->tagged();
  const std::optional<ownership::TagOwner> owner = exchange.ports().images.ofTag(tag);
  if (!owner || owner->login != exchange.caller().user.login) {
    Denial denial = notYourImage(ref);
    co_return co_await exchange.deny(std::move(denial));
  }
  const std::vector<NameClaims::Claim> claims = claimToMake(exchange, *removal.tag);
  if (claims.empty()) {
    Denial denial = tagBusy(tag);
    co_return co_await exchange.deny(std::move(denial));
  }
  exchange.target().segments = segmentsOf(tag);
  co_return co_await removeImage(exchange);
}

}  // namespace ds01::gateway
