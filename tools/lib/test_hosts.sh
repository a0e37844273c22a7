# shellcheck shell=bash
# What the system tests need beside packages of this distribution, kept outside the checkout in DS01_CACHE: clients from
# pip and npm, and a Debian trixie with Docker 26. Each is made in a folder of its own that gets its name only when it is
# complete; its name changes with what is in it, so what is there is never brought up to date but made anew.

readonly DS01_CACHE=${DS01_CACHE:-/var/cache/ds01-dev}
export DS01_CACHE

readonly DOCKER_PY_VERSION=7.1.0
# The newest that runs on the Node.js 18 of Debian 12.
readonly DEVCONTAINER_CLI_VERSION=0.82.0
readonly OPA_VERSION=1.22.3
# What builds it; the distributions' Go is older. The module proxy has toolchains too.
readonly OPA_GO_MINOR=25
readonly OPA_GO_TOOLCHAIN=1.25.0
readonly TRIXIE_PACKAGES=(
  docker.io docker-cli docker-compose docker-buildx containerd runc iptables
  ca-certificates iproute2 util-linux procps python3-minimal
)

# One a line: where the parts lie. tests/system/lib/hosts.py finds them under the same names.
docker_py_dir() { echo "$DS01_CACHE/docker-py-$DOCKER_PY_VERSION"; }
devcontainer_cli_dir() { echo "$DS01_CACHE/devcontainer-cli-$DEVCONTAINER_CLI_VERSION"; }
opa_dir() { echo "$DS01_CACHE/opa-$OPA_VERSION"; }
trixie_dir() {
  echo "$DS01_CACHE/trixie-$(printf '%s\n' "${TRIXIE_PACKAGES[@]}" | sort | sha256sum | cut -c 1-12)"
}

make_docker_py() {
  "$DS01_PYTHON" -m venv "$1" && "$1/bin/python" -m pip install --quiet "docker==$DOCKER_PY_VERSION"
}

make_devcontainer_cli() {
  npm install --prefix "$1" --silent --no-audit --no-fund --no-save "@devcontainers/cli@$DEVCONTAINER_CLI_VERSION"
}

# A Go that is new enough: this machine's, or one that is fetched into DIR/go.
go_for_opa() {
  local minor arch zip
  minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
  if [[ -n $minor ]] && ((minor >= OPA_GO_MINOR)); then command -v go && return; fi
  arch=$(dpkg --print-architecture)
  zip=${GOPROXY:-https://proxy.golang.org}
  zip=${zip%%,*}/golang.org/toolchain/@v/v0.0.1-go$OPA_GO_TOOLCHAIN.linux-$arch.zip
  say "setup: fetching Go $OPA_GO_TOOLCHAIN to build OPA"
  curl -fsSL --retry 3 -o "$1/go.zip" "$zip" || die "setup: no Go of at least 1.$OPA_GO_MINOR, and none at $zip"
  "$DS01_PYTHON" -m zipfile -e "$1/go.zip" "$1/unpacked"
  mv "$1/unpacked/golang.org/toolchain@v0.0.1-go$OPA_GO_TOOLCHAIN.linux-$arch" "$1/go"
  chmod -R u+x "$1/go/bin" "$1/go/pkg/tool"
  echo "$1/go/bin/go"
}

# The server that policies are tested with, which no distribution packages.
make_opa() {
  local work=$1/build go
  mkdir "$work"
  go=$(go_for_opa "$work")
  env GOTOOLCHAIN=local GOFLAGS='-trimpath -modcacherw' GOBIN="$1" GOMODCACHE="$work/mod" GOCACHE="$work/cache" \
    "$go" install "github.com/open-policy-agent/opa@v$OPA_VERSION" || return 1
  rm -rf "$work"
}

make_trixie() {
  local IFS=,
  mmdebstrap --quiet --variant=minbase --components=main --include="${TRIXIE_PACKAGES[*]}" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$1" "${DS01_TRIXIE_MIRROR:-http://deb.debian.org/debian}"
}

# missing_parts: the parts of the cache that are not there, one a line.
missing_parts() {
  local part
  for part in docker_py devcontainer_cli opa trixie; do
    [[ -d $("${part}_dir") ]] || echo "$part"
  done
}

make_part() {
  local dir temporary
  dir=$("$1_dir")
  if [[ -d $dir ]]; then return; fi # another run made it
  temporary=$(mktemp -d "$DS01_CACHE/new.XXXXXX")
  say "setup: making $dir"
  if ! "make_$1" "$temporary"; then
    rm -rf "$temporary"
    die "setup: $1 could not be made"
  fi
  chmod 755 "$temporary"
  mv -T "$temporary" "$dir"
}

# Parts are made under a lock; what an interrupted run left is removed by the next.
make_missing_parts() {
  mkdir -p "$DS01_CACHE"
  (
    flock 9
    rm -rf "$DS01_CACHE"/new.*
    local part
    for part in $(missing_parts); do make_part "$part"; done
  ) 9>"$DS01_CACHE/lock"
}
