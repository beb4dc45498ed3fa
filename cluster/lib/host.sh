# Checks what this machine must offer, and installs the Debian packages that are missing.

package_list() { sed 's/#.*//' "$CLUSTER_DIR/packages.txt" | awk 'NF { print $1 }'; }

# An upper bound on the work of a healthy `up`: one dpkg-query, a few small probes.
prepare_host() {
  [[ $(id -u) -eq 0 ]] || fail "a cluster makes namespaces, mounts and links, for which you must be root: run it with sudo"
  install_packages
  local tool
  for tool in containerd ctr runc iptables busybox debootstrap ip openssl unshare nsenter flock; do
    command -v "$tool" >/dev/null || fail "\`$tool\` is missing from PATH although its package is installed: put /usr/sbin and /usr/bin in PATH"
  done
  [[ -x /usr/lib/cni/ptp ]] || fail "/usr/lib/cni/ptp is missing: apt-get install --reinstall containernetworking-plugins"
}

install_packages() {
  local missing
  command -v dpkg-query >/dev/null || fail "this is not Debian: install what $CLUSTER_DIR/packages.txt lists by other means, on Debian 12 for preference"
  missing=$(comm -23 <(package_list | sort) \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" { print $1 }' | sort) | tr '\n' ' ')
  [[ -z ${missing// /} ]] && return 0
  say "installing Debian packages: $missing(under a minute)"
  # One source of several that does not answer is no reason to stop; what is then missing, installing says.
  if package_lists_are_stale; then quiet_apt_get update || true; fi
  # shellcheck disable=SC2086 # the list is words on purpose
  quiet_apt_get install -y --no-install-recommends $missing ||
    { quiet_apt_get update && quiet_apt_get install -y --no-install-recommends $missing; } ||
    fail "apt-get could not install $missing: its words are above; run apt-get update and check the machine's apt sources"
}

# Whether apt knows no packages yet, as in a fresh image, or last asked for them more than a day ago. The lists
# themselves bear the times of their makers; what an update always touches is the folder it loads them into.
# shellcheck disable=SC2120 # test.sh names a folder of its own
package_lists_are_stale() {
  local lists=${1:-/var/lib/apt/lists}
  ! compgen -G "$lists/*_Packages*" >/dev/null || [[ -z $(find "$lists/partial" -maxdepth 0 -mtime -1 2>/dev/null) ]]
}

# Debian's containerd would start a service of its own at installation. In a mount namespace without
# /run/systemd its installation script sees no service manager and leaves it alone.
quiet_apt_get() {
  local log
  log=$(mktemp)
  if unshare -m --propagation private bash -c '
      if [[ -d /run/systemd/system ]]; then mount -t tmpfs none /run/systemd; fi
      exec apt-get -qq "$@"' apt "$@" >"$log" 2>&1 </dev/null; then rm -f "$log"; return 0; fi
  [[ $1 == install ]] || cat "$log" >&2
  [[ $1 != install ]] || tail -n 5 "$log" >&2
  rm -f "$log"
  return 1
}
export DEBIAN_FRONTEND=noninteractive

# Kernel features, each tried as the cluster will use it, in a namespace that is gone afterwards.
check_kernel() {
  unshare -n -m true 2>/dev/null ||
    fail "this kernel or container does not allow new network and mount namespaces: run on a virtual machine, or in a container started with --privileged"
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
    fail "the kernel has no overlayfs, which containers' roots need: modprobe overlay, or boot a kernel with CONFIG_OVERLAY_FS"
  unshare -n ip link add sp-probe type veth peer name sp-peer 2>/dev/null || { modprobe veth 2>/dev/null && unshare -n ip link add sp-probe type veth peer name sp-peer 2>/dev/null; } ||
    fail "the kernel cannot make veth pairs, the cable between this machine and the node: modprobe veth, or boot a kernel with CONFIG_VETH"
  unshare -n iptables -w -t nat -A PREROUTING -p tcp -m comment --comment probe -m conntrack --ctstate NEW -j DNAT --to-destination 192.0.2.1 2>/dev/null ||
    fail "iptables cannot rewrite addresses here, which Services need: boot a kernel with nf_tables or CONFIG_IP_NF_NAT, or try update-alternatives --set iptables /usr/sbin/iptables-legacy"
  [[ $(cgroup_roots) ]] ||
    fail "no cgroups are mounted below /sys/fs/cgroup: mount -t cgroup2 none /sys/fs/cgroup"
}

# The controller manager, the API server, the kubelet, containerd and kube-proxy of one cluster take 20 together, of
# Debian's 128 for each user, so the seventh cluster finds none left: its kubelet then ends, or `tail -f` in a Pod fails.
readonly INOTIFY_OF_A_CLUSTER=20
warn_of_inotify() {
  local limit in_use
  limit=$(cat /proc/sys/fs/inotify/max_user_instances 2>/dev/null || echo 0)
  # Processes end while one looks.
  in_use=$({ find /proc/[0-9]*/fd -lname 'anon_inode:inotify' 2>/dev/null || true; } | wc -l)
  if inotify_is_low "$limit" "$in_use"; then
    say "of this machine's $limit inotify instances $in_use are in use, and a cluster takes $INOTIFY_OF_A_CLUSTER: sysctl fs.inotify.max_user_instances=1024 makes room"
  fi
}
# inotify_is_low LIMIT IN_USE: whether another cluster and some Pods that watch files would not find room.
inotify_is_low() { (($1 > 0 && $1 - $2 < 2 * INOTIFY_OF_A_CLUSTER)); }
