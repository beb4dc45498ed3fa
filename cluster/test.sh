#!/usr/bin/env bash
# Proves the promises of cluster/README.md on real clusters: test.sh [NAME], about a minute and a half once built.
# It makes clusters NAME and NAME-2 (default: selftest) and takes them down; other clusters are not touched.
set -euo pipefail

CLUSTER=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)/cluster
NAME=${1:-selftest} OTHER=${1:-selftest}-2
WORK=$(mktemp -d)
PASSED=0 FAILED=0 STRANGER=''

finish() {
  # It ends by itself after a while, and may have.
  [[ -z $STRANGER ]] || kill "$STRANGER" 2>/dev/null || true
  rm -rf "$WORK"
}
trap finish EXIT

# check WHAT COMMAND... counts COMMAND's success. Its words are shown only when it fails.
check() {
  local what=$1
  shift
  if "$@" >"$WORK/out" 2>&1 </dev/null; then
    PASSED=$((PASSED + 1))
    printf '%4d s  ok      %s\n' "$SECONDS" "$what"
  else
    FAILED=$((FAILED + 1))
    printf '%4d s  FAILED  %s\n' "$SECONDS" "$what"
    sed 's/^/                | /' "$WORK/out" | tail -n 20
  fi
}
deny() { ! "$@"; }
prints() { local want=$1; shift; "$@" >"$WORK/printed" || { cat "$WORK/printed"; return 1; }; grep -F -- "$want" "$WORK/printed" || { cat "$WORK/printed"; return 1; }; }
exits() { local want=$1 got=0; shift; "$@" || got=$?; [[ $got -eq $want ]] || { echo "exit code $got, not $want"; return 1; }; }
within() { local seconds=$1 started=$SECONDS; shift; "$@" && ((SECONDS - started <= seconds)) || { echo "took $((SECONDS - started)) s, not $seconds"; return 1; }; }

kubectl() { "$CLUSTER" kubectl --name "$NAME" "$@"; }
in_shell() { kubectl exec shell -- "$@"; }
state_dir() { dirname "$("$CLUSTER" kubeconfig --name "$1")"; }
pid_of() { cut -d' ' -f1 "$(state_dir "$1")/run/pids/$2"; }
all_pids() { cut -d' ' -f1 "$(state_dir "$1")"/run/pids/{etcd,containerd,kube-apiserver,kubelet,kube-proxy,coredns,kube-scheduler,kube-controller-manager,apt-server} | tr '\n' ' '; }
same_pids() { [[ $(all_pids "$1") == "$2" ]] || { echo "had $2"; echo "has $(all_pids "$1")"; return 1; }; }
as_user() { # as_user TOKEN KUBECTL-WORDS... asks without the administrator's certificate.
  local token=$1 server
  shift
  server=$(kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.server}')
  kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$WORK/ca.crt"
  "$CLUSTER" kubectl --name "$NAME" --kubeconfig=/dev/null --server="$server" --certificate-authority="$WORK/ca.crt" --token="$token" "$@"
}
# What a cluster may leave on the machine, as one text to compare. Other clusters may come and go
# meanwhile, so only lines that name ours count.
traces() {
  awk -v a="/clusters/$NAME/" -v b="/clusters/$OTHER/" 'index($2, a) || index($2, b) { print "mount", $2 }' /proc/mounts
  ip -br link | awk -v a="$LINKS" 'index(a, " " $1 "@") || index(a, " " $1 " ") { print "link", $1 }'
  local range
  for range in $RANGES; do ip route show | grep -F "$range" | sed 's/^/route /' || true; done
  find /sys/fs/cgroup -maxdepth 3 -path "*/sallyport/*" \( -path "*/$NAME-[0-9]*[0-9][0-9][0-9]" -o -path "*/$OTHER-[0-9]*" \) 2>/dev/null | sed 's/^/cgroup /'
  local process
  for process in $PROCESSES; do
    if [[ $(born "${process%:*}") == "$process" ]] && ! grep -q '^State:.Z' "/proc/${process%:*}/status"; then echo "process $process"; fi
  done
}
# born PID... prints each as PID:START, which no later process with that pid repeats.
born() { local pid; for pid in "$@"; do sed "s/.*) //; s/^/$pid /" "/proc/$pid/stat" 2>/dev/null | awk '{ print $1 ":" $21 }' || true; done; }
no_traces() { local left; left=$(traces); [[ -z $left ]] || { echo "$left"; return 1; }; }

