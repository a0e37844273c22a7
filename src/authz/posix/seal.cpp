#include "authz/posix/seal.h"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "net/random_id.h"

namespace ds01::authz::posix {

namespace {

unsigned valueOf(char digit) {
  return digit <= '9' ? static_cast<unsigned>(digit - '0') : static_cast<unsigned>(digit - 'a' + 10);
}

}  // namespace

MacFunction sealWith(std::string key) {
  return [key = std::move(key)](std::string_view text) {
    Mac mac{};
    unsigned length = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    const unsigned char* made =
        ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), mac.data(), &length);
    if (made == nullptr || length != mac.size()) std::ranges::copy(newKey(), mac.begin());
    return mac;
  };
}

std::string newKey() {
  const std::string hex = net::randomHex(kKeyBytes);
  std::string key;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    key += static_cast<char>(valueOf(hex[i]) << 4 | valueOf(hex[i + 1]));
  }
  return key;
}

}  // namespace ds01::authz::posix
