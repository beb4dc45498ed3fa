# Builds the Go programs of a cluster from the committed modules and publishes them, by content, in the cache.

# Everything that decides what comes out of a build goes into its key: the module files, the
# compiler, and the linker's words. The same key is never built twice.
readonly GO_LINK_FLAGS="-s -w"

# The programs of a module folder, as the `tool` lines of its go.mod name them. A module that names none
# is a program itself, and `go build` takes the folder.
go_tools() { awk '$1 == "tool" && NF == 2 { print $2 } /^tool \(/ { block = 1; next } /^\)/ { block = 0 } block { print $1 }' "$1/go.mod"; }

# kubernetes_version DIR prints the exact version (v1.36.3) that the module asks for.
kubernetes_version() { awk '{ sub(/^require /, "") } $1 == "k8s.io/kubernetes" { print $2; exit }' "$1/go.mod"; }

# Without the stamp every component says v0.0.0-master, and kubectl and client-go then misjudge what
# the server can do. The date is fixed so that the same inputs give the same bytes.
kubernetes_link_flags() {
  local version=$1 flags=$GO_LINK_FLAGS minor package
  minor=${version#v1.}; minor=${minor%%.*}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
    flags+=" -X $package.gitCommit=go-modules -X $package.gitTreeState=clean -X $package.buildDate=2026-01-01T00:00:00Z"
  done
  printf '%s' "$flags"
}

# build_key DIR LINK_FLAGS prints the name of the cache folder for these inputs.
build_key() {
  local module_dir=$1 link_flags=$2
  { cat "$module_dir/go.mod" "$module_dir/go.sum"; printf '%s\n' "$(go_version)" "$link_flags"; } | sha256sum | cut -c1-16
}

go_version() {
  command -v go >/dev/null || fail "go is missing: install Go 1.26 or newer and put its bin folder in PATH"
  GOTOOLCHAIN=local go env GOVERSION GOARCH | tr '\n' ' '
}

# built_path NAME prints where the programs of module folder NAME are, or will be.
built_path() {
  local name=$1 flags=$GO_LINK_FLAGS
  case $name in kubernetes-*) flags=$(kubernetes_link_flags "$(kubernetes_version "$CLUSTER_DIR/$name")") ;; esac
  printf '%s/bin/%s-%s\n' "$CACHE" "$name" "$(build_key "$CLUSTER_DIR/$name" "$flags")"
}

# build_modules NAME MINUTES builds the tools of module folder NAME unless the cache has them.
build_modules() {
  local name=$1 cold_time=$2 module_dir=$CLUSTER_DIR/$1 out flags=$GO_LINK_FLAGS started=$SECONDS
  [[ -f $module_dir/go.mod ]] || fail "there is no $module_dir/go.mod: choose one of $(known_versions | tr '\n' ' ')"
  out=$(built_path "$name")
  [[ -d $out ]] && return 0
  case $name in kubernetes-*) flags=$(kubernetes_link_flags "$(kubernetes_version "$module_dir")") ;; esac
  mkdir -p "$CACHE/bin"
  # The lock is per module folder: two builders of the same thing wait for one another, and the second
  # finds the first one's result.
  local lock
  lock_file lock "$CACHE/bin/$name.lock"
  if [[ ! -d $out ]]; then
    say "building $name from Go modules ($cold_time the first time; cached in $CACHE)"
    local partial=$out.partial
    rm -rf "$partial"
    mkdir -p "$partial"
    # One invocation for all programs: the compiler shares packages and overlaps one program's link
    # with the next one's compilation, which separate invocations cannot.
    # shellcheck disable=SC2046 # the tool list is words on purpose
    (cd "$module_dir" && CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off \
      go build -buildvcs=false -mod=readonly -trimpath -ldflags "$flags" -o "$partial/" $(go_tools "$module_dir")) ||
      fail "building $name failed: the compiler's words are above; if a download was refused, check that the Go module proxy can be reached"
    # etcd's main package is called go.etcd.io/etcd/server/v3, from which Go derives the name `server`.
    if [[ -f $partial/server ]]; then mv "$partial/server" "$partial/etcd"; fi
    mv "$partial" "$out"
    say "built $name in $((SECONDS - started)) s ($(du -sh "$out" | cut -f1))"
  fi
  exec {lock}>&-
}
