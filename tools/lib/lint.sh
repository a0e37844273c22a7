# shellcheck shell=bash
# tools/dev lint [--tidy]: each check runs, whatever the others say; one finding anywhere fails the whole.

lint_structure() {
  local check failed=0
  for check in layers banned coroutines sizes; do
    PYTHONDONTWRITEBYTECODE=1 "$DS01_PYTHON" "$DS01_ROOT/tools/lint/check_$check.py" || failed=1
  done
  return $failed
}

# The checks find what they promise (planted violations).
lint_self_test() {
  PYTHONDONTWRITEBYTECODE=1 "$DS01_PYTHON" -m pytest -q -p no:cacheprovider "$DS01_ROOT/tests/lint"
}

lint_format() {
  if ! have clang-format-19; then
    say "lint: clang-format-19 is missing; run: sudo tools/dev setup"
    return 1
  fi
  cpp_files | xargs -0 -r clang-format-19 --dry-run -Werror
}

# Shell and Python files of ours, relative to the root: by name, or by their first line where they have no ending.
script_files() {
  local kind=$1 path first
  while IFS= read -r -d '' path; do
    case $kind:$path in
      shell:*.sh | shell:*.bash | python:*.py) printf '%s\0' "$path" ;;
      *:*.sh | *:*.py | *:*.cpp | *:*.h | *:*.md | *:*.txt | *:*.tsv | *:*.json | *:*.yaml) ;;
      *)
        IFS= read -r first <"$DS01_ROOT/$path" 2>/dev/null || true
        [[ $kind == shell && $first =~ ^#!.*(bash|/sh)$ ]] && printf '%s\0' "$path"
        [[ $kind == python && $first =~ ^#!.*python3$ ]] && printf '%s\0' "$path"
        ;;
    esac
  done < <(cd "$DS01_ROOT" && find tools .ci tests bench packaging -path tests/fuzz/corpus -prune -o -type f -print0)
  return 0
}

lint_shell() {
  if ! have shellcheck; then
    say "lint: shellcheck is missing; run: sudo tools/dev setup"
    return 1
  fi
  # Warnings count, hints on style do not. SC1090: a file named by an argument can't be followed.
  (cd "$DS01_ROOT" && script_files shell | xargs -0 -r shellcheck --severity=warning --external-sources --exclude=SC1090)
}

lint_python() {
  (cd "$DS01_ROOT" && script_files python | xargs -0 -r "$DS01_PYTHON" -c '
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        compile(file.read(), path, "exec")
')
}

# Files that differ from the commit this work is based on: the merge base with origin's main branch or, on that branch
# itself, the commit before. Uncommitted and untracked files count. Relative to the root, one a line.
changed_files() {
  local base head
  head=$(as_owner git -C "$DS01_ROOT" rev-parse HEAD 2>/dev/null) || return 0
  base=$(as_owner git -C "$DS01_ROOT" merge-base HEAD origin/HEAD 2>/dev/null ||
    as_owner git -C "$DS01_ROOT" merge-base HEAD origin/main 2>/dev/null || true)
  if [[ -z $base || $base == "$head" ]]; then
    base=$(as_owner git -C "$DS01_ROOT" rev-parse --verify -q HEAD~1 || echo "$head")
  fi
  {
    as_owner git -C "$DS01_ROOT" diff --name-only --diff-filter=d "$base"
    as_owner git -C "$DS01_ROOT" ls-files --others --exclude-standard
  } | sort -u
}

# run_tidy FILE…: clang-tidy with the compile commands of the dev build; headers are checked through what includes them.
run_tidy() {
  (($# > 0)) || return 0
  local database=$DS01_ROOT/build/dev
  if [[ ! -f $database/compile_commands.json ]]; then
    say "lint: clang-tidy needs the dev build; run: tools/dev build"
    return 1
  fi
  printf '%s\0' "$@" |
    (cd "$DS01_ROOT" && xargs -0 -n 1 -P "$(jobs)" clang-tidy-19 --quiet --use-color=false -p "$database" 2>/dev/null)
}

# All implementation files of the product. Tests are not tidied: GoogleTest's macros drown what is ours.
lint_tidy_all() {
  local files
  mapfile -t files < <(cd "$DS01_ROOT" && find src -name '*.cpp' | sort)
  run_tidy "${files[@]}"
}

# The changed ones, at most DS01_TIDY_FILES of them (a file with Asio takes half a minute).
lint_tidy_changed() {
  local limit=${DS01_TIDY_FILES:-12} files
  mapfile -t files < <(changed_files | grep -E '^src/.*\.cpp$' || true)
  say "lint: clang-tidy on $((${#files[@]} < limit ? ${#files[@]} : limit)) of ${#files[@]} changed files (all: tools/dev lint --tidy)"
  run_tidy "${files[@]:0:limit}"
}

dev_lint() {
  local check checks=(structure self_test format shell python) failed=()
  case ${1:-} in
    '') ;;
    --tidy) checks+=(tidy_all) ;;
    *) die "lint: unknown option $1" ;;
  esac
  for check in "${checks[@]}"; do
    ("lint_$check") || failed+=("$check")
  done
  if ((${#failed[@]} > 0)); then
    say "lint: failed: ${failed[*]}"
    return 1
  fi
  say "lint: passed"
}
