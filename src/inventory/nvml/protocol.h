// What ds01d and its child process say to each other over a socket pair. Each message is a frame: four bytes of length,
// big endian, then that many bytes of JSON, {"version":1,"type":…}. Both ends are one program, but the child has a
// foreign library in its address space: what it sends is read as strictly as what a stranger sends.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "inventory/readings.h"

namespace ds01::inventory::nvml {

inline constexpr std::size_t kLongestFrame = 256 * 1024;

// From the child, one after each attempt to read.
struct Changed {  // or the first
  Readings readings;
};
struct Unchanged {};
struct Failed {             // the child ends after it
  bool no_library = false;  // libnvidia-ml.so.1 cannot be loaded: there is no driver on this machine
  std::string why;          // "nvmlInit: Driver Not Loaded"
};
struct Report {
  std::variant<Changed, Unchanged, Failed> what;
  std::chrono::microseconds took{};  // the reading, with opening the driver
};

// The only thing that ds01d says: read now.
inline constexpr std::string_view kReadNow = R"({"version":1,"type":"read"})";

std::string encode(const Report& report);  // without the length; valid UTF-8
// Malformed, with the place: a field more or less, another type or version, text or lists that are too long.
Result<Report> decode(std::string_view json);

std::string frame(std::string_view message);

// Bytes in, messages out.
class FrameReader {
 public:
  void append(std::string_view bytes) { buffer_.append(bytes); }
  // Unset: not yet whole. Malformed: longer than kLongestFrame, or empty; nothing that follows has a meaning then.
  Result<std::optional<std::string>> next();

 private:
  std::string buffer_;
};

}  // namespace ds01::inventory::nvml
