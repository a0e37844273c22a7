#include "daemon/set_aside.h"

#include <system_error>

#include <fmt/format.h>

namespace ds01::daemon {
namespace {

constexpr int kMost = 10;

}  // namespace

Result<std::string> setAside(const std::filesystem::path& file) {
  const std::string first = file.native() + ".unreadable";
  std::error_code error;
  for (int i = 0; i < kMost; ++i) {
    const std::filesystem::path aside = i == 0 ? first : fmt::format("{}.{}", first, i);
    // A link that leads nowhere is in the way as well.
    const bool taken = std::filesystem::exists(std::filesystem::symlink_status(aside, error));
    if (taken) continue;
    std::filesystem::rename(file, aside, error);
    if (error) return fail(Error::fromErrno(error.value(), fmt::format("set {} aside", file.native())));
    return fmt::format("the file was set aside as {}", aside.native());
  }
  return fmt::format("the file was not set aside, because {} and {} more are there already", first, kMost - 1);
}

}  // namespace ds01::daemon
