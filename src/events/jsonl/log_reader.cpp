#include "events/jsonl/log_reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace ds01::events {
namespace {

constexpr std::array<std::string_view, 4> kCompressed{".gz", ".xz", ".bz2", ".zst"};

struct Rotated {
  std::string path;
  timespec changed{};
};

// "events.jsonl-20261125", "events.jsonl.1"; the newest first. `compressed` counts those that cannot be read.
std::vector<Rotated> rotatedBeside(const std::filesystem::path& path, std::size_t& compressed) {
  std::vector<Rotated> found;
  std::error_code error;
  const std::string name = path.filename().native();
  for (std::filesystem::directory_iterator it(path.parent_path(), error), end; !error && it != end;
       it.increment(error)) {
    const std::string other = it->path().filename().native();
    if (other.size() <= name.size() + 1 || !other.starts_with(name)) continue;
    if (other[name.size()] != '.' && other[name.size()] != '-') continue;
    if (std::ranges::any_of(kCompressed, [&](std::string_view end_of) { return other.ends_with(end_of); })) {
      ++compressed;
      continue;
    }
    struct stat status{};
    if (::lstat(it->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    found.push_back({it->path().native(), status.st_mtim});
  }
  std::ranges::sort(found, [](const Rotated& a, const Rotated& b) {
    if (a.changed.tv_sec != b.changed.tv_sec) return a.changed.tv_sec > b.changed.tv_sec;
    if (a.changed.tv_nsec != b.changed.tv_nsec) return a.changed.tv_nsec > b.changed.tv_nsec;
    return a.path > b.path;
  });
  return found;
}

// One file from its end.
class Backwards {
 public:
  Backwards(const ReadBackOptions& options, std::size_t& budget) : options_(options), budget_(budget) {}

  // False: visit() wants no more, or the budget is spent.
  bool read(const Fd& file, const std::function<bool(std::string_view)>& visit, bool& gave_up) {
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return true;
    off_t at = status.st_size;
    while (at > 0) {
      if (budget_ == 0) {
        gave_up = true;
        return false;
      }
      const std::size_t size = std::min({static_cast<std::size_t>(at), options_.block_bytes, budget_});
      at -= static_cast<off_t>(size);
      block_.resize(size);
      const ssize_t got = ::pread(file.get(), block_.data(), size, at);
      if (got < static_cast<ssize_t>(size)) return true;  // was emptied meanwhile
      budget_ -= size;
      if (!split(visit)) return false;
    }
    return tell(carry_, visit);
  }

 private:
  // Lines of the block, the last first; what stands before its first newline waits for the block in front of it.
  bool split(const std::function<bool(std::string_view)>& visit) {
    std::string_view rest = block_;
    for (;;) {
      const std::size_t newline = rest.rfind('\n');
      if (newline == std::string_view::npos) break;
      std::string line(rest.substr(newline + 1));
      line += carry_;
      carry_.clear();
      if (!std::exchange(too_long_, false) && !tell(line, visit)) return false;
      rest = rest.substr(0, newline);
    }
    if (rest.size() + carry_.size() > options_.longest_line) {
      too_long_ = true;
      carry_.clear();
    } else {
      carry_.insert(0, rest);
    }
    return true;
  }

  bool tell(std::string_view line, const std::function<bool(std::string_view)>& visit) const {
    return line.empty() || line.size() > options_.longest_line || visit(line);
  }

  const ReadBackOptions& options_;
  std::size_t& budget_;
  std::string block_;
  std::string carry_;      // the end of a line whose beginning is in an earlier block
  bool too_long_ = false;  // of the line whose end was read
};

Fd openLog(const std::string& path) {
  return Fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

Result<ReadBackOutcome> readBack(const ReadBackOptions& options,
                                 const std::function<bool(std::string_view line)>& visit) {
  ReadBackOutcome outcome;
  std::size_t budget = options.max_bytes;
  const Fd current = openLog(options.path);
  if (!current.valid() && errno != ENOENT) return fail(Error::fromErrno(errno, options.path));
  if (current.valid() && !Backwards(options, budget).read(current, visit, outcome.gave_up)) return outcome;
  for (const Rotated& rotated : rotatedBeside(options.path, outcome.compressed)) {
    const Fd file = openLog(rotated.path);
    if (!file.valid()) continue;  // was removed meanwhile
    if (!Backwards(options, budget).read(file, visit, outcome.gave_up)) return outcome;
  }
  return outcome;
}

}  // namespace ds01::events
