// What our readers make of the bytes; the same protocol as go/main.go.
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "admission/json_guard.h"
#include "gateway/tar_guard.h"

namespace ds01 {
namespace {

std::string hex(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) out += fmt::format("{:02x}", c);
  return out;
}

class Entries final : public gateway::TarGuard {
 public:
  std::string text;

 private:
  std::optional<Denial> onEntry(const gateway::TarEntry& entry) override {
    text += fmt::format("entry {}", static_cast<int>(entry.type));
    for (const std::string& name : entry.names) text += " " + hex("n" + name);
    text += "\n";
    bytes_ = 0;
    return std::nullopt;
  }
  std::optional<Denial> onContents(std::string_view bytes, bool last) override {
    bytes_ += bytes.size();
    if (last) text += fmt::format("contents {}\n", bytes_);
    return std::nullopt;
  }
  std::uint64_t bytes_ = 0;
};

std::string readTar(std::string_view input) {
  Entries entries;
  const std::optional<Denial> denial = entries.feed(input);
  return entries.text + (denial ? "refused\n" : "end\n");
}

std::string readJson(std::string_view input) {
  const auto body =
      admission::guardBody("POST", "/containers/create", input, {.admin = false, .engine = ApiVersion{1, 41}});
  return body ? fmt::format("sent {}\n", hex(boost::json::serialize(*body))) : std::string("refused\n");
}

std::optional<std::string> nextCase() {
  std::uint32_t length = 0;
  if (std::fread(&length, sizeof(length), 1, stdin) != 1) return std::nullopt;
  std::string input(length, '\0');
  if (length > 0 && std::fread(input.data(), length, 1, stdin) != 1) return std::nullopt;
  return input;
}

int run() {
  std::string mode;
  for (int c = std::getchar(); c != '\n' && c != EOF; c = std::getchar()) mode.push_back(static_cast<char>(c));
  while (const std::optional<std::string> input = nextCase()) {
    fmt::print("{}=\n", mode == "json" ? readJson(*input) : readTar(*input));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace ds01

int main() {
  return ds01::run();
}
