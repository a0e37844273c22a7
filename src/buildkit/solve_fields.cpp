#include "buildkit/solve_fields.h"

#include <cstdint>

#include <protozero/pbf_writer.hpp>

namespace ds01::buildkit {

namespace {

constexpr std::uint32_t kSession = 5;
constexpr std::uint32_t kCache = 8;
constexpr std::uint32_t kExports = 4;  // of CacheOptions
constexpr std::uint32_t kType = 1;     // of CacheOptionsEntry

}  // namespace

std::string sessionField(std::string_view session) {
  std::string out;
  protozero::pbf_writer(out).add_string(kSession, session.data(), session.size());
  return out;
}

std::string inlineCacheField() {
  std::string entry;
  protozero::pbf_writer(entry).add_string(kType, "inline");
  std::string options;
  protozero::pbf_writer(options).add_message(kExports, entry);
  std::string out;
  protozero::pbf_writer(out).add_message(kCache, options);
  return out;
}

}  // namespace ds01::buildkit
