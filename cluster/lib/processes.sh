# Starts the processes of a cluster, knows them again by pid and start time, and ends them. Knows nothing of what they do.

# Two ways to know what is ours, because each alone has a hole. A record (pid and start time) names a
# component, and cannot be fooled by a pid that was used again. A cgroup of our own holds whatever a
# component left behind (shims, containers, helpers), which no record lists.

# The start time of a process is field 22 of its stat line; the name before it may hold blanks and parentheses.
start_time() {
  local line
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  line=${line##*) }
  # shellcheck disable=SC2086 # split into fields on purpose
  set -- $line
  [[ $1 != Z ]] && printf '%s\n' "${20}"
}

# recorded_pid COMPONENT prints the pid if the very process that we started is still alive.
recorded_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$RUN/pids/$1" || return 1
  [[ $(start_time "$pid") == "$started" ]] && printf '%s\n' "$pid"
}

# signal_recorded SIGNAL COMPONENT does nothing for a process that is gone, or is not the one we started.
signal_recorded() {
  local pid
  if pid=$(recorded_pid "$2"); then kill "-$1" "$pid" 2>/dev/null || true; fi
}

gone() { ! recorded_pid "$1" >/dev/null; }

# end_component COMPONENT SECONDS asks, waits, and then insists.
end_component() {
  signal_recorded TERM "$1"
  wait_for "$2" "$1 to end" gone "$1" 2>/dev/null || signal_recorded KILL "$1"
  wait_for 5 "$1 to die" gone "$1"
  rm -f "$RUN/pids/$1"
}

# start_component COMPONENT COMMAND... runs COMMAND in the node's namespaces unless the same command runs
# already. A changed command line (new flags, another version), or a change in a file that it names, ends
# the old process first.
start_component() {
  local component=$1 words
  shift
  words=$(printf '%q ' "$@"; fingerprint "${@:2}")
  if recorded_pid "$component" >/dev/null; then
    [[ $words == "$(cat "$RUN/pids/$component.command" 2>/dev/null)" ]] && return 0
    say "$component runs with other flags: restarting it"
    end_component "$component" 3
  fi
  rm -f "$RUN/pids/$component"
  printf '%s\n' "$words" >"$RUN/pids/$component.command"
  (
    # It is the child that records itself, so that no moment exists in which it runs unknown to us.
    # The component must not hold our caller's pipes or our locks open, nor see our environment:
    # proxies and credentials of the person who starts a cluster are no business of the cluster.
    # Within $(...) BASHPID would be another's.
    local fd pid=$BASHPID
    echo "$pid" >"$TRACKER/components/cgroup.procs"
    printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$RUN/pids/$component.new"
    mv "$RUN/pids/$component.new" "$RUN/pids/$component"
    exec </dev/null >>"$DIR/log/$component.log" 2>&1
    for fd in "/proc/$pid/fd/"*; do
      fd=${fd##*/}
      if ((fd > 2)); then eval "exec $fd>&-"; fi
    done
    exec setsid nsenter --net="$RUN/net" --mount="$RUN/mnt" --wd=/ \
      env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
  ) &
  wait_for 10 "$component to be started" test -s "$RUN/pids/$component"
  started_components+=" $component"
}
started_components=''

# fingerprint ARGUMENTS... prints one hash of every file that an argument names, as `FILE` or `--flag=FILE`.
fingerprint() {
  local argument files=()
  for argument in "$@"; do
    if [[ -f ${argument#*=} ]]; then files+=("${argument#*=}"); fi
  done
  cat /dev/null "${files[@]}" | sha256sum | cut -c1-16
}

# require_alive COMPONENT fails with the end of its log when it has died.
require_alive() {
  recorded_pid "$1" >/dev/null && return 0
  printf 'cluster: %s ended; the end of %s:\n' "$1" "$DIR/log/$1.log" >&2
  tail -n 5 "$DIR/log/$1.log" | cut -c1-400 >&2
  fail "start again with cluster/cluster up --name $NAME once that is mended"
}

# wait_for_component COMPONENT SECONDS WHAT COMMAND... is wait_for that gives up at once when the component dies.
wait_for_component() {
  local component=$1 seconds=$2 what=$3 deadline
  shift 3
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    require_alive "$component"
    if ((SECONDS >= deadline)); then
      tail -n 5 "$DIR/log/$component.log" | cut -c1-400 >&2
      fail "$what did not come within $seconds s; the log of $component is $DIR/log/$component.log"
    fi
    sleep 0.1
  done
}

# cgroup_roots prints each mounted hierarchy: one on a unified machine, several on a divided one.
cgroup_roots() { awk '$3 ~ /^cgroup2?$/ && $2 ~ /^\/sys\/fs\/cgroup/ { print $2 }' /proc/mounts; }

# The tracker is the hierarchy whose membership nobody but us changes: the unified one where there is
# one (runc leaves it alone on divided machines), else the first of the divided ones.
tracker_path() {
  local root
  root=$(awk '$3 == "cgroup2" && $2 ~ /^\/sys\/fs\/cgroup/ { print $2; exit }' /proc/mounts)
  printf '%s/%s\n' "${root:-$(cgroup_roots | sed -n 1p)}" "$CGROUP"
}

# Components and Pods are siblings, because a unified cgroup with controllers may not hold processes itself.
make_cgroups() {
  local root
  while read -r root; do
    mkdir -p "$root/$CGROUP/components" "$root/$CGROUP/pods"
    # A new cpuset is empty and admits no process until it has been given cores and memory nodes.
    if [[ -e $root/cpuset.cpus && ! -e $root/cgroup.controllers ]]; then
      local step
      for step in sallyport "$CGROUP" "$CGROUP/pods" "$CGROUP/components"; do
        cat "$root/cpuset.cpus" >"$root/$step/cpuset.cpus"
        cat "$root/cpuset.mems" >"$root/$step/cpuset.mems"
      done
    fi
  done < <(cgroup_roots)
}

# tracked_pids prints every process in any cgroup of the cluster.
tracked_pids() {
  local root
  while read -r root; do
    [[ -d $root/$CGROUP ]] || continue
    # A Pod's cgroup may go while it is read, and with it what would have been read.
    find "$root/$CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done < <(cgroup_roots) | sort -un
}

no_tracked_pids() { [[ -z $(tracked_pids) ]]; }

# Killing by cgroup cannot hit a stranger: membership is read and used at once, and a process joins only
# by being started from within.
kill_tracked() {
  local root state pids
  while read -r root; do
    # Frozen processes cannot die. A freezer that goes meanwhile holds nobody any more.
    [[ -d $root/$CGROUP ]] || continue
    while read -r state; do echo THAWED >"$state" 2>/dev/null || true; done \
      < <(find "$root/$CGROUP" -name freezer.state 2>/dev/null || true)
  done < <(cgroup_roots)
  local deadline=$((SECONDS + 5))
  until no_tracked_pids; do
    pids=$(tracked_pids | tr '\n' ' ')
    # shellcheck disable=SC2086 # the pids are words on purpose
    # Some may be dead by now; whether all are is asked by the loop.
    kill -KILL $pids 2>/dev/null || true
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

remove_cgroups() {
  local root
  while read -r root; do
    [[ -d $root/$CGROUP ]] || continue
    # runc may have taken some away itself; a cgroup that stays is told by `leftovers`. The folder above is shared by
    # all clusters, and goes with the last.
    find "$root/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
    rmdir "$root/sallyport" 2>/dev/null || true
  done < <(cgroup_roots)
}
