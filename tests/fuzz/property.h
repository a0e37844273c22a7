// What the fuzz targets share: a property that does not hold ends the process, which libFuzzer reports with its input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ds01::fuzz {

inline std::string_view asText(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return {};  // libFuzzer's first input is null
  return {reinterpret_cast<const char*>(data), size};
}

// `detail` is shown beside the property: the value that breaks it.
inline void require(bool holds, std::string_view property, std::string_view detail = {}) {
  if (holds) return;
  const std::string text = "property broken: " + std::string(property) + "\n  " + std::string(detail) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::abort();
}

}  // namespace ds01::fuzz
