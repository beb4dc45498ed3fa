# Brings a cluster up, or repairs it: decides the order of things and what may happen side by side.

known_versions() { local folder; for folder in "$CLUSTER_DIR"/kubernetes-*/; do folder=${folder%/}; printf '%s\n' "${folder##*kubernetes-}"; done | sort -rV; }

# Everything that a cluster is made of, in the cache.
prepare_cache() {
  local version=$1
  mkdir -p "$CACHE"
  build_modules "kubernetes-$version" "about 5 minutes"
  build_modules coredns "about a minute"
  prepare_images
  prepare_apt_repository
}

cluster_up() {
  local version=$1 has
  lock_cluster
  has=$(cat "$DIR/version" 2>/dev/null || true)
  [[ -z $has || -z $version || $has == "$version" ]] ||
    fail "cluster \`$NAME\` runs Kubernetes $has: take it down first, or give another --name"
  version=${has:-${version:-$DEFAULT_VERSION}}
  case $STATE/ in
    /run/* | /var/run/* | /var/log/* | /var/lib/kubelet/* | /var/lib/cni/* | /sys/* | /proc/* | /dev/*)
      fail "the node has a $(cut -d/ -f1-3 <<<"$STATE") of its own, so state cannot lie there: set SALLYPORT_STATE to another folder" ;;
  esac

  prepare_host
  prepare_cache "$version"
  PROGRAMS=$(built_path "kubernetes-$version")
  COREDNS=$(built_path coredns)
  mkdir -p "$DIR"
  chmod 0700 "$DIR"
  printf '%s\n' "$version" >"$DIR/version"
  printf '%s\n' "$PROGRAMS" >"$DIR/programs"

  if ! namespaces_stand; then
    say "starting cluster \`$NAME\`, Kubernetes $version (about 10 s)"
    check_kernel
    warn_of_inotify
  fi
  take_number
  make_namespaces

  # Two roads that meet at the kubelet: containerd and its images; keys, etcd and the API server.
  # A road that fails has said why.
  start_etcd
  start_containerd
  (wait_for_component containerd 20 "containerd" containerd_answers; import_images) &
  local images_road=$!
  make_pki
  make_kubeconfigs
  make_tokens
  start_apiserver
  start_apt_server
  wait_for_component kube-apiserver 60 "the API server" apiserver_ready
  announce "the API server answers at https://$NODE_IP:$API_PORT"
  start_controller_manager
  start_scheduler
  start_proxy
  admin_kubectl apply --server-side --force-conflicts -f <(cluster_manifests) >>"$DIR/log/manifests.log" 2>&1 ||
    fail "the cluster's own objects could not be applied: see $DIR/log/manifests.log"
  start_dns
  wait "$images_road" || exit 1
  start_kubelet
  wait_for_component kubelet 60 "a ready node" node_ready
  wait_for_component kubelet 30 "the kubelet's view of its Pods" kubelet_knows_pods
  announce "node $NODE_NAME is ready"
  wait_for_component kube-controller-manager 60 "the default service account" admin_kubectl get serviceaccount default
  wait_for_component coredns 30 "the cluster's DNS" dns_ready
  if [[ $started_components ]]; then
    say "cluster \`$NAME\` is up; its administrator's kubeconfig is $DIR/admin.kubeconfig"
  else
    say "cluster \`$NAME\` is up and healthy; nothing to do"
  fi
}

# Milestones are worth a line only when something was started on the way.
announce() { [[ -z $started_components ]] || say "$*"; }

node_ready() { [[ $(admin_kubectl get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]; }

# The API keeps calling a node ready for 40 s after its kubelet died, and a kubelet that has just come
# back refuses exec until it has heard of its Pods again. So it is asked itself, the way exec would ask.
kubelet_knows_pods() {
  local expected known
  expected=$(admin_kubectl get pods --all-namespaces --field-selector "spec.nodeName=$NODE_NAME" -o name | wc -l) || return 1
  known=$(admin_kubectl get --raw "/api/v1/nodes/$NODE_NAME/proxy/pods" | { grep -o "\"nodeName\":\"$NODE_NAME\"" || true; } | wc -l) || return 1
  ((known >= expected))
}

# CoreDNS says that it is ready when it has read the cluster's Services. Asked by hand, because Debian's
# static busybox crashes on any wget.
dns_ready() {
  # shellcheck disable=SC2016 # the inner shell expands $0
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/8181"; printf "GET /ready HTTP/1.0\r\n\r\n" >&3; grep -q " 200 " <&3' "$NODE_IP" 2>/dev/null
}
