#include "gateway/tar_guard.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace ds01::gateway {

namespace {

using namespace std::string_view_literals;

// POSIX.1-1988 ustar, pax(1).
constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeBytes = 12;
constexpr std::size_t kSumAt = 148;
constexpr std::size_t kSumBytes = 8;
constexpr std::size_t kTypeAt = 156;
constexpr std::size_t kLinkAt = 157;
constexpr std::size_t kMagicAt = 257;
constexpr std::size_t kPrefixAt = 345;
constexpr std::size_t kPrefixBytes = 155;
constexpr std::uint64_t kMaxExtended = 1024UL * 1024;  // as in Go
constexpr std::uint64_t kMaxName = 4096;               // PATH_MAX
constexpr std::uint64_t kMaxSize = 1ULL << 50U;

// moby's pkg/archive detects these and unpacks them.
bool isCompressed(std::string_view start) {
  static constexpr std::array kMagic = {"\x1f\x8b"sv, "BZh"sv, "\xfd\x37zXZ"sv, "\x28\xb5\x2f\xfd"sv};
  if (std::ranges::any_of(kMagic, [&](std::string_view magic) { return start.starts_with(magic); })) return true;
  // A skippable frame of Zstandard.
  return start.size() >= 4 && (start[0] & 0xf0) == 0x50 && start.substr(1, 3) == "\x2a\x4d\x18"sv;
}

std::optional<std::uint64_t> number(std::string_view field) {
  if (field.starts_with('\x80')) {  // base 256, from GNU tar
    std::uint64_t value = 0;
    for (const char c : field.substr(1)) {
      if (value > kMaxSize) return std::nullopt;
      value = value * 256 + static_cast<unsigned char>(c);
    }
    return value;
  }
  field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
  const std::size_t digits = std::min(field.find_first_not_of("01234567"), field.size());
  if (field.find_first_not_of("\0 "sv, digits) != std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(field.data(), field.data() + digits, value, 8);
  return value;
}

bool sumIsRight(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kSumAt && i < kSumAt + kSumBytes;
    sum += own ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(block[i]);
  }
  return number(block.substr(kSumAt, kSumBytes)) == sum;
}

std::string textAt(std::string_view block, std::size_t at, std::size_t length) {
  const std::string_view field = block.substr(at, length);
  return std::string(field.substr(0, field.find('\0')));
}

std::uint64_t padded(std::uint64_t size) {
  return (size + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

Denial notUnderstood(std::string_view what) {
  return {400, "archive", "the archive is not understood: " + std::string(what)};
}

std::optional<Denial> TarGuard::feed(std::string_view piece) {
  while (!piece.empty()) {
    if (skip_ > 0) {
      const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, piece.size()));
      const std::string_view bytes = piece.substr(0, count);
      skip_ -= count;
      piece.remove_prefix(count);
      if (auto denial = collecting_ != Collecting::Nothing ? collect(bytes) : contents(bytes)) return denial;
      continue;
    }
    const std::size_t count = std::min(kBlock - block_.size(), piece.size());
    block_ += piece.substr(0, count);
    piece.remove_prefix(count);
    if (first_ && isCompressed(block_)) return compressed();
    if (block_.size() < kBlock) continue;
    if (auto denial = header()) return denial;
    block_.clear();
    first_ = false;
  }
  return std::nullopt;
}

std::optional<Denial> TarGuard::header() {
  const std::string_view block = block_;
  if (block.find_first_not_of('\0') == std::string_view::npos) {
    ended_ = true;
    return std::nullopt;
  }
  if (ended_) return notUnderstood("something follows its end");
  // The prefix would be another one, with times behind it.
  if (block.ends_with("tar\0"sv)) return notUnderstood("headers of the format STAR are not accepted");
  if (!sumIsRight(block)) return notUnderstood("a header has a wrong check sum");
  const std::optional<std::uint64_t> size = number(block.substr(kSizeAt, kSizeBytes));
  if (!size || *size > kMaxSize) return notUnderstood("a header has a malformed size");
  return entry(block[kTypeAt], *size);
}

std::optional<Denial> TarGuard::entry(char type, std::uint64_t size) {
  switch (type) {
    case 'x':
    case 'g':
      if (amended_ || size > kMaxExtended) return notUnderstood("an extended header is doubled or too long");
      if (type == 'g' && (renamed_ || relinked_))
        return notUnderstood("a global header stands between a long name and its entry");
      amended_ = type == 'x';
      beginCollecting(Collecting::Extended, size);
      return std::nullopt;
    case 'L':
    case 'K':
      if (size > kMaxName) return notUnderstood("a name is too long");
      if (std::exchange(type == 'L' ? renamed_ : relinked_, true)) return notUnderstood("a name is doubled");
      beginCollecting(type == 'L' ? Collecting::Name : Collecting::Link, size);
      return std::nullopt;
    case '\0':
      if (size_.value_or(size) > 0 && !isPlainFile()) return notUnderstood("an entry has no type");
      [[fallthrough]];
    case '0':
      contents_ = size_.value_or(size);
      skip_ = padded(contents_);
      break;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
      break;  // no contents, whatever size they claim
    default:
      return notUnderstood("an entry is of a type that is neither file nor directory nor link");
  }
  TarEntry found = std::exchange(entry_, {});
  found.type = type == '\0' ? '0' : type;
  addHeaderNames(found);
  renamed_ = false;
  relinked_ = false;
  amended_ = false;
  size_.reset();
  if (auto denial = onEntry(found)) return denial;
  return contents_ == 0 && found.type == '0' ? onContents({}, true) : std::nullopt;
}

// Go takes an entry without a type for a directory, without contents, if its name ends with a slash, whichever name
// counts and whatever the prefix is.
bool TarGuard::isPlainFile() const {
  const std::string name = textAt(block_, 0, kNameBytes);
  return !renamed_ && !amended_ && !name.empty() && !name.ends_with('/') && block_[kPrefixAt] == '\0';
}

void TarGuard::addHeaderNames(TarEntry& entry) const {
  const std::string name = textAt(block_, 0, kNameBytes);
  if (!name.empty()) entry.names.push_back(name);
  if (block_.compare(kMagicAt, 5, "ustar") == 0) {
    const std::string prefix = textAt(block_, kPrefixAt, kPrefixBytes);
    if (!prefix.empty()) entry.names.push_back(prefix + "/" + name);
  }
  if (std::string link = textAt(block_, kLinkAt, kNameBytes); !link.empty()) entry.links.push_back(std::move(link));
}

// Of a file, of which so many bytes have not come; what follows them is padding.
std::optional<Denial> TarGuard::contents(std::string_view bytes) {
  const std::string_view own =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(contents_, bytes.size())));
  if (own.empty()) return std::nullopt;
  contents_ -= own.size();
  return onContents(own, contents_ == 0);
}

