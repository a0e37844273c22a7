#include "gateway/load_guard.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include "admission/body_schema.h"
#include "ownership/image_owners.h"

namespace ds01::gateway {

namespace {

namespace json = boost::json;

constexpr std::string_view kRepositories = "repositories";
constexpr std::array<std::string_view, 3> kIndices{"manifest.json", "index.json", kRepositories};

struct Named {
  std::string name;
  std::string tag = {};      // of `repositories` only
  bool may_be_else = false;  // what is no name of an image sets no tag
};

// The names that an index gives to images. A DOM would hide keys that come twice, of which Go takes the last one.
class NameFinder {
 public:
  // NOLINTBEGIN(readability-identifier-naming): Boost.JSON calls them so
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using error_code = boost::system::error_code;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    keys_.push_back(std::exchange(key_, {}));
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    key_ = std::move(keys_.back());
    keys_.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) { return append(part); }
  bool on_key(json::string_view part, std::size_t, error_code&) {
    append(part);
    key_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, error_code&) { return append(part); }
  bool on_string(json::string_view part, std::size_t, error_code&) {
    append(part);
    found(std::exchange(text_, {}));
    return true;
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double, json::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
  // NOLINTEND(readability-identifier-naming)

  bool repositories = false;  // {NAME: {TAG: ID}}
  std::vector<Named> names;

 private:
  bool append(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  void found(std::string text) {
    if (repositories) {
      if (keys_.size() == 2) names.push_back({.name = keys_.back(), .tag = key_});
      return;
    }
    const std::string key = admission::foldKey(key_);
    if (key == "repotags" || key == "io.containerd.image.name") {
      names.push_back({.name = std::move(text)});
      // Without these it is the tag of a name that stands beside it.
    } else if (key == "org.opencontainers.image.ref.name" && text.find_first_of("/:") != std::string::npos) {
      names.push_back({.name = std::move(text), .may_be_else = true});
    }
  }

  std::string text_;
  std::string key_;                // of the value that is being read, or of the list that it stands in
  std::vector<std::string> keys_;  // of the objects around it
};

std::string cleaned(const std::string& name) {
  // As Go's filepath.Clean below the folder that the Engine unpacks into.
  std::string clean = std::filesystem::path("/" + name).lexically_normal().relative_path().native();
  while (clean.ends_with('/')) clean.pop_back();
  return clean;
}

bool isIndex(const std::string& name) {
  const std::string clean = cleaned(name);
  return std::ranges::find(kIndices, clean) != kIndices.end();
}

std::string_view lastPart(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Layers that were saved once for several images: ID/layer.tar → ../ID/layer.tar. As such a link ends in what is itself
// called so, none leads to the top folder or to an index.
bool isLayerLink(const TarEntry& entry) {
  return !entry.links.empty() &&
         std::ranges::all_of(entry.names, [](const std::string& name) { return lastPart(name) == "layer.tar"; }) &&
         std::ranges::all_of(entry.links, [](const std::string& link) { return lastPart(link).ends_with(".tar"); });
}

}  // namespace

Denial LoadGuard::compressed() const {
  Denial denial =
      notUnderstood("docker load takes no compressed archives on this server, because it looks at their tags");
  denial.remedy = "Decompress it on the way: gunzip -c FILE | docker load, or xz -dc, bzip2 -dc, zstd -dc.";
  denial.text += "; decompress it on the way, as in gunzip -c FILE | docker load";
  return denial;
}

std::optional<Denial> LoadGuard::onEntry(const TarEntry& entry) {
  is_index_ = std::ranges::any_of(entry.names, isIndex);
  repositories_ = is_index_ && cleaned(entry.names.front()) == kRepositories;
  index_.clear();
  const auto other = [&](const std::string& name) { return cleaned(name) != cleaned(entry.names.front()); };
  if (is_index_ && std::ranges::any_of(entry.names, other)) return notUnderstood("its list of images has two names");
  switch (entry.type) {
    case '0':
      return std::nullopt;
    case '5':
      if (!is_index_) return std::nullopt;
      break;
    case '2':
      if (!is_index_ && isLayerLink(entry)) return std::nullopt;
      break;
    default:
      break;
  }
  return notUnderstood(fmt::format("\"{}\" is neither a file nor a folder, which no archive of docker save holds there",
                                   entry.names.empty() ? "" : entry.names.front()));
}

std::optional<Denial> LoadGuard::onContents(std::string_view bytes, bool last) {
  if (!is_index_) return std::nullopt;
  index_bytes_ += bytes.size();
  if (index_bytes_ > kMaxIndex) return notUnderstood("its list of images is too long");
  index_ += bytes;
  return last ? readIndex() : std::nullopt;
}

std::optional<Denial> LoadGuard::readIndex() {
  json::basic_parser<NameFinder> parser{json::parse_options{}};
  parser.handler().repositories = repositories_;
  boost::system::error_code error;
  const std::size_t used = parser.write_some(false, index_.data(), index_.size(), error);
  const bool more = index_.find_first_not_of(" \t\r\n", used) != std::string::npos;
  if (error || more) return notUnderstood("its list of images is not valid JSON");
  for (const Named& named : parser.handler().names) {
    Result<docker::ImageReference> reference = docker::parseImageReference(named.name, named.tag);
    if (!reference && named.may_be_else) continue;
    if (!reference) return Denial{400, "image_reference", reference.error().message()};
    if (++names_ > ownership::ImageOwners::kMostTags) return notUnderstood("it has too many names for images");
    found_.push_back(std::move(*reference));
  }
  return std::nullopt;
}

}  // namespace ds01::gateway
