#!/usr/bin/env bash
# Asks the completion function for words, with a ds01 in its place that knows two GPUs.
set -euo pipefail
source "$1"

ds01() {
  if [[ $* == '--run-dir /other gpus --json' ]]; then
    echo '      "slot": "7",'
  elif [[ $* == 'gpus --json' ]]; then
    printf '%s\n' '      "slot": "0",' '      "gpu": 0,' '      "slot": "1:0",' '      "gpu": 1,' '      "gpu": null,'
  elif [[ $* == 'ps --json' ]]; then
    printf '%s\n' '      "name": "train",' '      "name": "e\u001bvil",' '      "name": "eval",'
  fi
}

failed=0
expect() { # WANTED WORD…: the last word is the one to complete
  local wanted=$1
  shift
  COMP_WORDS=(ds01 "$@")
  COMP_CWORD=$#
  _ds01
  local got="${COMPREPLY[*]}"
  if [[ $got != "$wanted" ]]; then
    echo "completing '$*': got '$got', wanted '$wanted'" >&2
    failed=1
  fi
}

expect 'status gpus queue ps who config explain events' ''
expect 'status' 'st'
expect '--json' '--j'
expect '--json --run-dir --help --version' status '--'
expect '0 1 1.0' who ''
expect '1 1.0' who '1'
expect '7' --run-dir /other who ''
expect '' status ''
expect 'ps' --json 'p'
expect 'queue' 'q'
expect 'show' config ''
expect 'show' --json config 's'
expect 'root' config show 'roo'
expect '' config show root ''
expect 'eval train' explain ''
expect 'explain' 'ex'
expect '--dry-run' explain '--d'
expect '--user --type --container --since --until --limit --follow --json --run-dir --help --version' events '--'
expect 'train' events --container 'tr'
expect 'gpu gpu.allocate gpu.release gpu.reject' events --type 'gpu'
expect '' events --user ''
expect 'bashbug' explain --dry-run -- 'bashb'
exit $failed
