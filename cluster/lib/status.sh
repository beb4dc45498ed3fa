# Tells what clusters there are and how each is: reads, changes nothing.

cluster_names() {
  local folder
  for folder in "$STATE"/*/; do [[ ! -f $folder/version ]] || basename "$folder"; done
}

cluster_status() {
  require_cluster
  PROGRAMS=$(cat "$DIR/programs")
  local component pid healthy=yes
  printf 'cluster     %s, Kubernetes %s\n' "$NAME" "$("$PROGRAMS/kubectl" version --client -o yaml | awk '$1 == "gitVersion:" { print $2 }')"
  printf 'API server  https://%s:%s\n' "$NODE_IP" "$API_PORT"
  printf 'networks    node %s, Pods %s, Services %s\n' "$NODE_IP" "$POD_RANGE" "$SERVICE_RANGE"
  printf 'kubeconfig  %s\n' "$DIR/admin.kubeconfig"
  printf 'tokens      %s (token, user, uid, groups)\n' "$DIR/tokens.csv"
  printf 'logs        %s\n\n' "$DIR/log"
  for component in "${SERVERS[@]}" "${CLIENTS[@]}"; do
    if pid=$(recorded_pid "$component"); then
      printf '  %-24s runs as %-8s %4d MB\n' "$component" "$pid" "$(($(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status") / 1024))"
    else
      printf '  %-24s is not running\n' "$component"
      healthy=''
    fi
  done
  printf '\n'
  if [[ $healthy ]] && apiserver_ready >/dev/null 2>&1 && node_ready && dns_ready; then
    printf 'healthy: the API server and DNS answer, and node %s is ready\n' "$NODE_NAME"
  else
    printf 'not healthy: cluster/cluster up --name %s repairs it\n' "$NAME"
    exit 1
  fi
}

cluster_list() {
  local name state
  printf '%-20s %-8s %-28s %s\n' NAME VERSION API STATE
  for name in $(cluster_names); do
    (
      cluster_paths "$name"
      if recorded_pid kube-apiserver >/dev/null && recorded_pid kubelet >/dev/null; then state=up; else state=stopped; fi
      printf '%-20s %-8s %-28s %s\n' "$name" "$(cat "$DIR/version")" "${INDEX:+https://$NODE_IP:$API_PORT}" "$state"
    )
  done
}
