# What the machine must offer: tools of the three languages, and Debian packages, installed where that may be done.

# wanted_packages PURPOSE... prints the names for `build`, `test` or `cluster`.
wanted_packages() {
  local purpose
  for purpose in "$@"; do
    case $purpose in
      cluster) sed 's/#.*//' cluster/packages.txt | awk 'NF { print $1 }' ;;
      *) sed 's/#.*//' scripts/packages.txt | awk -v purpose="$purpose" '$1 == purpose { print $2 }' ;;
    esac
  done | sort -u
}

# need_packages PURPOSE... installs what is missing as root; otherwise names the exact packages and stops.
need_packages() {
  local missing
  command -v dpkg-query >/dev/null ||
    fail "This is not Debian. Sallyport's recipes install Debian 12 packages; see scripts/packages.txt and cluster/packages.txt for what to install by other means."
  missing=$(comm -23 <(wanted_packages "$@") \
    <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" { print $1 }' | sort) | tr '\n' ' ')
  missing=${missing% }
  [[ -n $missing ]] || return 0
  [[ $(id -u) -eq 0 ]] ||
    fail "These Debian packages are missing: $missing
Install them with: sudo apt-get install -y --no-install-recommends $missing"
  step "Installing Debian packages: $missing" "up to 2 min" install_packages "$missing" ||
    fail "apt-get could not install them: check the machine's apt sources, then run this again."
}

# Debian starts a service of PostgreSQL and containerd when it installs them. Nothing here wants one: the
# tests and clusters start servers of their own. Without /run/systemd the packages leave their services alone.
install_packages() {
  # shellcheck disable=SC2086 # the list is words on purpose
  DEBIAN_FRONTEND=noninteractive unshare -m --propagation private bash -c '
    [[ ! -d /run/systemd/system ]] || mount -t tmpfs none /run/systemd
    lists=/var/lib/apt/lists
    # In a fresh image apt knows no packages, and old lists name versions that are gone.
    if ! compgen -G "$lists/*_Packages*" >/dev/null || [[ -z $(find $lists/partial -maxdepth 0 -mtime -1) ]]; then apt-get update; fi
    apt-get install -y --no-install-recommends "$@" || { apt-get update && apt-get install -y --no-install-recommends "$@"; }' apt $1
}

# need_tools checks compilers: these come from their own installers, which is the person's choice to make.
need_tools() {
  local tool
  for tool in "$@"; do
    case $tool in
      rust)
        command -v cargo >/dev/null ||
          fail "cargo is not in PATH: install Rust with rustup (the version is chosen by rust-toolchain.toml)." ;;
      go)
        at_least "$(go env GOVERSION 2>/dev/null | tr -d 'a-z')" 1.26 ||
          fail "Go 1.26 or newer is needed to build the test cluster's Kubernetes, and $(have go "$(go env GOVERSION 2>/dev/null)")." ;;
      node)
        at_least "$(node --version 2>/dev/null | tr -d v)" 20.19 && command -v npm >/dev/null ||
          fail "Node 20.19 or newer with npm is needed to build the console, and $(have node "$(node --version 2>/dev/null)")." ;;
    esac
  done
}
at_least() { [[ -n $1 && $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }
have() { if [[ -n $2 ]]; then printf '%s here is %s' "$1" "$2"; else printf '%s is not in PATH' "$1"; fi; }

need_root() {
  [[ $(id -u) -eq 0 ]] || fail "The cluster of $1 makes network namespaces and mounts, for which you must be root: run it with sudo.${2:+ $2}"
}
