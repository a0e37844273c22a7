#include "mounts/posix/socket_mounts.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts/lexical.h"
#include "mounts/posix/borrowed_credentials.h"

namespace ds01::mounts::posix {

namespace {

// Where clients look for the Engine if nothing is set.
constexpr std::array<std::string_view, 2> kUsualEngineSockets{"/var/run/docker.sock", "/run/docker.sock"};

// realpath(3); empty if it cannot be followed.
std::string realPath(const std::string& path) {
  struct Free {
    void operator()(char* text) const { std::free(text); }  // NOLINT(cppcoreguidelines-owning-memory): realpath(3)'s
  };
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  return real ? std::string(real.get()) : std::string();
}

// The same for a socket that may not be there at the moment.
std::string realPathOfName(const std::string& path) {
  if (std::string real = realPath(path); !real.empty()) return real;
  const std::size_t slash = path.rfind('/');
  const std::string directory = realPath(slash == 0 ? "/" : path.substr(0, slash));
  if (directory.empty()) return path;
  return (directory == "/" ? "" : directory) + path.substr(slash);
}

bool isSafe(const struct stat& there) {
  const bool others_write = (there.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool sticky = (there.st_mode & S_ISVTX) != 0;
  return (there.st_uid == 0 || there.st_uid == ::geteuid()) && (!others_write || sticky);
}

// What a source is compared with, looked up with our own rights.
struct Known {
  std::optional<std::string> ours;
  std::vector<std::string> engine_names;  // as they are written, and as they really are
  std::string engine;                     // the configured one, as it really is

  bool namesEngine(const std::string& path) const {
    return std::ranges::find(engine_names, path) != engine_names.end();
  }
};

Known lookAt(const std::string& listen, const std::string& engine) {
  Known known;
  known.ours = realPathOfSafeSocket(listen);
  known.engine = realPathOfName(engine);
  known.engine_names = {engine, known.engine};
  for (const std::string_view usual : kUsualEngineSockets) {
    known.engine_names.emplace_back(usual);
    known.engine_names.push_back(realPathOfName(std::string(usual)));
  }
  return known;
}

Result<std::optional<SocketMount>> judge(const Known& known, const std::string& written, const std::string& real) {
  if (known.ours && real == *known.ours) return SocketMount{*known.ours, false};
  if (known.namesEngine(written) || known.namesEngine(real)) {
    if (known.ours) return SocketMount{*known.ours, true};
    return fail(ErrorCode::PermissionDenied,
                fmt::format("{} is the Docker Engine's own socket, and that of ds01 cannot be mounted in its place, "
                            "because others than root can write to the directory that it is in",
                            written));
  }
  if (!real.empty() && (real == "/" || isWithin(real, known.engine))) {
    return fail(ErrorCode::PermissionDenied, fmt::format("{} holds the Docker Engine's own socket", written));
  }
  return std::optional<SocketMount>();
}

}  // namespace

std::optional<std::string> realPathOfSafeSocket(const std::string& path) {
  std::string real = realPath(path);
  struct stat there{};
  if (real.empty() || ::lstat(real.c_str(), &there) != 0 || !S_ISSOCK(there.st_mode)) return std::nullopt;
  // Everybody may write to the socket itself; who may replace it is up to the directories.
  if (there.st_uid != 0 && there.st_uid != ::geteuid()) return std::nullopt;
  for (std::size_t slash = real.rfind('/'); slash != std::string::npos;
       slash = slash == 0 ? std::string::npos : real.rfind('/', slash - 1)) {
    const std::string directory = slash == 0 ? "/" : real.substr(0, slash);
    if (::lstat(directory.c_str(), &there) != 0 || !S_ISDIR(there.st_mode) || !isSafe(there)) return std::nullopt;
  }
  return real;
}

Result<std::optional<SocketMount>> findSocket(const std::string& listen, const std::string& engine, const User& user,
                                              const std::string& source) {
  const Result<std::string> written = normalise(source);
  if (!written) return fail(written.error());
  const Known known = lookAt(listen, engine);
  const auto borrowed = BorrowedCredentials::take(user);
  if (!borrowed) return fail(borrowed.error());
  return judge(known, *written, realPath(*written));
}

}  // namespace ds01::mounts::posix
