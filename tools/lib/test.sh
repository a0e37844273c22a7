# shellcheck shell=bash
# tools/dev test: stages in order; each says how long it took, the last line says how many tests passed and failed.
# A failed stage does not stop the others, except that without a build there are no tests.

# shellcheck source=tools/lib/setup.sh
source "$DS01_ROOT/tools/lib/setup.sh"
# shellcheck source=tools/lib/build.sh
source "$DS01_ROOT/tools/lib/build.sh"
# shellcheck source=tools/lib/lint.sh
source "$DS01_ROOT/tools/lib/lint.sh"
# shellcheck source=tools/lib/fuzz.sh
source "$DS01_ROOT/tools/lib/fuzz.sh"

TEST_FAILED=() # names of failed stages
TEST_EXPRESSION=''
readonly TEST_RESULTS=$DS01_ROOT/build/results

clock_text() { printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); }

# stage NAME COMMAND…: in a shell of its own, so that `set -e` and `die` end the stage and not the run.
stage() {
  local name=$1 begin=$SECONDS status
  shift
  say "── $name"
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  if ((status == 0)); then
    say "── $name: passed in $(clock_text $((SECONDS - begin)))"
  else
    TEST_FAILED+=("$name")
    say "── $name: FAILED after $(clock_text $((SECONDS - begin)))"
  fi
  return $status
}

build_preset() {
  dev_build "$1"
  # Every public header compiles alone; one build is enough to know.
  if [[ $1 == dev ]]; then dev_build dev all_verify_interface_header_sets; fi
}

unit_tests() {
  local preset=$1 prefix=() options
  options=(--test-dir "$DS01_ROOT/build/$preset" -L unit --output-on-failure -j "$(nproc)"
    --output-junit "$TEST_RESULTS/unit-$preset.xml")
  if [[ -n $TEST_EXPRESSION ]]; then options+=(-R "$TEST_EXPRESSION"); else options+=(--no-tests=error); fi
  # ThreadSanitizer of GCC 12 and 13 needs the address space laid out as it expects; a kernel that randomises more
  # bits than that (Ubuntu's does) is asked not to.
  if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then prefix=(setarch "$(uname -m)" -R); fi
  as_owner mkdir -p "$TEST_RESULTS"
  export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1
  export UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
  as_owner "${prefix[@]}" ctest "${options[@]}"
}

# sanitized_tests NAME: tests/NAME with the real programs, built with AddressSanitizer and UBSan, against a real Engine.
# What a sanitizer reports fails the run also when the test that caused it did not notice.
sanitized_tests() {
  local name=$1 bin=$DS01_ROOT/build/asan-ubsan/bin reports=$TEST_RESULTS/sanitizer-$1 options status=0 report
  options=(-q -rs -p no:cacheprovider --junitxml "$TEST_RESULTS/$name.xml")
  [[ -z $TEST_EXPRESSION ]] || options+=(-k "$TEST_EXPRESSION")
  [[ -x $bin/ds01d ]] || die "test: $bin/ds01d is missing"
  rm -rf "$reports"
  mkdir -p "$reports"
  (
    cd "$DS01_ROOT"
    export DS01_BIN_DIR=$bin PYTHONDONTWRITEBYTECODE=1
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:log_path=$reports/asan
    export UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan
    export LSAN_OPTIONS=print_suppressions=0
    "$DS01_PYTHON" -m pytest "${options[@]}" "tests/$name"
  ) || status=$?
  # 5: nothing matched the expression, which is for the closing count to judge.
  if ((status == 5)) && [[ -n $TEST_EXPRESSION ]]; then status=0; fi
  for report in "$reports"/*; do
    [[ -e $report ]] || continue
    say "test: a sanitizer reported in $report:"
    cat "$report" >&2
    status=1
  done
  return $status
}

# What passes our readers of users' bytes is read by Go, as dockerd reads it.
differential_tests() {
  local options=(-q -p no:cacheprovider --junitxml "$TEST_RESULTS/differential.xml") status=0
  [[ -z $TEST_EXPRESSION ]] || options+=(-k "$TEST_EXPRESSION")
  mkdir -p "$TEST_RESULTS"
  (
    cd "$DS01_ROOT"
    export DS01_DIFFERENTIAL=$DS01_ROOT/build/dev/tests/ds01_differential PYTHONDONTWRITEBYTECODE=1
    "$DS01_PYTHON" -m pytest "${options[@]}" tests/differential
  ) || status=$?
  if ((status == 5)) && [[ -n $TEST_EXPRESSION ]]; then status=0; fi
  return $status
}

# Go comes with the full setup, which needs root.
differential_stage() {
  if have go || is_root || in_ci; then
    stage differential differential_tests || true
  else
    say "── differential: NOT RUN: needs Go (sudo tools/dev setup)"
  fi
}

# rooted_stage NAME: tests that need root: an Engine, other users, cgroups. Without it a person is told, CI fails.
rooted_stage() {
  if is_root; then
    stage "$1" sanitized_tests "$1" || true
  elif in_ci; then
    TEST_FAILED+=("$1")
    say "── $1: FAILED: needs root"
  else
    say "── $1: NOT RUN: needs root (sudo tools/dev test --$1)"
  fi
}

# unit_stages PRESET…: build, then run.
unit_stages() {
  local preset
  for preset in "$@"; do
    if stage "build $preset" build_preset "$preset"; then
      stage "unit $preset" unit_tests "$preset" || true
    fi
  done
}

fuzz_stages() {
  if stage "build fuzz" build_preset fuzz; then stage fuzz fuzz_tests || true; fi
}

closing() {
  local counts status=0
  counts=$("$DS01_PYTHON" "$DS01_ROOT/tools/lib/count_tests.py" "$TEST_RESULTS") || status=1
  if ((${#TEST_FAILED[@]} > 0)); then
    local names
    names=$(printf ', %s' "${TEST_FAILED[@]}")
    say "failed stages: ${names:2}"
    status=1
  fi
  printf '%s\n' "$counts in $(clock_text $SECONDS)$( ((status == 0)) || printf ': FAILED')"
  return $status
}

dev_test() {
  local what=full
  while (($# > 0)); do
    case $1 in
      --quick | --unit | --system | --corpus) what=${1#--} ;;
      -k)
        shift
        TEST_EXPRESSION=${1:?test: -k needs an expression}
        ;;
      *) die "test: unknown option $1" ;;
    esac
    shift
  done
  as_owner rm -rf "$TEST_RESULTS" 2>/dev/null || rm -rf "$TEST_RESULTS"
  # Without root there are no system tests, and nothing is installed for them.
  local setup=()
  if [[ $what == quick || $what == unit ]] || ! is_root; then setup=(--build); fi
  stage setup dev_setup "${setup[@]}" || die "test: cannot go on without what setup installs"
  case $what in
    full)
      stage lint dev_lint || true
      unit_stages dev
      stage tidy lint_tidy_changed || true
      differential_stage
      unit_stages asan-ubsan tsan
      fuzz_stages
      rooted_stage system
      rooted_stage corpus
      ;;
    quick)
      stage lint dev_lint || true
      unit_stages dev
      ;;
    unit) unit_stages dev ;;
    system | corpus) if stage "build asan-ubsan" build_preset asan-ubsan; then rooted_stage "$what"; fi ;;
  esac
  closing
}
