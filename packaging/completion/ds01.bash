# Completion of ds01(1) for bash. Slots are offered with a dot ("1.0"), because readline takes ":" as the end of a word.
_ds01_slots() {
  ds01 "$@" gpus --json 2>/dev/null | sed -n -e 's/^ *"slot": "\([0-9:]*\)",$/\1/p' -e 's/^ *"gpu": \([0-9]*\),$/\1/p' |
    tr ':' '.' | sort -u
}

_ds01() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' i
  local -a run_dir=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --run-dir)
        i=$((i + 1))
        [[ $i -lt $COMP_CWORD ]] && run_dir=(--run-dir "${COMP_WORDS[i]}")
        ;;
      -*) ;;
      *) [[ -z $verb ]] && verb=${COMP_WORDS[i]} ;;
    esac
  done

  if [[ $previous == --run-dir ]]; then
    mapfile -t COMPREPLY < <(compgen -d -- "$current")
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--json --run-dir --help --version' -- "$current")
  elif [[ -z $verb ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'status gpus ps who config' -- "$current")
  elif [[ $verb == who ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_ds01_slots "${run_dir[@]}")" -- "$current")
  elif [[ $verb == config && $previous == config ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'show' -- "$current")
  elif [[ $verb == config && $previous == show ]]; then
    mapfile -t COMPREPLY < <(compgen -u -- "$current")
  fi
}

complete -F _ds01 ds01
