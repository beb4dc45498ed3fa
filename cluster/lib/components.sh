# Writes the configuration of each Kubernetes component and starts it. Knows the order of nothing: that is up.sh.

# write_file FILE writes what it reads, but leaves a file alone that says the same already: kube-proxy
# exits as soon as anybody touches its configuration.
write_file() {
  local file=$1 new=$1.new
  cat >"$new"
  if cmp -s "$new" "$file"; then rm -f "$new"; else mv "$new" "$file"; fi
}

start_containerd() {
  mkdir -p "$DIR/cni"
  # ptp routes every packet through the node, so Services work without the br_netfilter module that a
  # bridge would need for them.
  write_file "$DIR/cni/10-pods.conflist" <<CNI
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-addresses",
        "ranges": [[{"subnet": "${POD_RANGE%.0.0/16}.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
CNI
  # oom_score and restrict_oom_score_adj: a machine that is a container itself may not lower its score.
  write_file "$DIR/containerd.toml" <<TOML
version = 2
root = "$DIR/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$DIR/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
TOML
  start_component containerd containerd --config "$DIR/containerd.toml"
}

containerd_answers() { ctr --address "$RUN/containerd/containerd.sock" version; }

# No fsync: a test cluster may lose its last writes in a power cut, and starts seconds sooner.
start_etcd() {
  start_component etcd "$PROGRAMS/etcd" --name "$NODE_NAME" --data-dir "$DIR/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster "$NODE_NAME=http://127.0.0.1:2380" --logger zap --log-level warn
}

start_apiserver() {
  local pki=$DIR/pki extra=()
  # The flags stay with the cluster, so that an `up` which only looks after its health does not drop them.
  if [[ -v SALLYPORT_APISERVER_FLAGS ]]; then printf '%s\n' "$SALLYPORT_APISERVER_FLAGS" >"$DIR/apiserver-flags"; fi
  if [[ -f $DIR/apiserver-flags ]]; then read -r -a extra <"$DIR/apiserver-flags" || true; fi
  # Without InternalIP first, every exec waits 20 s for a DNS answer about the node's name, and fails.
  start_component kube-apiserver "$PROGRAMS/kube-apiserver" \
    --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=0.0.0.0 --advertise-address="$NODE_IP" --secure-port="$API_PORT" \
    --service-cluster-ip-range="$SERVICE_RANGE" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" --kubelet-client-key="$pki/apiserver-kubelet-client.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User \
    --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key" \
    --token-auth-file="$DIR/tokens.csv" --enable-bootstrap-token-auth=true \
    "${extra[@]}"
}

admin_kubectl() { KUBECONFIG=$DIR/admin.kubeconfig "$PROGRAMS/kubectl" "$@"; }
apiserver_ready() { admin_kubectl get --raw=/readyz --request-timeout=5s; }

start_controller_manager() {
  local kubeconfig=$DIR/controller-manager.kubeconfig pki=$DIR/pki
  # With the default rate of 20 requests a second it takes 5 s to give each controller its account, and
  # only then does it make the default service account, without which no Pod can be created.
  start_component kube-controller-manager "$PROGRAMS/kube-controller-manager" \
    --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
    --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" \
    --kube-api-qps=300 --kube-api-burst=500 \
    --use-service-account-credentials --controllers='*,bootstrapsigner,tokencleaner' --leader-elect=false
}

start_scheduler() {
  local kubeconfig=$DIR/scheduler.kubeconfig
  start_component kube-scheduler "$PROGRAMS/kube-scheduler" \
    --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" --leader-elect=false
}

start_kubelet() {
  write_file "$DIR/resolv.conf" <<<"nameserver $DNS_SERVICE_IP"
  write_file "$DIR/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $DIR/pki/ca.crt}
authorization: {mode: Webhook}
tlsCertFile: $DIR/pki/kubelet.crt
tlsPrivateKeyFile: $DIR/pki/kubelet.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: [$DNS_SERVICE_IP]
clusterDomain: cluster.local
resolvConf: $DIR/resolv.conf
# Every Pod is below the cluster's own cgroup, by which \`down\` finds it.
cgroupRoot: /$CGROUP/pods
cgroupsPerQOS: true
# A machine that is a container itself has no systemd, perhaps the older cgroups, and no leave to lower
# a process's chance of being killed or to reserve resources.
cgroupDriver: cgroupfs
failCgroupV1: false
enforceNodeAllocatable: []
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
# The disk is the machine's own, and mostly full of other things: evict only when nearly nothing is left.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
# Nobody can pull an image again that was collected.
imageMinimumGCAge: 8760h
shutdownGracePeriod: 0s
YAML
  start_component kubelet "$PROGRAMS/kubelet" --kubeconfig="$DIR/kubelet.kubeconfig" --config="$DIR/kubelet.yaml" \
    --node-ip="$NODE_IP" --hostname-override="$NODE_NAME"
}

start_proxy() {
  write_file "$DIR/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $DIR/proxy.kubeconfig}
mode: iptables
clusterCIDR: $POD_RANGE
hostnameOverride: $NODE_NAME
nodePortAddresses: [primary]
# The limits of the connection table belong to the machine, not to us.
conntrack: {maxPerCore: 0, min: 0}
YAML
  start_component kube-proxy "$PROGRAMS/kube-proxy" --config="$DIR/kube-proxy.yaml"
}

# CoreDNS is a process of the node instead of a Pod: it needs no image, and is there before the first Pod.
start_dns() {
  write_file "$DIR/Corefile" <<COREFILE
cluster.local in-addr.arpa ip6.arpa {
  bind $NODE_IP
  errors
  ready $NODE_IP:8181
  kubernetes {
    kubeconfig $DIR/coredns.kubeconfig
    pods insecure
    ttl 5
  }
  cache 5
}
# There is no other network: the repository's name is known, and everything else does not exist.
. {
  bind $NODE_IP
  errors
  hosts {
    $NODE_IP apt.sallyport.test
  }
}
COREFILE
  start_component coredns "$COREDNS/coredns" -conf "$DIR/Corefile" -quiet
}

start_apt_server() {
  start_component apt-server busybox httpd -f -p "$NODE_IP:$APT_PORT" -h "$(apt_repository)"
}

# The Service has no selector, because its one endpoint is a process; so its slice is written by hand.
cluster_manifests() {
  cat <<YAML
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:coredns"}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "system:coredns"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:coredns"}]
---
apiVersion: v1
kind: Service
metadata:
  name: kube-dns
  namespace: kube-system
  labels: {k8s-app: kube-dns, kubernetes.io/name: CoreDNS}
spec:
  clusterIP: $DNS_SERVICE_IP
  ports:
  - {name: dns, port: 53, protocol: UDP}
  - {name: dns-tcp, port: 53, protocol: TCP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: kube-dns-node
  namespace: kube-system
  labels: {kubernetes.io/service-name: kube-dns, endpointslice.kubernetes.io/managed-by: sallyport-cluster}
addressType: IPv4
ports:
- {name: dns, port: 53, protocol: UDP}
- {name: dns-tcp, port: 53, protocol: TCP}
endpoints:
- addresses: [$NODE_IP]
  conditions: {ready: true}
YAML
}
