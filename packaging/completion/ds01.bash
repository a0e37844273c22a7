# Completion of ds01(1) for bash. Slots are offered with a dot ("1.0"), because readline takes ":" as the end of a word.
_ds01_slots() {
  ds01 "$@" gpus --json 2>/dev/null | sed -n -e 's/^ *"slot": "\([0-9:]*\)",$/\1/p' -e 's/^ *"gpu": \([0-9]*\),$/\1/p' |
    tr ':' '.' | sort -u
}

_ds01_containers() {
  ds01 "$@" ps --json 2>/dev/null | sed -n 's/^ *"name": "\([A-Za-z0-9_.-]*\)",$/\1/p' | sort -u
}

_ds01_options() { # VERB
  case $1 in
    explain) echo --dry-run ;;
    events) echo --user --type --container --since --until --limit --follow ;;
  esac
}

_ds01() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
  local -a run_dir=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --) # another program's command line
        if [[ $i -eq $((COMP_CWORD - 1)) ]]; then
          mapfile -t COMPREPLY < <(compgen -c -- "$current" | sort -u)
        else
          mapfile -t COMPREPLY < <(compgen -f -- "$current")
        fi
        return
        ;;
      --run-dir)
        i=$((i + 1))
        [[ $i -lt $COMP_CWORD ]] && run_dir=(--run-dir "${COMP_WORDS[i]}")
        ;;
      -*) ;;
      *) [[ -z $verb ]] && verb=${COMP_WORDS[i]} ;;
    esac
  done

  case $verb:$previous in
    *:--run-dir) mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
    events:--container) mapfile -t COMPREPLY < <(compgen -W "$(_ds01_containers "${run_dir[@]}")" -- "$current") && return ;;
    events:--type)
      mapfile -t COMPREPLY < <(compgen -W 'container gpu queue auth container.create gpu.allocate gpu.release gpu.reject queue.joined queue.left auth.denied' -- "$current")
      return
      ;;
    events:--since | events:--until) mapfile -t COMPREPLY < <(compgen -W '30m 1h 1d' -- "$current") && return ;;
    events:--user | events:--limit | events:-n) return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ds01_options "$verb") --json --run-dir --help --version" -- "$current")
  elif [[ -z $verb ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'status gpus queue ps who config explain events' -- "$current")
  elif [[ $verb == who ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ds01_slots "${run_dir[@]}")" -- "$current")
  elif [[ $verb == config && $previous == config ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'show' -- "$current")
  elif [[ $verb == config && $previous == show ]]; then
    mapfile -t COMPREPLY < <(compgen -u -- "$current")
  elif [[ $verb == explain ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ds01_containers "${run_dir[@]}")" -- "$current")
  fi
}

complete -F _ds01 ds01
