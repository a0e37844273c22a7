// The tar of POST /images/load: what is found does not depend on the pieces it arrives in, and names come whole.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/property.h"
#include "gateway/load_guard.h"
#include "ownership/image_owners.h"

namespace ds01::gateway {
namespace {

using fuzz::require;

struct Found {
  std::vector<std::string> names;
  std::string refusal;
  friend bool operator==(const Found&, const Found&) = default;
};

Found read(std::string_view archive, std::size_t piece) {
  Found found;
  LoadGuard guard;
  for (std::size_t at = 0; at < archive.size() && found.refusal.empty(); at += piece) {
    const auto denial = guard.feed(archive.substr(at, piece));
    if (denial) found.refusal = denial->text;
    for (const docker::ImageReference& name : guard.takeNames()) found.names.push_back(name.tagged());
  }
  return found;
}

void take(std::string_view archive) {
  const Found whole = read(archive, archive.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, std::size_t{512}}) {
    require(read(archive, piece) == whole, "pieces make no difference");
  }
  require(whole.names.size() <= ownership::ImageOwners::kMostTags, "names are bounded");
  for (const std::string& name : whole.names) {
    const Result<docker::ImageReference> again = docker::parseImageReference(name);
    require(again && again->tagged() == name, "a name is in its full form");
  }
}

}  // namespace
}  // namespace ds01::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::gateway::take(ds01::fuzz::asText(data, size));
  return 0;
}
