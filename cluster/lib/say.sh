# Speaks to the person at the terminal, and waits for states with a deadline. Knows nothing of clusters.

# say WORDS... prints a line with the seconds since the command began, so that slow steps show.
say() {
  local ms=$(($(date +%s%N) / 1000000 - STARTED_MS))
  printf '%3d.%d s  %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*"
}

# A step that fails without a sentence of its own still says which it was.
trap 'printf "cluster: \`%s\` failed (%s, line %s)\n" "$BASH_COMMAND" "${BASH_SOURCE[0]}" "$LINENO" >&2' ERR
set -E

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# lock_file VARIABLE FILE waits for the lock on FILE and puts its descriptor into VARIABLE. Another holder
# may remove the file when it is done; a lock on a file that is no longer there locks nothing, so try again.
lock_file() {
  local -n descriptor=$1
  local file=$2
  while :; do
    exec {descriptor}>"$file"
    flock -n "$descriptor" || { say "waiting for another command to finish (${file##*/})"; flock "$descriptor"; }
    [[ $file -ef /proc/self/fd/$descriptor ]] && return 0
    exec {descriptor}>&-
  done
}

# wait_for SECONDS WHAT COMMAND... polls until COMMAND succeeds. It returns 1 at the deadline, having said so.
wait_for() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      printf 'cluster: waited %s s for %s in vain\n' "$seconds" "$what" >&2
      return 1
    fi
    sleep 0.1
  done
}
