// gpu-state.json as it may be found after a crash, a full disk or an editor: only what we could have written is read,
// and it is written again as it was read.
#include <set>
#include <string>
#include <string_view>

#include "allocator/codec.h"
#include "fuzz/property.h"

namespace ds01::allocator {
namespace {

using fuzz::require;

void take(std::string_view text) {
  const auto leases = decodeState(text);
  if (!leases) return require(!leases.error().message().empty(), "a refusal has a sentence");
  std::set<std::string> ids;
  std::set<std::string> uuids;
  for (const Lease& lease : *leases) {
    require(ids.insert(lease.id.str()).second, "an id stands once", lease.id.str());
    require(!lease.uuids.empty() || !lease.container.empty(), "a lease holds a slot or is a container's");
    for (const std::string& uuid : lease.uuids) require(uuids.insert(uuid).second, "a slot is leased once", uuid);
    require((lease.state == Lease::State::Reserved) == lease.container.empty(), "reserved means without a container");
    require(lease.weight.micro >= 0, "no weight is negative");
  }
  const std::string written = encodeState(*leases);
  const auto again = decodeState(written);
  require(again.has_value(), "what we write is read", again ? written : again.error().message() + "\n" + written);
  require(encodeState(*again) == written, "writing twice changes nothing", written);
}

}  // namespace
}  // namespace ds01::allocator

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ds01::allocator::take(ds01::fuzz::asText(data, size));
  return 0;
}
