// Boost's header is internal to Boost.Uuid, and the digest's type differs between its versions; both are handled here
// and held by a test with the vectors of RFC 1321.
#include "slices/md5.h"

#include <boost/uuid/detail/md5.hpp>
#include <fmt/format.h>

namespace ds01::slices {

std::string md5Hex(std::string_view bytes) {
  boost::uuids::detail::md5 hash;
  hash.process_bytes(bytes.data(), bytes.size());
  boost::uuids::detail::md5::digest_type digest;
  hash.get_digest(digest);
  std::string hex;
  for (const auto part : digest) {
    hex += fmt::format("{:0{}x}", part, 2 * sizeof part);
  }
  return hex;
}

}  // namespace ds01::slices
