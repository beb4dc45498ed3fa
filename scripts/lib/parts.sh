# Runs the parts of the test suite: each with its words in a log, a time limit and a count of what it ran.
# Which parts there are, and what they do, is the test script's.

readonly OUT=artifacts/test

begin_parts() {
  rm -rf "$OUT"
  mkdir -p "$OUT/results"
  STARTED=$SECONDS
}

slug() { printf '%s' "${1// /-}"; }

# part NAME runs it and notes its result. It never fails itself: the sum does, at the end.
part() {
  local name=$1 minutes count command log started=$SECONDS status=0 passed=0 failed=0 skipped=0
  IFS='|' read -r _ minutes count command < <(parts | awk -F'|' -v name="$name" '$1 == name')
  log=$OUT/$(slug "$name").log
  printf '▸ %s\n' "$name"
  # Not `||`: behind it bash would ignore failures within the part.
  set +e
  limited "$minutes" "$command" >"$log" 2>&1 </dev/null
  status=$?
  set -e
  read -r passed failed skipped < <("count_$count" "$log" "$status")
  if ((status != 0 && failed == 0)); then failed=1; fi
  if ((passed + failed == 0)); then failed=1; printf '\nNo test ran in this part.\n' >>"$log"; fi
  if ((skipped > 0)); then failed=$((failed + skipped)); printf '\n%d tests were skipped. What cannot run here must say so and fail.\n' "$skipped" >>"$log"; fi
  printf '%d %d %d %d\n' $((SECONDS - started)) "$passed" "$failed" "$skipped" >"$OUT/results/$(slug "$name")"
  if ((failed == 0)); then
    printf '%s✓ %s%s  %s, %s\n' "$GREEN" "$name" "$PLAIN" "$(duration $((SECONDS - started)))" "$passed passed"
  else
    { tail -n 80 "$log" | sed 's/^/    /'
      printf '%s✗ %s%s  %s, %d failed; all of it: %s\n' "$RED" "$name" "$PLAIN" "$(duration $((SECONDS - started)))" "$failed" "$log"
    } >&2
  fi
}

# after NAME waits until the other lane has run that part.
after() { while [[ ! -e $OUT/results/$(slug "$1") ]]; do sleep 0.2; done; }

# limited MINUTES FUNCTION runs it in a process group of its own and ends that when the time is up.
limited() {
  local minutes=$1 function=$2 child deadline status=0
  set -m
  ( set -euo pipefail; "$function" ) &
  child=$!
  set +m
  deadline=$((SECONDS + minutes * 60))
  while kill -0 "$child" 2>/dev/null; do
    if ((SECONDS > deadline)); then
      printf '\nThis part may take %d minutes and was ended.\n' "$minutes"
      kill -TERM -- "-$child" 2>/dev/null || true
      sleep 5
      kill -KILL -- "-$child" 2>/dev/null || true
    fi
    sleep 0.2
  done
  wait "$child" || status=$?
  return "$status"
}

kill_tree() {
  local child
  for child in $(ps -o pid= --ppid "$1" 2>/dev/null); do kill_tree "$child"; done
  kill -TERM "$1" 2>/dev/null || true
}

# Each counter prints PASSED FAILED SKIPPED from a log and an exit status.
plain_text() { sed 's/\x1b\[[0-9;]*m//g' "$1"; }
count_check() { if (($2 == 0)); then echo 1 0 0; else echo 0 1 0; fi; }
# `running 0 tests` of a crate without tests counts nothing; a test that another one starts is no skip.
count_cargo() {
  plain_text "$1" | awk '
    /^test result:/ { passed += $4; failed += $6 }
    / \.\.\. ignored/ && !/started by the other tests here/ { skipped++ }
    END { print passed + 0, failed + 0, skipped + 0 }'
}
count_node() {
  plain_text "$1" | awk '
    $1 == "ℹ" && $2 == "pass" { passed += $3 }
    $1 == "ℹ" && ($2 == "fail" || $2 == "cancelled") { failed += $3 }
    $1 == "ℹ" && ($2 == "skipped" || $2 == "todo") { skipped += $3 }
    END { print passed + 0, failed + 0, skipped + 0 }'
}
count_vitest() {
  plain_text "$1" | awk '
    $1 == "Tests" { for (i = 2; i < NF; i++) { if ($(i + 1) ~ /^passed/) passed += $i; if ($(i + 1) ~ /^failed/) failed += $i; if ($(i + 1) ~ /^(skipped|todo)/) skipped += $i } }
    END { print passed + 0, failed + 0, skipped + 0 }'
}
count_lines() {
  local passed=0 failed=0
  read -r passed failed < <(plain_text "$1" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p' | tail -n 1) || true
  echo "${passed:-0} ${failed:-0} 0"
}

# tell_results STATUS prints the table and the sum, and exits accordingly.
tell_results() {
  local name took passed failed skipped all_passed=0 all_failed=0 status=$1
  printf '\n%-26s %12s %8s %8s\n' part time passed failed
  while IFS='|' read -r name _; do
    if [[ -e $OUT/results/$(slug "$name") ]]; then
      read -r took passed failed skipped <"$OUT/results/$(slug "$name")"
      printf '%-26s %12s %8d %8d\n' "$name" "$(duration "$took")" "$passed" "$failed"
      all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
    elif [[ -z ${ONLY:-} ]]; then
      printf '%-26s %12s\n' "$name" 'did not run'
      all_failed=$((all_failed + 1))
    fi
  done < <(parts)
  printf '%-26s %12s\n\n' 'all of it' "$(duration $((SECONDS - STARTED)))"
  printf '%d passed, %d failed\n' "$all_passed" "$all_failed"
  if ((all_failed > 0 || all_passed == 0)); then exit 1; fi
  exit "$status"
}
