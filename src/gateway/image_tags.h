// Whose tags are. Everybody sees and uses all images; what is set, moved and removed is guarded, because whoever moves
// a tag chooses what others run under that name.
//
// A tag is claimed by who is about to set it until the Engine has answered: between a look at it and the setting,
// somebody else could make it theirs.
//
// One thread.
#pragma once

#include <map>
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

struct HeldTag {
  std::string image;  // what it meant before; empty: nothing
  bool own = false;   // or free
};

// What one request is about to set. Claims end with it.
struct HeldTags {
  Bringing bringing = Bringing::Make;
  std::vector<NameClaims::Claim> claims;
  std::map<std::string, HeldTag> tags;  // by full form; those that were free are the caller's from now on
  bool others = false;                  // tags of others are among what may be set
  // The Engine's before, if the request brings images: what was there is nobody's to take.
  std::optional<ImageList> before;
  std::string repository;  // all tags of which are pulled; else empty
  std::string digest;      // what is pulled by digest, as a reference; else empty
};

// The images that are there, to be asked for first. Unavailable and the like.
boost::asio::awaitable<Status> lookAtImages(Exchange& exchange, HeldTags& held);

// Why not, if it may not be: 409, 503.
boost::asio::awaitable<std::optional<Denial>> holdTags(Exchange& exchange, HeldTags& held,
                                                       std::vector<docker::ImageReference> wanted);
// All tags that the registry has of a repository, or an image of it by digest: refused if it has one here that did not
// come from there. Looks at the images itself, under the claim.
boost::asio::awaitable<std::optional<Denial>> holdRepository(Exchange& exchange, HeldTags& held,
                                                             std::string repository);

// When the Engine has answered: what is there now is the caller's, with the images under it and `images`; what did not
// come to be is nobody's. Then the claims end.
boost::asio::awaitable<void> settleTags(Exchange& exchange, HeldTags held, std::vector<std::string> images);

// Of the caller's: a tag in full form, or an id. What the Engine says has gone; nothing if it does not let it go.
boost::asio::awaitable<Result<boost::json::array>> removeOwnImage(Exchange& exchange, std::string reference);

// The path of an image, a tag or a repository, as the Engine's API has it: images/docker.io/library/busybox:1.
std::vector<std::string> segmentsOf(std::string_view name);

// The claims of who makes or removes a tag; empty: somebody else is at it.
std::vector<NameClaims::Claim> claimToMake(Exchange& exchange, const docker::ImageReference& tag);

// Forgets the owners of tags that are gone.
boost::asio::awaitable<void> forgetGoneTags(Exchange& exchange);

Denial notYourImage(std::string_view what);
Denial tagBusy(const std::string& tag);

}  // namespace ds01::gateway