"$CLUSTER" build || { echo "0 passed, 1 failed"; exit 1; }
"$CLUSTER" down --name "$NAME" >/dev/null
"$CLUSTER" down --name "$OTHER" >/dev/null
SECONDS=0

# A caller that captures the output must get it back as soon as `up` ends.
mkdir -p "$WORK/lists/partial"
stale() { bash -c 'source "${1%/*}/lib/host.sh"; package_lists_are_stale "$2"' bash "$CLUSTER" "$WORK/lists"; }
check "a fresh image's empty lists of packages are asked for first" stale
touch "$WORK/lists/deb_dists_bookworm_main_binary-amd64_Packages"
check "lists of today are not" deny stale
touch -d '2 days ago' "$WORK/lists/partial"
check "lists of before yesterday are" stale
low() { bash -c 'source "${1%/*}/lib/host.sh"; inotify_is_low "$2" "$3"' bash "$CLUSTER" "$@"; }
check "inotify instances that another cluster would use up are told of" low 128 100
check "with room for two nothing is said" deny low 128 88
check "nor where the kernel tells no limit" deny low 0 500
# The same `up` on machines that lack something, each played by a program that answers as such a machine would.
lacking() { # lacking TOOL SCRIPT COMMAND... puts a TOOL of this SCRIPT first on PATH.
  mkdir -p "$WORK/lacking" && rm -f "$WORK/lacking"/*
  printf '#!/bin/sh\n%s\n' "$2" >"$WORK/lacking/$1" && chmod +x "$WORK/lacking/$1"
  shift 2
  PATH=$WORK/lacking:$PATH "$@" 2>&1
}
refuses() { local want=$1 said; shift; if said=$("$@"); then echo "it went through: $said"; return 1; fi; [[ $said == *"cluster: "*"$want"* && $said != *" failed ("* ]] || { echo "$said"; return 1; }; }
up() { "$CLUSTER" up --name "$NAME"; }
check "who is not root is told so" refuses "you must be root: run it with sudo" lacking id 'echo 1000' up
mkdir "$WORK/none" && ln -s /usr/bin/* "$WORK/none/" && rm "$WORK/none/dpkg-query"
check "a machine that is no Debian is told what to install" refuses "this is not Debian" env PATH="$WORK/none" bash -c '"$0" up --name "$1" 2>&1' "$CLUSTER" "$NAME"
check "a kernel without namespaces is named" refuses "does not allow new network and mount namespaces" lacking unshare 'exit 1' up
check "one without veth pairs is named" refuses "the kernel cannot make veth pairs" lacking ip 'case "$*" in *veth*) exit 1;; esac; exec '"$(command -v ip)"' "$@"' up
check "one without address rewriting is named" refuses "iptables cannot rewrite addresses" lacking iptables 'exit 1' up
"$CLUSTER" down --name "$NAME" >/dev/null
check "up starts a cluster within 20 s, and gives its caller's pipe back" within 20 prints "is up" timeout 120 "$CLUSTER" up --name "$NAME"
check "up again finds nothing to do" within 10 prints "nothing to do" "$CLUSTER" up --name "$NAME"
check "status says healthy" prints healthy "$CLUSTER" status --name "$NAME"
check "the kubeconfig is one private file" test "$(stat -c %a "$("$CLUSTER" kubeconfig --name "$NAME")")" = 600
check "the node is Ready" prints True kubectl get node node1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
check "client and server are of one version" kubectl version

# A second cluster comes up while the first one works.
FIRST_PIDS=$(all_pids "$NAME")
"$CLUSTER" up --name "$OTHER" >"$WORK/other.log" 2>&1 </dev/null &
OTHER_UP=$!

kubectl apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: shell, image: "sallyport.test/shell:1", imagePullPolicy: IfNotPresent, command: [sleep, infinity]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: sallyport.test/busybox:1
    imagePullPolicy: IfNotPresent
    command: [sh, -c, "mkdir /www; echo hello from web >/www/index.html; echo web starts; exec httpd -f -h /www"]
    resources: {limits: {memory: 32Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
YAML
check "a shell Pod and a web Pod run" kubectl wait --for=condition=Ready pod/shell pod/web --timeout=30s
check "exec prints" prints "hello 42" in_shell bash -c 'echo hello $((6 * 7))'
check "exec passes the exit code on" exits 7 in_shell bash -c 'exit 7'
check "logs are read" prints "web starts" kubectl logs web
check "the shell speaks UTF-8, English and Korean" prints ko_KR.utf8 in_shell bash -c '[[ $LANG == en_US.UTF-8 ]] && locale -a'
check "vim, less, ps and colour terminals are there" in_shell bash -c 'vim --version && less --version && ps ax && infocmp xterm-256color'
check "DNS finds kubernetes.default" prints 10.96.0.1 in_shell getent hosts kubernetes.default
check "DNS finds a Service, which answers" prints "hello from web" in_shell bash -c 'exec 3<>/dev/tcp/web/80; printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3'
check "DNS denies a name that does not exist" deny in_shell getent hosts nowhere.default.svc.cluster.local
check "apt-get installs net-tools in the Pod" in_shell bash -c 'apt-get -qq update && apt-get -qq install -y net-tools'
check "ifconfig shows the Pod's address" prints "inet 10.1" in_shell ifconfig eth0

ALICE=$(awk -F, '$2 == "alice" { print $1 }' "$(state_dir "$NAME")/tokens.csv")
check "a token of tokens.csv is alice" prints alice as_user "$ALICE" auth whoami
check "alice, who was given nothing, may not read secrets" deny as_user "$ALICE" get secrets
check "a token that is not there is refused" deny as_user "not-$ALICE" auth whoami
check "no token is in a log" deny grep -rqF "$ALICE" "$(state_dir "$NAME")/log"

check "the second cluster comes up" wait "$OTHER_UP"
sed 's/^/                | /' "$WORK/other.log"
check "the first one's processes are the same as before" same_pids "$NAME" "$FIRST_PIDS"
check "the second one is another cluster" deny prints shell "$CLUSTER" kubectl --name "$OTHER" get pods
check "list shows both" bash -c '"$0" list | grep -w "$1" | grep -w up && "$0" list | grep -w "$2" | grep -w up' "$CLUSTER" "$NAME" "$OTHER"

# What must be gone in the end.
INDEXES="$(cat "$(state_dir "$NAME")/index") $(cat "$(state_dir "$OTHER")/index")"
LINKS='' RANGES=''
for index in $INDEXES; do LINKS+=" sallyport$index "; RANGES+=" 10.88.$index. 10.$((100 + index))."; done
# shellcheck disable=SC2046,SC2086 # the pids are words on purpose
PROCESSES=$(born $FIRST_PIDS $(all_pids "$OTHER") $(find /sys/fs/cgroup -path "*/sallyport/$NAME-[0-9]*/*" -name cgroup.procs -exec cat {} + | sort -u))
check "the search for traces sees a cluster that is up" prints route deny no_traces

# A record whose pid belongs to somebody else by now, and components that died: the second cluster goes
# down all the same, and the stranger lives.
kill -9 "$(pid_of "$OTHER" containerd)" "$(pid_of "$OTHER" etcd)" "$(pid_of "$OTHER" coredns)"
sleep 300 >/dev/null 2>&1 &
STRANGER=$!
echo "$STRANGER 1" >"$(state_dir "$OTHER")/run/pids/coredns"
check "down works after kill -9 of containerd, etcd and DNS" within 15 "$CLUSTER" down --name "$OTHER"
check "a process with a reused pid is left alone" kill -0 "$STRANGER"
check "the first cluster is undisturbed" prints healthy "$CLUSTER" status --name "$NAME"

kill -9 "$(pid_of "$NAME" kubelet)" "$(pid_of "$NAME" kube-apiserver)"
check "status sees that components died" deny "$CLUSTER" status --name "$NAME"
check "up repairs after kill -9 of kubelet and API server" timeout 60 "$CLUSTER" up --name "$NAME"
check "the shell Pod lived through it, with what was installed" in_shell ifconfig eth0
check "another Pod starts" kubectl run again --image=sallyport.test/busybox:1 --image-pull-policy=IfNotPresent --restart=Never --command -- true
check "and ends well" kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/again --timeout=30s

check "down takes at most 15 s" within 15 "$CLUSTER" down --name "$NAME"
check "no process, mount, link, route or cgroup is left" no_traces
check "down again has nothing to do" prints "nothing to do" "$CLUSTER" down --name "$NAME"

printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
((FAILED == 0))
