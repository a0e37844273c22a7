# shellcheck shell=bash
# What the verbs of tools/dev share. Sourced with DS01_ROOT set.

# The distribution's interpreter: its packages (pytest, yaml) belong to it, whatever else is first in PATH.
# shellcheck disable=SC2034 # used by what sources this file
readonly DS01_PYTHON=/usr/bin/python3

say() { printf '%s\n' "$*" >&2; }

die() {
  say "tools/dev: $*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [[ $EUID -eq 0 ]]; }

in_ci() { [[ ${CI:-} == true || ${CI:-} == 1 ]]; }

# Runs a command as the owner of the checkout, so that `sudo tools/dev …` leaves no files of root behind and git does
# not refuse a repository of somebody else.
as_owner() {
  local uid gid home
  uid=$(stat -c %u "$DS01_ROOT")
  gid=$(stat -c %g "$DS01_ROOT")
  if ! is_root || [[ $uid -eq 0 ]]; then
    "$@"
    return
  fi
  home=$(getent passwd "$uid" | cut -d: -f6) || true
  setpriv --reuid "$uid" --regid "$gid" --clear-groups env HOME="${home:-/tmp}" "$@"
}

# Compile jobs: one per processor, but no more than memory allows (Asio and Beast under a sanitizer take about 1.5 GiB).
jobs() {
  local cpus memory_kib by_memory
  cpus=$(nproc)
  memory_kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  by_memory=$((memory_kib / (1536 * 1024)))
  ((by_memory >= 1)) || by_memory=1
  echo $((by_memory < cpus ? by_memory : cpus))
}

# Objects are found again by another clone elsewhere: paths below the checkout are hashed relative to it, and the
# working directory (which only debug information names) is not hashed.
export CCACHE_BASEDIR=$DS01_ROOT
export CCACHE_NOHASHDIR=1
export CCACHE_COMPRESS=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime

# All files of ours that clang-format looks after, NUL-separated.
cpp_files() {
  find "$DS01_ROOT/src" "$DS01_ROOT/tests" "$DS01_ROOT/bench" -type f \( -name '*.h' -o -name '*.cpp' \) -print0 | sort -z
}
