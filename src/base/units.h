// Amounts with their unit in the type. All are whole numbers: sums of shares of a GPU must come back to exactly zero.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace ds01 {

// GPU equivalents in millionths: a whole GPU is 1'000'000, a MIG instance 2g of 7 slices 285'714 (rounded down).
struct GpuEq {
  std::int64_t micro = 0;

  static constexpr GpuEq whole(std::int64_t gpus) { return {gpus * 1'000'000}; }
  friend constexpr auto operator<=>(GpuEq, GpuEq) = default;
  friend constexpr GpuEq operator+(GpuEq a, GpuEq b) { return {a.micro + b.micro}; }
  friend constexpr GpuEq operator-(GpuEq a, GpuEq b) { return {a.micro - b.micro}; }
  constexpr GpuEq& operator+=(GpuEq b) { return micro += b.micro, *this; }
  constexpr GpuEq& operator-=(GpuEq b) { return micro -= b.micro, *this; }
  constexpr double gpus() const { return static_cast<double>(micro) / 1e6; }
};

struct Bytes {
  std::int64_t count = 0;
  friend constexpr auto operator<=>(Bytes, Bytes) = default;
};

// Thousandths of a CPU; Docker's NanoCpus is this times 1'000'000.
struct CpuMillis {
  std::int64_t count = 0;
  friend constexpr auto operator<=>(CpuMillis, CpuMillis) = default;
};

// For people: "1", "0.285714" (no trailing zeros), "32 GiB", "512 MiB", "1.5 CPUs".
std::string toString(GpuEq amount);
std::string toString(Bytes amount);
std::string toString(CpuMillis amount);

}  // namespace ds01