void TarGuard::beginCollecting(Collecting what, std::uint64_t size) {
  extended_bytes_ = size;
  skip_ = padded(size);
  if (size > 0) collecting_ = what;
}

std::optional<Denial> TarGuard::collect(std::string_view bytes) {
  extended_ += bytes;
  if (skip_ > 0) return std::nullopt;
  const Collecting what = std::exchange(collecting_, Collecting::Nothing);
  std::string text = std::exchange(extended_, {});
  text.resize(extended_bytes_);
  if (what == Collecting::Extended) return extended(text);
  text.resize(std::min(text.find('\0'), text.size()));
  (what == Collecting::Name ? entry_.names : entry_.links).push_back(std::move(text));
  return std::nullopt;
}

// "LENGTH KEY=VALUE\n" and so on.
std::optional<Denial> TarGuard::extended(std::string_view rest) {
  while (!rest.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(end - rest.data());
    if (error != std::errc{} || length > rest.size() || length < digits + 3 || rest[digits] != ' ' ||
        rest[length - 1] != '\n') {
      return notUnderstood("an extended header is malformed");
    }
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    rest.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return notUnderstood("an extended header is malformed");
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key.starts_with("GNU.sparse.")) return notUnderstood("sparse files are not accepted");
    if (key == "path" || key == "linkpath") {
      if (value.size() > kMaxName) return notUnderstood("a name is too long");
      std::vector<std::string>& list = key == "path" ? entry_.names : entry_.links;
      if (list.size() > 1) return notUnderstood("a name is doubled");
      if (amended_) list.emplace_back(value);
    }
    if (key != "size") continue;
    std::uint64_t size = 0;
    const auto [last, bad] = std::from_chars(value.data(), value.data() + value.size(), size);
    if (!amended_ || bad != std::errc{} || last != value.data() + value.size() || size > kMaxSize) {
      return notUnderstood("an extended header has a malformed size");
    }
    size_ = size;
  }
  return std::nullopt;
}

}  // namespace ds01::gateway
