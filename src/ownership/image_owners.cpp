#include "ownership/image_owners.h"

#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/utf8.h"

namespace ds01::ownership {
namespace {

namespace json = boost::json;

constexpr std::int64_t kVersion = 1;

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorCode::Malformed, std::move(what));
}

const json::object* objectAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

std::optional<TagOwner> decodeTag(const json::value& value) {
  const json::object* const object = value.if_object();
  if (object == nullptr || object->size() != 2) return std::nullopt;
  const json::value* const login = object->if_contains("login");
  const json::value* const made = object->if_contains("made");
  if (login == nullptr || !login->is_string() || made == nullptr || !made->is_bool()) return std::nullopt;
  return TagOwner{std::string(login->get_string()), made->get_bool()};
}

}  // namespace

std::optional<TagOwner> ImageOwners::ofTag(std::string_view tag) const {
  const auto known = tags_.find(tag);
  return known == tags_.end() ? std::nullopt : std::optional(known->second);
}

std::optional<std::string> ImageOwners::ofImage(std::string_view id) const {
  const auto known = images_.find(id);
  return known == images_.end() ? std::nullopt : std::optional(known->second);
}

bool ImageOwners::putTag(std::string tag, TagOwner owner) {
  const auto known = tags_.find(tag);
  const bool is_new = known == tags_.end() || known->second.login != owner.login;
  if (is_new && counts_[owner.login].tags >= kMostTags) return false;
  dropTag(tag);
  ++counts_[owner.login].tags;
  tags_.emplace(std::move(tag), std::move(owner));
  return true;
}

void ImageOwners::dropTag(std::string_view tag) {
  const auto known = tags_.find(tag);
  if (known == tags_.end()) return;
  --counts_[known->second.login].tags;
  tags_.erase(known);
}

void ImageOwners::putImage(std::string id, std::string login) {
  if (images_.contains(id) || counts_[login].images >= kMostImages) return;
  ++counts_[login].images;
  images_.emplace(std::move(id), std::move(login));
}

void ImageOwners::dropImage(std::string_view id) {
  const auto known = images_.find(id);
  if (known == images_.end()) return;
  --counts_[known->second].images;
  images_.erase(known);
}

std::string encodeImageOwners(const ImageOwners& owners) {
  json::object tags;
  for (const auto& [tag, owner] : owners.tags()) {
    tags[tag] = json::object{{"login", replaceInvalidUtf8(owner.login)}, {"made", owner.made}};
  }
  json::object images;
  for (const auto& [id, login] : owners.images()) images[id] = replaceInvalidUtf8(login);
  return json::serialize(
             json::object{{"version", kVersion}, {"tags", std::move(tags)}, {"images", std::move(images)}}) +
         "\n";
}

Result<ImageOwners> decodeImageOwners(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return malformed(error.message());
  const json::object* const file = value.if_object();
  if (file == nullptr || file->size() != 3) return malformed("expected an object with version, tags and images");
  const json::value* const version = file->if_contains("version");
  if (version == nullptr || !version->is_int64() || version->get_int64() != kVersion) {
    return malformed("version: expected 1");
  }
  const json::object* const tags = objectAt(*file, "tags");
  const json::object* const images = objectAt(*file, "images");
  if (tags == nullptr || images == nullptr) return malformed("tags, images: expected objects");
  ImageOwners owners;
  for (const auto& [tag, entry] : *tags) {
    std::optional<TagOwner> owner = decodeTag(entry);
    if (!owner || !owners.putTag(std::string(tag), std::move(*owner))) {
      return malformed(fmt::format("tags.{}: no owner, or one with too many tags", std::string_view(tag)));
    }
  }
  for (const auto& [id, login] : *images) {
    if (!login.is_string()) return malformed(fmt::format("images.{}: no owner", std::string_view(id)));
    owners.putImage(std::string(id), std::string(login.get_string()));
  }
  return owners;
}

}  // namespace ds01::ownership
