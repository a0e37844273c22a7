#include "docker/archive.h"

#include <charconv>
#include <optional>
#include <system_error>

namespace ds01::docker {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeLength = 12;
constexpr std::size_t kTypeAt = 156;

// Octal digits, with spaces before and a space or NUL behind them.
std::optional<std::size_t> sizeIn(std::string_view header) {
  std::string_view field = header.substr(kSizeAt, kSizeLength);
  while (field.starts_with(' ')) field.remove_prefix(1);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), size, 8);
  const bool ended = end == field.data() + field.size() || *end == ' ' || *end == '\0';
  if (error != std::errc{} || !ended) return std::nullopt;
  return size;
}

}  // namespace

Result<std::string> fileInArchive(std::string_view archive, std::size_t longest) {
  while (archive.size() >= kBlock) {
    const std::string_view header = archive.substr(0, kBlock);
    archive.remove_prefix(kBlock);
    const std::optional<std::size_t> size = sizeIn(header);
    if (!size) return fail(ErrorCode::Malformed, "an archive with a header that is none");
    const char type = header[kTypeAt];
    const bool file = type == '0' || type == '\0';
    if (file && *size > longest) return fail(ErrorCode::Exhausted, "the file is too long");
    if (*size > archive.size()) return fail(ErrorCode::Malformed, "an archive that ends within a file");
    if (file) return std::string(archive.substr(0, *size));
    if (type != 'x' && type != 'g') return fail(ErrorCode::NotFound, "it is no regular file");
    // Attributes of the entry that follows.
    const std::size_t blocks = (*size + kBlock - 1) / kBlock * kBlock;
    if (blocks > archive.size()) return fail(ErrorCode::Malformed, "an archive that ends within a header");
    archive.remove_prefix(blocks);
  }
  return fail(ErrorCode::Malformed, "an archive that ends before its file");
}

}  // namespace ds01::docker
