#include "cdi/file/directory.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cdi/spec.h"
#include "config/yaml/document.h"

namespace ds01::cdi {
namespace {

// No .json at the end, so that the Engine does not read it. In the same directory: the Engine, which watches it, learns
// of an entry by the move away from this name.
constexpr std::string_view kTemporary = ".new";

std::unexpected<Error> failed(const std::string& path, std::string_view what) {
  return fail(Error::fromErrno(errno, fmt::format("{} {}", what, path)));
}

Result<Fd> openDirectory(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return failed(path, "open");
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return failed(path, "stat");
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(
        ErrorCode::PermissionDenied,
        fmt::format("{} belongs to uid {} with mode {:04o}; it must belong to uid {}, and nobody else may write "
                    "into it",
                    path, status.st_uid, status.st_mode & 07777, ::geteuid()));
  }
  return fd;
}

Status writeAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Error::fromErrno(errno, "write"));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Status Directory::prepare() const {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  if (error) return fail(Error::fromErrno(error.value(), "make the directory above " + path_));
  if (::mkdir(path_.c_str(), 0755) != 0 && errno != EEXIST) return failed(path_, "make the directory");
  const Result<Fd> dir = openDirectory(path_);
  if (!dir) return fail(dir.error());
  return {};
}

Status Directory::write(const LeaseId& lease, std::string_view text) const {
  if (Status prepared = prepare(); !prepared) return prepared;
  const Result<Fd> dir = openDirectory(path_);
  if (!dir) return fail(dir.error());
  const std::string name = fileName(lease);
  const std::string temporary = name + std::string(kTemporary);
  const std::string shown = fmt::format("{}/{}", path_, temporary);
  if (::unlinkat(dir->get(), temporary.c_str(), 0) != 0 && errno != ENOENT) return failed(shown, "remove");
  const Fd file(::openat(dir->get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.valid()) return failed(shown, "make");
  if (::fchmod(file.get(), 0644) != 0) return failed(shown, "change the mode of");
  if (const Status written = writeAll(file.get(), text); !written) return fail(written.error().context(shown));
  if (::fsync(file.get()) != 0) return failed(shown, "fsync");
  if (::renameat(dir->get(), temporary.c_str(), dir->get(), name.c_str()) != 0) return failed(shown, "rename");
  if (::fsync(dir->get()) != 0) return failed(path_, "fsync");
  return {};
}

Status Directory::remove(const LeaseId& lease) const {
  const std::string file = fmt::format("{}/{}", path_, fileName(lease));
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return failed(file, "remove");
  return {};
}

Result<std::map<LeaseId, std::vector<std::string>>> Directory::read() const {
  std::map<LeaseId, std::vector<std::string>> entries;
  std::error_code error;
  std::filesystem::directory_iterator files(path_, error);
  if (error == std::errc::no_such_file_or_directory) return entries;
  if (error) return fail(Error::fromErrno(error.value(), "read " + path_));
  for (; files != std::filesystem::directory_iterator(); files.increment(error)) {
    const std::string name = files->path().filename();
    if (name.ends_with(kTemporary) && leaseOf(name.substr(0, name.size() - kTemporary.size()))) {
      ::unlink(files->path().c_str());
      continue;
    }
    const std::optional<LeaseId> lease = leaseOf(name);
    if (!lease) continue;
    const Result<std::optional<std::string>> text = config::yaml::readFile(files->path());
    Result<std::vector<std::string>> uuids = text && *text ? uuidsIn(**text) : fail(ErrorCode::NotFound, "gone");
    entries[*lease] = uuids ? std::move(*uuids) : std::vector<std::string>{};
  }
  if (error) return fail(Error::fromErrno(error.value(), "read " + path_));
  return entries;
}

}  // namespace ds01::cdi
