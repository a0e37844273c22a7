// Archives, byte by byte.
#pragma once

#include <string>

#include <fmt/format.h>

namespace ds01::gateway::test {

inline std::string padded(std::string text) {
  text.resize((text.size() + 511) / 512 * 512, '\0');
  return text;
}

inline std::string withSum(std::string block) {
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  block.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return block;
}

inline std::string header(char type, std::size_t size = 0, const std::string& name = "x") {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  block.replace(124, 11, fmt::format("{:011o}", size));
  block[156] = type;
  block.replace(257, 5, "ustar");
  return withSum(block);
}

inline std::string file(const std::string& contents, const std::string& name = "x") {
  return header('0', contents.size(), name) + padded(contents);
}

inline std::string record(const std::string& key, const std::string& value) {
  std::size_t length = key.size() + value.size() + 3;
  while (fmt::format("{} {}={}\n", length, key, value).size() != length) ++length;
  return fmt::format("{} {}={}\n", length, key, value);
}

inline std::string extended(const std::string& records, char type = 'x') {
  return header(type, records.size()) + padded(records);
}

inline const std::string kEnd(1024, '\0');

}  // namespace ds01::gateway::test
