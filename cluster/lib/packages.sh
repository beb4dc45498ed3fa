# Keeps a small apt repository in the cache, so that `apt-get install net-tools` works in a Pod without any other network.

readonly REPOSITORY_PACKAGES="htop lsof nano net-tools tree"

apt_repository() {
  printf '%s/apt/%s\n' "$CACHE" "$({ printf '%s\n' "$REPOSITORY_PACKAGES" "$(shell_image_tar)"; declare -f fetch_packages index_packages; } | sha256sum | cut -c1-16)"
}

prepare_apt_repository() {
  local repository
  repository=$(apt_repository)
  [[ -d $repository ]] && return 0
  prepare_images
  mkdir -p "$CACHE/apt"
  local lock
  lock_file lock "$CACHE/apt/lock"
  if [[ ! -d $repository ]]; then
    say "fetching the packages that Pods can install: $REPOSITORY_PACKAGES"
    fetch_packages "$repository.partial" 2>/dev/null || { quiet_apt_get update && fetch_packages "$repository.partial"; } ||
      fail "the packages for Pods could not be fetched: run apt-get update and check the machine's apt sources"
    index_packages "$repository.partial"
    mv "$repository.partial" "$repository"
  fi
  exec {lock}>&-
}

# apt on this machine works out what the shell image lacks (it reads that image's record of installed
# packages instead of this machine's) and fetches exactly that from the machine's own sources.
fetch_packages() {
  local folder=$1 log=$1/log
  rm -rf "$folder"
  mkdir -p "$folder/partial"
  # shellcheck disable=SC2086 # the list is words on purpose
  apt-get -qq -y --no-install-recommends --download-only -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::State::status="$(shell_dpkg_status)" -o Dir::Cache::archives="$folder" \
    install $REPOSITORY_PACKAGES >"$log" 2>&1 || { tail -n 3 "$log" >&2; return 1; }
  rm -rf "$log" "$folder/partial" "$folder/lock"
}

index_packages() {
  local folder=$1
  (
    cd "$folder" || exit
    dpkg-scanpackages --multiversion . >Packages 2>/dev/null
    gzip -9nk Packages
    {
      printf 'Origin: sallyport.test\nLabel: sallyport.test\nSuite: stable\nDate: %s\nArchitectures: %s all\nSHA256:\n' \
        "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')" "$(dpkg --print-architecture)"
      local file
      for file in Packages Packages.gz; do
        printf ' %s %s %s\n' "$(sha256sum $file | cut -d' ' -f1)" "$(stat -c %s $file)" "$file"
      done
    } >Release
  )
  # The server in the node drops to no user of its own, but Pods' apt reads as `_apt`: all may read.
  chmod -R a+rX "$folder"
}

describe_apt_repository() {
  printf 'In Pods of sallyport.test/shell:1, apt-get update && apt-get install NAME finds:\n'
  awk '$1 == "Package:" { name = $2 } $1 == "Version:" { printf "  %-20s %s\n", name, $2 }' "$(apt_repository)/Packages"
  printf 'Files: %s\n' "$(apt_repository)"
}
