# shellcheck shell=bash
# tools/dev fuzz [TARGET] [--runs N]: libFuzzer on the parts that read what users send.

# shellcheck source=tools/lib/build.sh
source "$DS01_ROOT/tools/lib/build.sh"

readonly FUZZ_SOURCES=$DS01_ROOT/tests/fuzz
readonly FUZZ_BUILD=$DS01_ROOT/build/fuzz/fuzz

# One target a line: each has a corpus.
fuzz_targets() { (cd "$FUZZ_SOURCES/corpus" && printf '%s\n' *); }

# New inputs of a run begin with nothing, so that it can be repeated.
fuzz_fresh() {
  local target
  as_owner rm -rf "$FUZZ_BUILD/new"
  while read -r target; do as_owner mkdir -p "$FUZZ_BUILD/new/$target"; done < <(fuzz_targets)
}

# A fixed number of inputs per target with a fixed seed, by ctest.
fuzz_tests() {
  fuzz_fresh
  as_owner mkdir -p "$TEST_RESULTS"
  as_owner ctest --test-dir "$DS01_ROOT/build/fuzz" -L fuzz --output-on-failure -j "$(nproc)" --no-tests=error \
    --output-junit "$TEST_RESULTS/fuzz.xml"
}

# What was found is kept between runs in build/fuzz/fuzz/found; an input that breaks a property is named by libFuzzer.
fuzz_for_people() {
  local target=$1 runs=$2
  as_owner mkdir -p "$FUZZ_BUILD/found/$target"
  say "fuzz: $target, $runs inputs"
  as_owner "$FUZZ_BUILD/fuzz_$target" -runs="$runs" -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$FUZZ_BUILD/$target-" -dict="$FUZZ_SOURCES/dictionaries/$target.dict" \
    "$FUZZ_BUILD/found/$target" "$FUZZ_SOURCES/corpus/$target"
}

dev_fuzz() {
  local runs=100000 wanted=() target
  while (($# > 0)); do
    case $1 in
      --runs)
        shift
        runs=${1:?fuzz: --runs needs a number}
        ;;
      -*) die "fuzz: unknown option $1" ;;
      *) wanted+=("$1") ;;
    esac
    shift
  done
  ((${#wanted[@]} > 0)) || mapfile -t wanted < <(fuzz_targets)
  for target in "${wanted[@]}"; do
    [[ -d $FUZZ_SOURCES/corpus/$target ]] || die "fuzz: no target $target; there are: $(fuzz_targets | tr '\n' ' ')"
  done
  dev_build fuzz
  for target in "${wanted[@]}"; do fuzz_for_people "$target" "$runs"; done
}
