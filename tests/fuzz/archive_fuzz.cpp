// The tar of PUT /containers/{}/archive: the verdict does not depend on the pieces it arrives in, and a device file at
// the front is always found.
#include <optional>
#include <string_view>

#include "fuzz/property.h"
#include "gateway/archive_guard.h"

namespace ds01::gateway {
namespace {

using fuzz::require;

std::optional<Denial> verdict(std::string_view archive, std::size_t piece) {
  ArchiveGuard guard;
  for (std::size_t at = 0; at < archive.size(); at += piece) {
    if (auto denial = guard.feed(archive.substr(at, piece))) return denial;
  }
  return std::nullopt;
}

void take(std::string_view archive) {
  const auto whole = verdict(archive, archive.size() + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, std::size_t{512}}) {
    const auto pieces = verdict(archive, piece);
    require(pieces.has_value() == whole.has_value() && (!whole || pieces->text == whole->text),
            "pieces make no difference");
  }
  if (whole)
    return require((whole->http_status == 400 || whole->http_status == 403) && !whole->text.empty(), "a denial");
  if (archive.size() < 512) return;
  const char type = archive[156];
  const bool padding = archive.substr(0, 512).find_first_not_of('\0') == std::string_view::npos;
  require(padding || (type != '3' && type != '4'), "no device file passes");
}

}  // namespace
}  // namespace ds01::gateway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::gateway::take(ds01::fuzz::asText(data, size));
  return 0;
}
