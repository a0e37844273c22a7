#include "base/units.h"

#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ds01 {
namespace {

std::string trimmed(std::int64_t value, std::int64_t scale, int digits) {
  std::string text = fmt::format("{}.{:0{}}", value / scale, value % scale, digits);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string toString(GpuEq amount) {
  return amount.micro < 0 ? "-" + trimmed(-amount.micro, 1'000'000, 6) : trimmed(amount.micro, 1'000'000, 6);
}

std::string toString(Bytes amount) {
  static constexpr std::array<std::pair<std::int64_t, std::string_view>, 4> kUnits{
      {{1LL << 40, "TiB"}, {1LL << 30, "GiB"}, {1LL << 20, "MiB"}, {1LL << 10, "KiB"}}};
  for (const auto& [size, name] : kUnits) {
    if (amount.count >= size && amount.count % size == 0) return fmt::format("{} {}", amount.count / size, name);
  }
  for (const auto& [size, name] : kUnits) {
    if (amount.count >= size) {
      return fmt::format("{:.1f} {}", static_cast<double>(amount.count) / static_cast<double>(size), name);
    }
  }
  return fmt::format("{} B", amount.count);
}

std::string toString(CpuMillis amount) {
  return trimmed(amount.count, 1000, 3) + (amount.count == 1000 ? " CPU" : " CPUs");
}

}  // namespace ds01
