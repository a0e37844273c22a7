// Whose tags are. Everybody sees and uses all images; what is set, moved and removed is guarded, because whoever moves
// a tag chooses what others run under that name.
//
// A tag is claimed by who is about to set it until the Engine has answered: between a look at it and the setting,
// somebody else could make it theirs.
//
// One thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>

#include "docker/image_reference.h"
#include "gateway/exchange.h"
#include "gateway/object_names.h"

namespace ds01::gateway {

enum class Bringing {
  Make,  // build, load, import, commit, tag: only over the caller's own
  Pull,  // also over what others brought from the same registry
};

struct HeldTags {
  std::vector<NameClaims::Claim> claims;
  std::vector<std::string> tags;   // full form
  std::vector<std::string> fresh;  // those of `tags` that did not exist; they are the caller's from now on
  // Why not, if it may not be; then nothing is held.
  std::optional<Denial> denial;
  std::optional<Error> engine_failed;
};
// Admins set what they like; for them nothing is held.
boost::asio::awaitable<HeldTags> holdTags(Exchange& exchange, std::vector<docker::ImageReference> wanted,
                                          Bringing bringing);
// All tags that the registry has of a repository.
boost::asio::awaitable<HeldTags> holdRepository(Exchange& exchange, docker::ImageReference repository);
// The answer when something is in the way.
boost::asio::awaitable<Flow> refuse(Exchange& exchange, HeldTags held);

// When the Engine has answered: what is there now is the caller's, with the images under it and `images`, unless
// `images_of_others`; what did not come to be is nobody's. Then the claims end.
boost::asio::awaitable<void> settleTags(Exchange& exchange, HeldTags held, std::vector<std::string> images = {},
                                        bool images_of_others = false);
// The same for a pull of a whole repository, whose tags were not known before, and for a load, of which `held.fresh`
// are the tags that were not there.
boost::asio::awaitable<void> settleRepository(Exchange& exchange, HeldTags held, docker::ImageReference repository);
boost::asio::awaitable<void> settleLoad(Exchange& exchange, HeldTags held, std::vector<std::string> images);

// All tags that the Engine has, in full form. Forgets owners of those that are gone.
boost::asio::awaitable<Result<std::set<std::string>>> listTags(Exchange& exchange);

// The claims on a tag that is about to be made; empty: somebody else is at it.
std::vector<NameClaims::Claim> claimToMake(Exchange& exchange, const docker::ImageReference& tag);

// To remove it.
Denial notYourImage(std::string_view what);
// Of the caller's: a tag in full form, or an id. What the Engine says has gone; nothing if it does not let it go.
boost::asio::awaitable<Result<boost::json::array>> removeOwnImage(Exchange& exchange, std::string reference);
Denial tagTaken(const std::string& tag, const std::string& login);
Denial tagBusy(const std::string& tag);

}  // namespace ds01::gateway
