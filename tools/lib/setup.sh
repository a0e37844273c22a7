# shellcheck shell=bash
# tools/dev setup [--build]: what building, the demo and the unit tests need (--build), and what the system tests need
# besides. Quick when all is there.

# shellcheck source=tools/lib/test_hosts.sh
source "$DS01_ROOT/tools/lib/test_hosts.sh"

readonly DS01_PACKAGES=(
  build-essential cmake ninja-build ccache git ca-certificates curl jq
  libyaml-cpp-dev libfmt-dev libspdlog-dev libcli11-dev libssl-dev libnghttp2-dev libprotozero-dev pkg-config
  libgtest-dev libgmock-dev
  clang-format-19 clang-tidy-19 clang-19 libclang-rt-19-dev shellcheck
  docker-registry busybox-static iptables iproute2
  python3 python3-pytest python3-yaml
)
# For the system tests alone: the clients that people come with, what makes test hosts, and the peer of the bench.
readonly DS01_TEST_PACKAGES=(python3-docker python3-h2 python3-venv mmdebstrap debian-archive-keyring haproxy)
# Boost from 1.81 on; the version is part of the package name.
readonly DS01_BOOST_VERSIONS=(1.81 1.83 1.88)

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

boost_packages() { printf '%s\n' "libboost$1-dev" "libboost-system$1-dev" "libboost-json$1-dev"; }

# The version that is installed in part or, failing that, the first that apt knows; nothing if there is none.
boost_version() {
  local version
  for version in "${DS01_BOOST_VERSIONS[@]}"; do
    if installed "libboost-json$version-dev"; then echo "$version" && return; fi
  done
  for version in "${DS01_BOOST_VERSIONS[@]}"; do
    if apt-cache show "libboost-json$version-dev" >/dev/null 2>&1; then echo "$version" && return; fi
  done
}

apt_knows() { apt-cache show "$1" >/dev/null 2>&1; }

# Packages for the system tests that are missing, one a line.
missing_test_packages() {
  local package
  for package in "${DS01_TEST_PACKAGES[@]}"; do
    installed "$package" || echo "$package"
  done
  # Compose 1.29 is no longer part of Ubuntu 24.04: its tests are skipped there.
  if ! have docker-compose && apt_knows docker-compose; then echo docker-compose; fi
  # Node.js from elsewhere brings its npm and conflicts with the distribution's.
  have node || echo nodejs
  have npm || echo npm
  # The differential tests read with Go what our own readers read.
  have go || echo golang-go
}

# missing_packages build|all: one missing package a line.
missing_packages() {
  local package boost
  for package in "${DS01_PACKAGES[@]}"; do
    installed "$package" || echo "$package"
  done
  boost=$(boost_version)
  for package in $(boost_packages "${boost:-${DS01_BOOST_VERSIONS[0]}}"); do
    installed "$package" || echo "$package"
  done
  # An Engine from elsewhere (docker-ce) is as good, and apt would have to remove it for docker.io.
  have dockerd && have docker || echo docker.io
  if [[ $1 == all ]]; then missing_test_packages; fi
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# apt-get update takes a lock that DPkg::Lock::Timeout does not cover.
apt_update() {
  local attempt
  for attempt in 1 2 3 4 5; do
    if apt_get update; then return; fi
    say "setup: apt-get update failed (attempt $attempt of 5)"
    sleep $((attempt * 3))
  done
  die "setup: apt-get update does not succeed"
}

# Tests start registries of their own; the packaged service would listen on port 5000 of this machine for nothing.
mask_registry_service() {
  if [[ -d /run/systemd/system ]] && ! installed docker-registry; then
    systemctl mask docker-registry.service || say "setup: could not mask docker-registry.service"
  fi
}

# As above: a peer in measurements, started by them.
mask_haproxy_service() {
  if [[ -d /run/systemd/system ]] && ! installed haproxy; then
    systemctl mask haproxy.service || say "setup: could not mask haproxy.service"
  fi
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$1")
  if ((${#missing[@]} == 0)); then return; fi
  apt_update
  mapfile -t missing < <(missing_packages "$1") # the Boost version may be known only now
  mask_registry_service
  [[ " ${missing[*]} " != *" haproxy "* ]] || mask_haproxy_service
  say "setup: installing ${missing[*]}"
  apt_get install -y --no-install-recommends --no-remove "${missing[@]}"
  mapfile -t missing < <(missing_packages "$1")
  ((${#missing[@]} == 0)) || die "setup: still missing: ${missing[*]}"
}

dev_setup() {
  local what=all missing
  case ${1:-} in
    '') ;;
    --build) what=build ;;
    *) die "setup: unknown option $1" ;;
  esac
  have dpkg-query || die "setup: only Debian 12 and Ubuntu 24.04 are known; docs/dependencies.md lists what is needed"
  mapfile -t missing < <(
    missing_packages "$what"
    [[ $what == build ]] || missing_parts
  )
  if ((${#missing[@]} == 0)); then
    say "setup: everything is installed"
    return
  fi
  if ! is_root; then
    die "setup: missing: ${missing[*]}; run: sudo tools/dev setup"
  fi
  install_packages "$what"
  [[ $what == build ]] || make_missing_parts
  say "setup: done"
}
