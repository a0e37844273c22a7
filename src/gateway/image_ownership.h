// Who brought which tag and image here, as the gateway asks for it and changes it. I/O thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "ownership/image_owners.h"

namespace ds01::gateway {

struct ImageChange {
  std::vector<std::pair<std::string, ownership::TagOwner>> tags = {};  // theirs from now on
  std::vector<std::pair<std::string, std::string>> images = {};        // id and login, where nobody has the id yet
  std::vector<std::string> tags_gone = {};
  std::vector<std::string> images_gone = {};

  bool empty() const { return tags.empty() && images.empty() && tags_gone.empty() && images_gone.empty(); }
};

class ImageOwnership {
 public:
  virtual ~ImageOwnership() = default;
  // Tags in their full form, ids as "sha256:…". Unset: the administrators'.
  virtual std::optional<ownership::TagOwner> ofTag(const std::string& tag) const = 0;
  virtual std::vector<std::string> tags() const = 0;  // that have an owner
  virtual std::optional<std::string> ofImage(const std::string& id) const = 0;
  // On disk when it returns. Io: it is not, and holds until ds01d ends. Exhausted: the login has as many tags as it may
  // have, with a sentence; nothing has changed.
  virtual boost::asio::awaitable<Status> change(ImageChange change) = 0;
};

}  // namespace ds01::gateway
