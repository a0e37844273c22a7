# shellcheck shell=bash
# tools/dev build [PRESET] [TARGET…]

# configure PRESET: CMake's answer is shown only when it fails or is a first one.
configure() {
  local preset=$1
  if [[ ! -f $DS01_ROOT/build/$preset/build.ninja ]]; then
    (cd "$DS01_ROOT" && as_owner cmake --preset "$preset")
  fi
}

dev_build() {
  local preset=${1:-dev}
  shift || true
  have cmake && have ninja || die "build: cmake or ninja is missing; run: sudo tools/dev setup"
  configure "$preset"
  local targets=()
  (($# == 0)) || targets=(--target "$@")
  (cd "$DS01_ROOT" && as_owner cmake --build --preset "$preset" --parallel "$(jobs)" "${targets[@]}")
}
