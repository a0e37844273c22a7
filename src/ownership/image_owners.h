// Who brought which tag and which image to this machine. The Engine does not keep that and nothing in an image can be
// trusted to say it, so it is kept in the state directory. What is not in here is the administrators'.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ds01::ownership {

struct TagOwner {
  std::string login;
  bool made = false;  // built, loaded, imported, committed or tagged here; else it came from its registry
  friend bool operator==(const TagOwner&, const TagOwner&) = default;
};

// Tags are in their full form, "docker.io/library/busybox:latest", images by id, "sha256:…".
class ImageOwners {
 public:
  static constexpr std::size_t kMostTags = 500;     // of one login
  static constexpr std::size_t kMostImages = 1000;  // of one login

  std::optional<TagOwner> ofTag(std::string_view tag) const;
  std::optional<std::string> ofImage(std::string_view id) const;

  // False, and nothing changes: the login has as many as it may have.
  bool putTag(std::string tag, TagOwner owner);
  void dropTag(std::string_view tag);
  // Whoever had it first keeps it. More than kMostImages are not remembered.
  void putImage(std::string id, std::string login);
  void dropImage(std::string_view id);

  using Tags = std::map<std::string, TagOwner, std::less<>>;
  using Images = std::map<std::string, std::string, std::less<>>;
  const Tags& tags() const { return tags_; }
  const Images& images() const { return images_; }

 private:
  struct Counts {
    std::size_t tags = 0;
    std::size_t images = 0;
  };
  Tags tags_;
  Images images_;
  std::map<std::string, Counts, std::less<>> counts_;  // by login
};

// image-owners.json: {"version":1,"tags":{TAG:{"login":LOGIN,"made":BOOL}},"images":{ID:LOGIN}}
std::string encodeImageOwners(const ImageOwners& owners);
// Malformed: not what we write.
Result<ImageOwners> decodeImageOwners(std::string_view text);

}  // namespace ds01::ownership
