# Speaks to the person at the terminal: one line for what is being done and how long it takes.
# Knows nothing of what is built or tested.

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  readonly BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
  readonly BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s%s%s\n' "$RED" "$*" "$PLAIN" >&2
  exit 1
}

# duration SECONDS prints 75 as `1 min 15 s`.
duration() {
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# step WORDS ABOUT COMMAND... says what is done and how long it takes, runs COMMAND with its words in a log,
# and shows the log's end only if it fails.
step() {
  local what=$1 about=$2 log started=$SECONDS
  shift 2
  log=$(mktemp)
  printf '%s▸ %s%s %s(%s)%s\n' "$BOLD" "$what" "$PLAIN" "$DIM" "$about" "$PLAIN"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    printf '%s%s failed after %s; everything it said is in %s%s\n' "$RED" "$what" "$(duration $((SECONDS - started)))" "$log" "$PLAIN" >&2
    return 1
  fi
  rm -f "$log"
  if ((SECONDS - started >= 3)); then printf '  %sdone in %s%s\n' "$DIM" "$(duration $((SECONDS - started)))" "$PLAIN"; fi
}

# step_aloud is step for a command that tells of its own progress: its lines are shown, indented.
step_aloud() {
  local what=$1 about=$2
  shift 2
  printf '%s▸ %s%s %s(%s)%s\n' "$BOLD" "$what" "$PLAIN" "$DIM" "$about" "$PLAIN"
  "$@" 2>&1 </dev/null | sed -u "s/^/  $DIM/; s/\$/$PLAIN/" || { printf '%s%s failed%s\n' "$RED" "$what" "$PLAIN" >&2; return 1; }
}
