# Gives a cluster its place on this machine: its folder, its number, its network and mount namespace, its link to the host.

# Layout of a cluster's folder DIR: what must outlast a restart of the machine lies in DIR itself; what
# must not (pids, sockets, the pins of the namespaces) lies in DIR/run, a tmpfs that a restart empties.
cluster_paths() {
  NAME=$1
  DIR=$STATE/$NAME
  RUN=$DIR/run
  # Two state folders may each have a cluster of this name; the cgroups of the machine are one tree.
  CGROUP=sallyport/$NAME-$(cksum <<<"$DIR" | cut -d' ' -f1)
  TRACKER=$(tracker_path)
  INDEX=$(cat "$DIR/index" 2>/dev/null || true)
  [[ -z $INDEX ]] || number_addresses
}

# Addresses follow from the cluster's number N, so no two clusters of a machine ever overlap. The
# Service range is the same everywhere: it means something only inside a cluster.
number_addresses() {
  NODE_IP=10.88.$INDEX.1
  HOST_IP=10.88.$INDEX.254
  POD_RANGE=10.$((100 + INDEX)).0.0/16
  LINK=sallyport$INDEX
}
readonly SERVICE_RANGE=10.96.0.0/16 API_SERVICE_IP=10.96.0.1 DNS_SERVICE_IP=10.96.0.10 INDEX_MAX=99
readonly NODE_NAME=node1 API_PORT=6443 APT_PORT=8089

require_cluster() { [[ -f $DIR/admin.kubeconfig ]] || fail "there is no cluster \`$NAME\`: start it with cluster/cluster up --name $NAME"; }

# One command at a time may change a cluster; a second one waits for the first.
lock_cluster() {
  mkdir -p "$STATE"
  lock_file CLUSTER_LOCK "$STATE/.$NAME.lock"
  # What the other command did may have changed where the cluster lies.
  cluster_paths "$NAME"
}

# A number is free when no cluster of this state folder has it and no link or route of the machine does
# (clusters of another state folder, or a stranger's network). The lock is machine-wide for that reason.
take_number() {
  [[ -z $INDEX ]] || return 0
  local candidate taken lock
  lock_file lock /run/lock/sallyport-clusters
  taken=" $({ cat "$STATE"/*/index 2>/dev/null || true; } | tr '\n' ' ')"
  for ((candidate = 1; candidate <= INDEX_MAX; candidate++)); do
    [[ $taken == *" $candidate "* ]] && continue
    # Not `grep -q`: it stops reading at the first match, whereupon `ip` fails, and so would the whole pipe.
    ip -4 route show table all | grep -E "(^| )10\.(88\.$candidate|$((100 + candidate)))\." >/dev/null && continue
    [[ -e /sys/class/net/sallyport$candidate ]] && continue
    INDEX=$candidate
    break
  done
  [[ $INDEX ]] || fail "all $INDEX_MAX numbers of clusters are taken: see cluster/cluster list, and take some down"
  printf '%s\n' "$INDEX" >"$DIR/index"
  number_addresses
  # The link is the claim that clusters of other state folders see, so it is made under the same lock.
  make_namespaces
  exec {lock}>&-
}

is_pin() { [[ $(stat -fc %T "$1" 2>/dev/null) == nsfs ]]; }
namespaces_stand() { is_pin "$RUN/net" && is_pin "$RUN/mnt"; }

# The namespaces are pinned by mounts instead of held open by a process, so that there is no holder to
# kill. A pinned mount namespace must lie on a private mount: DIR/run is one.
make_namespaces() {
  if ! namespaces_stand; then
    # Whatever still runs in namespaces that nobody can enter any more is of no use. What survives SIGKILL stays in
    # the cluster's cgroup, where `down` finds and names it.
    kill_tracked || true
    unmount_run
    mkdir -p "$RUN" "$DIR"/{log,kubelet,etcd,containerd}
    mount -t tmpfs -o mode=0700 "sallyport-$NAME" "$RUN"
    mount --make-private "$RUN"
    mkdir -p "$RUN"/{pids,containerd}
    : >"$RUN/net"
    : >"$RUN/mnt"
    make_cgroups
    mkdir -p /var/lib/kubelet /var/lib/cni
    unshare --net="$RUN/net" --mount="$RUN/mnt" --propagation private \
      bash -c "$(declare -f furnish_namespaces); furnish_namespaces \"\$1\"" furnish "$DIR" ||
      fail "the node's namespaces could not be furnished: the reason is above"
  fi
  make_cgroups
  cable_host
}

# Inside, the well-known paths of a node lead into the cluster's folder. That keeps clusters apart
# although runc, the shim, CNI and the kubelet insist on these paths, and leaves nothing on the host.
furnish_namespaces() {
  set -euo pipefail
  local dir=$1
  mount --make-rshared /
  mount --bind "$dir/kubelet" /var/lib/kubelet
  mount --make-rshared /var/lib/kubelet
  mount -t tmpfs cni /var/lib/cni
  mount --bind "$dir/log" /var/log
  mount -t tmpfs -o mode=0755 run /run
  mkdir -p /run/containerd /run/lock
  mount --bind "$dir/run/containerd" /run/containerd
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

cable_host() {
  local in_net=(nsenter --net="$RUN/net")
  if ! ip link show "$LINK" >/dev/null 2>&1; then
    # `netns $$` is our own network, which need not be that of process 1.
    "${in_net[@]}" ip link add eth0 type veth peer name "$LINK" netns $$ ||
      fail "no veth pair could be made between this machine and the node: modprobe veth"
  fi
  ip addr replace "$HOST_IP/24" dev "$LINK"
  ip link set "$LINK" up
  "${in_net[@]}" ip addr replace "$NODE_IP/24" dev eth0
  "${in_net[@]}" ip link set eth0 up
  "${in_net[@]}" ip route replace default via "$HOST_IP"
  ip route replace "$POD_RANGE" via "$NODE_IP" dev "$LINK"
}

# In the cluster's cgroup, so that `down` ends it too: a forgotten shell would keep the namespaces alive.
exec_in_node() { echo $$ >"$TRACKER/components/cgroup.procs"; exec nsenter --net="$RUN/net" --mount="$RUN/mnt" --wd=/ "$@"; }

unmount_run() {
  local mount_point
  # Deepest first; --lazy because a tool that looks into the folder must not stop us. A mount may be gone with the one
  # it lay on; what is still there is asked afterwards (`leftovers`).
  while read -r mount_point; do
    umount --lazy "$mount_point" 2>/dev/null || true
  done < <(mounts_of_cluster | sort -r)
}

# strangers prints the processes that somebody else put into the cluster's namespaces. The pins keep the
# numbers of the namespaces from being used again, so this must be asked while they stand.
strangers() {
  namespaces_stand || return 0
  local net mnt pid ours
  net=$(stat -Lc %i "$RUN/net") mnt=$(stat -Lc %i "$RUN/mnt") ours=" $(tracked_pids | tr '\n' ' ')"
  for pid in /proc/[0-9]*; do
    pid=${pid#/proc/}
    [[ $ours == *" $pid "* ]] && continue
    case $(readlink "/proc/$pid/ns/net" "/proc/$pid/ns/mnt" 2>/dev/null || true) in
      *"[$net]"* | *"[$mnt]"*) printf '%s (%s)\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-80)" ;;
    esac
  done
}

mounts_of_cluster() { awk -v dir="$DIR/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts; }

unplug_host() { ip link del "$LINK" 2>/dev/null || true; }
