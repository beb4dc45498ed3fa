# Builds the console and the binary, each only when something it is made of has changed.

readonly CACHE=${SALLYPORT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sallyport}
readonly STATE=${SALLYPORT_STATE:-${XDG_STATE_HOME:-${HOME:-/root}/.local/state}/sallyport}
readonly HUB=target/x86_64-unknown-linux-gnu/debug/sallyport
export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_loglevel=error

# stamp FILE... digests files and folders by what is in them.
stamp() {
  { node --version; find "$@" -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-32
}

# modules FOLDER installs the npm packages of FOLDER exactly as its lock file says, if they are not there.
modules() {
  local folder=$1 now
  now=$(stamp "$folder/package.json" "$folder/package-lock.json")
  [[ -f $folder/node_modules/.sallyport && $(<"$folder/node_modules/.sallyport") == "$now" ]] && return 0
  (cd "$folder" && npm ci --no-audit --no-fund)
  printf '%s\n' "$now" >"$folder/node_modules/.sallyport"
}
has_modules() { [[ -f $1/node_modules/.sallyport && $(<"$1/node_modules/.sallyport") == "$(stamp "$1/package.json" "$1/package-lock.json")" ]]; }

# What the console is made of. Tests and the mock hub are not.
web_stamp() {
  local input inputs=()
  for input in src public scripts index.html package.json package-lock.json vite.config.ts tsconfig.json; do
    [[ ! -e web/$input ]] || inputs+=("web/$input")
  done
  # The fonts in src/ are made by the build from npm packages, so they are its output.
  { node --version; find "${inputs[@]}" -type f ! -path 'web/src/fonts/*' ! -name '*.test.ts' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-32
}
# Kept outside dist/, all of which the binary embeds.
readonly WEB_STAMP=web/node_modules/.console-built
web_is_built() { [[ -f $WEB_STAMP && -d web/dist/assets && $(<"$WEB_STAMP") == "$(web_stamp)" ]]; }
# shellcheck disable=SC2317 # called through step
build_web() {
  modules web
  (cd web && npm run build)
  printf '%s\n' "$(web_stamp)" >"$WEB_STAMP"
}

need_web() {
  if web_is_built; then return 0; fi
  step "Building the console" "$(has_modules web && echo "about 15 s" || echo "about 1 min")" build_web
}

# Whether cargo has anything to do costs a second to ask, so it is always asked.
need_binary() {
  local about="about 8 min the first time"
  [[ ! -x $HUB ]] || about="a second when nothing changed"
  step "Building the hub" "$about" cargo build --locked --package sallyport
}
