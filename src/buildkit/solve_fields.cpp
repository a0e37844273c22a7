#include "buildkit/solve_fields.h"

#include <cstdint>

#include <protozero/pbf_writer.hpp>

namespace ds01::buildkit {

namespace {

constexpr std::uint32_t kSession = 5;

}  // namespace

std::string sessionField(std::string_view session) {
  std::string out;
  protozero::pbf_writer(out).add_string(kSession, session.data(), session.size());
  return out;
}

}  // namespace ds01::buildkit
