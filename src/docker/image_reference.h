// Names of images as the Engine understands them (github.com/distribution/reference): "busybox", "me/x:1",
// "host:5000/x@sha256:…".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ds01::docker {

struct ImageReference {
  std::string repository;  // with its registry, as the Engine files it: docker.io/library/busybox
  std::string tag;         // empty: none was given
  std::string digest;      // sha256:<64 hex digits>; empty: none

  // The tag that is meant where one is set, moved or removed: without one "latest".
  std::string tagged() const { return repository + ":" + (tag.empty() ? std::string("latest") : tag); }
  // Names neither a tag nor a digest.
  bool nameOnly() const { return tag.empty() && digest.empty(); }

  friend bool operator==(const ImageReference&, const ImageReference&) = default;
};

// InvalidArgument in the Engine's words. Stricter than the Engine where its versions differ: a name of 64 hex digits, a
// first component with upper case that might be a registry, a registry by IPv6 address, and digests that are not
// SHA-256 are refused.
Result<ImageReference> parseImageReference(std::string_view text);

// As two parameters of a query say it: `tag` counts instead of the name's own, and may be a digest.
Result<ImageReference> parseImageReference(std::string_view name, std::string_view tag);

// "sha256:<64 hex digits>" of an image's id in that form; a prefix of one, with or without "sha256:", is none.
bool isImageId(std::string_view text);

}  // namespace ds01::docker
