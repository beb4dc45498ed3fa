# Takes a cluster away: all that it started, mounted, linked and wrote, and nothing else; then looks whether anything is left.

# Clients end before servers: the API server would wait minutes for their open watches.
readonly CLIENTS=(kubelet kube-proxy coredns kube-controller-manager kube-scheduler)
readonly SERVERS=(apt-server kube-apiserver etcd containerd)

cluster_down() {
  [[ $(id -u) -eq 0 ]] || fail "only root can take down what root started: run it with sudo"
  lock_cluster
  if [[ ! -d $DIR ]] && no_tracked_pids; then
    rm -f "$STATE/.$NAME.lock"
    say "there is no cluster \`$NAME\`: nothing to do"
    return 0
  fi
  say "taking down cluster \`$NAME\` (a few seconds)"
  local component
  for component in "${CLIENTS[@]}"; do signal_recorded TERM "$component"; done
  # Whoever does not end in time is killed in the next line; `leftovers` tells of what survives that.
  wait_for 2 "clients to end" all_gone "${CLIENTS[@]}" 2>/dev/null || true
  for component in "${CLIENTS[@]}"; do signal_recorded KILL "$component"; done
  for component in "${SERVERS[@]}"; do signal_recorded TERM "$component"; done
  # As above.
  wait_for 2 "servers to end" all_gone "${SERVERS[@]}" 2>/dev/null || true
  for component in "${SERVERS[@]}"; do signal_recorded KILL "$component"; done
  # Containers and their shims outlive containerd by design; they are in the cluster's cgroups.
  # What cannot be killed must not keep the rest from being taken away; `leftovers` names it.
  kill_tracked || true
  local others
  others=$(strangers)
  [[ -z $others ]] || printf 'left alone, though it keeps the old namespaces of the node: process %s\n' "${others//$'\n'/, }"
  remove_cgroups
  [[ -z $INDEX ]] || unplug_host
  unmount_run
  discard_folder
  local left
  left=$(leftovers)
  if [[ $left ]]; then
    printf "cluster: these parts of \`%s\` are still there:\n%s\n" "$NAME" "$left" >&2
    fail "run cluster/cluster down --name $NAME again; if they stay, the lines above name what to end by hand"
  fi
  rm -f "$STATE/.$NAME.lock"
  say "cluster \`$NAME\` is gone: no process, mount, link, route or cgroup is left$still_deleting"
}

# The unpacked images are ten thousand small files. On a busy disk they take longer than all the rest
# together, so after three seconds they go on being deleted behind us, under a name that no cluster has.
discard_folder() {
  still_deleting=''
  [[ -d $DIR ]] || return 0
  local trash
  trash=$(mktemp -d "$STATE/.discarded.XXXXXX")
  mv "$DIR" "$trash/"
  setsid rm -rf --one-file-system "$STATE"/.discarded.* </dev/null >/dev/null 2>&1 {CLUSTER_LOCK}>&- &
  wait_for 3 "files to go" test ! -e "$trash" 2>/dev/null || still_deleting="; its files are being deleted in the background"
}

cluster_down_all() {
  local name
  for name in $(cluster_names); do
    (cluster_paths "$name"; cluster_down)
  done
}

all_gone() {
  local component
  for component in "$@"; do gone "$component" || return 1; done
}

leftovers() {
  local pid root
  for pid in $(tracked_pids); do printf '  process %s (%s)\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-80)"; done
  mounts_of_cluster | sed 's/^/  mount /'
  while read -r root; do
    [[ ! -d $root/$CGROUP ]] || printf '  cgroup %s\n' "$root/$CGROUP"
  done < <(cgroup_roots)
  if [[ $INDEX ]]; then
    # The kernel takes a link away a moment after its namespace.
    wait_for 2 "the link to go" link_gone 2>/dev/null || printf '  link %s\n' "$LINK"
    # No route left is what is hoped for, and grep's failure.
    ip -4 route show | grep -E "^(10\.88\.$INDEX\.|${POD_RANGE%.0.0/16}\.)" | sed 's/^/  route /' || true
  fi
  [[ ! -e $DIR ]] || printf '  folder %s\n' "$DIR"
}

link_gone() { ! ip link show "$LINK"; }
