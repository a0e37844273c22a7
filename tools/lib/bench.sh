# shellcheck shell=bash
# tools/dev bench [--quick] [--only PART]…: a build as it is installed, measured beside its peers; bench/run has the rest.

# shellcheck source=tools/lib/setup.sh
source "$DS01_ROOT/tools/lib/setup.sh"
# shellcheck source=tools/lib/build.sh
source "$DS01_ROOT/tools/lib/build.sh"

# Beside what building needs; nobody else needs them.
readonly DS01_BENCH_PACKAGES=(libbenchmark-dev haproxy)

missing_bench_packages() {
  local package
  for package in "${DS01_BENCH_PACKAGES[@]}"; do
    installed "$package" || echo "$package"
  done
}

dev_bench() {
  local missing results=$DS01_ROOT/build/results/bench status=0
  is_root || die "bench: needs root, to start an Engine and to act as a user; run: sudo tools/dev bench"
  dev_setup --build
  mapfile -t missing < <(missing_bench_packages)
  if ((${#missing[@]} > 0)); then
    apt_update
    mask_haproxy_service
    say "bench: installing ${missing[*]}"
    apt_get install -y --no-install-recommends --no-remove "${missing[@]}"
  fi
  dev_build bench ds01d ds01_cli ds01_bench_client ds01_bench_micro
  DS01_BIN_DIR=$DS01_ROOT/build/bench/bin "$DS01_PYTHON" "$DS01_ROOT/bench/run" "$@" || status=$?
  [[ ! -d $results ]] || chown -R --reference="$DS01_ROOT" "$results"
  return $status
}
