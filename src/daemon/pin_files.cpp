#include "daemon/pin_files.h"

#include <cerrno>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocator/file/state_file.h"
#include "daemon/set_aside.h"

namespace ds01::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".json";

}  // namespace

Result<PinFiles::Saved> PinFiles::read() const {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Error::fromErrno(errno, directory_.native()));
  }
  Saved saved;
  std::error_code error;
  for (fs::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    if (path.extension() != kEnding) continue;
    const Result<std::optional<std::string>> text = allocator::StateFile(path.native()).read();
    if (!text) return fail(text.error());
    if (!*text) continue;
    Result<mounts::PinRecord> record = mounts::decodePins(path.stem().native(), **text);
    if (record) {
      saved.records.push_back(*std::move(record));
      continue;
    }
    const Result<std::string> aside = setAside(path);
    if (!aside) return fail(aside.error());
    saved.warnings.push_back(
        fmt::format("{}: {}; {} and its container must be made anew", path.native(), record.error().message(), *aside));
  }
  if (error) return fail(ErrorCode::Io, fmt::format("{}: {}", directory_.native(), error.message()));
  return saved;
}

Status PinFiles::write(const mounts::PinRecord& record) const {
  const fs::path path = directory_ / (record.token + std::string(kEnding));
  return allocator::StateFile(path.native()).write(mounts::encodePins(record));
}

void PinFiles::remove(const std::string& token) const {
  std::error_code ignored;  // a file that stays is found without its container at the next start
  fs::remove(directory_ / (token + std::string(kEnding)), ignored);
}

}  // namespace ds01::daemon
