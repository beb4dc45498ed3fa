# Makes the images of a cluster from Debian packages, keeps them in the cache by recipe, and imports them. Knows nothing of registries.

readonly PAUSE_IMAGE=sallyport.test/pause:1 BUSYBOX_IMAGE=sallyport.test/busybox:1 SHELL_IMAGE=sallyport.test/shell:1
readonly DEFAULT_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
readonly SHELL_PACKAGES=apt-utils,bash,bash-completion,less,locales,ncurses-base,ncurses-term,procps,vim-tiny

# An image's key is the text of the functions that make it, so that changing a recipe (but not a
# comment: `declare -f` drops those) makes a new image.
recipe_key() { { declare -f "$@" write_image; printf '%s\n' "$DEFAULT_PATH"; } | sha256sum | cut -c1-16; }
small_images_tar() { printf '%s/images/small-%s.tar\n' "$CACHE" "$({ recipe_key make_small_images furnish_busybox_root; sha256sum /usr/bin/busybox; } | sha256sum | cut -c1-16)"; }
shell_image_tar() { printf '%s/images/shell-%s.tar\n' "$CACHE" "$({ recipe_key make_shell_image furnish_shell_root; printf '%s\n' "$SHELL_PACKAGES"; } | sha256sum | cut -c1-16)"; }
# dpkg's record of the shell image, from which the apt repository learns what a Pod already has.
shell_dpkg_status() { printf '%s.dpkg-status\n' "$(shell_image_tar)"; }

prepare_images() {
  local small shell
  small=$(small_images_tar) shell=$(shell_image_tar)
  [[ -f $small && -f $shell ]] && return 0
  mkdir -p "$CACHE/images"
  local lock
  lock_file lock "$CACHE/images/lock"
  rm -rf "$CACHE"/images/workshop.*
  [[ -f $small ]] || { say "making the pause and busybox images"; in_workshop make_small_images "$small"; }
  [[ -f $shell ]] || { say "making the shell image from Debian packages (about 40 s, once)"; in_workshop make_shell_image "$shell"; }
  exec {lock}>&-
}

# in_workshop FUNCTION OUT calls FUNCTION with an empty folder on the cache's own disk and a file to
# write, and publishes that file as OUT in one step.
in_workshop() {
  local workshop
  workshop=$(mktemp -d "$CACHE/images/workshop.XXXXXX")
  "$1" "$workshop" "$workshop.result" "$2"
  mv "$workshop.result" "$2"
  rm -rf "$workshop"
}

# write_image ROOT CONFIG TAG FOLDER lays a docker-save image of one layer into FOLDER and prints its manifest entry.
write_image() {
  local root=$1 config=$2 tag=$3 folder=$4 layer short=${3##*/}
  short=${short%%:*}
  tar -C "$root" --numeric-owner --sort=name -cf "$folder/$short.layer.tar" .
  layer=$(sha256sum "$folder/$short.layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(go_architecture)" "$config" "$layer" >"$folder/$short.config.json"
  printf '{"Config":"%s.config.json","RepoTags":["%s"],"Layers":["%s.layer.tar"]}' "$short" "$tag" "$short"
}

go_architecture() { dpkg --print-architecture; }

make_small_images() {
  local workshop=$1 out=$2
  local pause busybox
  mkdir -p "$workshop/root" "$workshop/images"
  furnish_busybox_root "$workshop/root"
  # Process 1 of a Pod reaps what its containers leave when they share processes, hence a shell that waits.
  pause=$(write_image "$workshop/root" \
    '{"Cmd":["/bin/sh","-c","trap \"exit 0\" TERM INT; while :; do sleep 86400 & wait $!; done"],"Env":["PATH='"$DEFAULT_PATH"'"]}' \
    "$PAUSE_IMAGE" "$workshop/images")
  busybox=$(write_image "$workshop/root" '{"Cmd":["/bin/sh"],"Env":["PATH='"$DEFAULT_PATH"'"]}' "$BUSYBOX_IMAGE" "$workshop/images")
  printf '[%s,%s]' "$pause" "$busybox" >"$workshop/images/manifest.json"
  tar -C "$workshop/images" -cf "$out" .
}

furnish_busybox_root() {
  local root=$1 applet
  mkdir -p "$root"/{bin,etc,home,proc,root,sys,tmp,dev,var/tmp}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  cp /usr/bin/busybox "$root/bin/busybox"
  # `busybox` is in its own list of applets: a link of that name would replace the program.
  for applet in $("$root/bin/busybox" --list | grep -vx busybox); do ln -s busybox "$root/bin/$applet"; done
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
}

make_shell_image() {
  local workshop=$1 out=$2 published=$3 entry root=$1/root
  mkdir -p "$root" "$workshop/images"
  # The machine's own apt sources say where Debian is; no address is written down here.
  local source codename
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  source=$(debian_source "$codename")
  # A machine whose package lists were never fetched names no sources.
  [[ $source ]] || { quiet_apt_get update; source=$(debian_source "$codename"); }
  [[ $source ]] || fail "none of this machine's apt sources offers \`$codename\`, from which the shell image is made: add Debian's own to /etc/apt/sources.list"
  # In a mount namespace of its own a debootstrap that dies leaves no /proc mounted in the cache.
  if ! unshare -m --propagation private debootstrap --variant=minbase --include="$SHELL_PACKAGES" "$codename" "$root" "$source" >"$workshop/log" 2>&1; then
    tail -n 5 "$workshop/log" >&2
    fail "debootstrap could not make the shell image: its last words are above"
  fi
  furnish_shell_root "$root" >>"$workshop/log" 2>&1
  entry=$(write_image "$root" '{"Cmd":["/bin/bash"],"Env":["PATH='"$DEFAULT_PATH"'","LANG=en_US.UTF-8"],"WorkingDir":"/root"}' "$SHELL_IMAGE" "$workshop/images")
  printf '[%s]' "$entry" >"$workshop/images/manifest.json"
  tar -C "$workshop/images" -cf "$out" .
  cp "$root/var/lib/dpkg/status" "$published.dpkg-status"
}

# debian_source CODENAME prints where this machine gets that release from.
# shellcheck disable=SC2016 # $(SITE) is apt's to fill in
debian_source() { apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' | awk -v codename="$1" '$2 == codename && !found { print $1; found = 1 }'; }

# What turns a bare Debian root into one that a person is glad to land in.
furnish_shell_root() {
  local root=$1
  printf 'en_US.UTF-8 UTF-8\nko_KR.UTF-8 UTF-8\n' >"$root/etc/locale.gen"
  printf 'LANG=en_US.UTF-8\n' >"$root/etc/default/locale"
  chroot "$root" locale-gen
  chroot "$root" update-alternatives --install /usr/bin/vim vim /usr/bin/vim.tiny 10
  cat >"$root/etc/vim/vimrc.tiny" <<'VIMRC'
set nocompatible backspace=indent,eol,start ruler showcmd encoding=utf-8
VIMRC
  printf 'shell\n' >"$root/etc/hostname"

  # Pods reach one repository, which the cluster serves and whose name its DNS knows.
  rm -rf "$root"/etc/apt/sources.list.d/*
  printf 'deb [trusted=yes] http://apt.sallyport.test:8089/ ./\n' >"$root/etc/apt/sources.list"
  cat >"$root/etc/apt/apt.conf.d/90sallyport" <<'APT'
// The small server behind this repository answers one request a connection.
Acquire::http::Pipeline-Depth "0";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Install-Recommends "false";
APT

  cat >"$root/etc/profile.d/sallyport.sh" <<'PROFILE'
alias ls='ls --color=auto' ll='ls -l --color=auto' la='ls -la --color=auto' grep='grep --color=auto'
export EDITOR=vim PAGER=less LESS=-R
if [ "$(id -u)" = 0 ]; then
  PS1='\[\e[1;31m\]\u@\h\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]# '
else
  PS1='\[\e[1;32m\]\u@\h\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]$ '
fi
PROFILE
  cat >"$root/etc/bash.bashrc" <<'BASHRC'
# Interactive shells only.
[ -z "$PS1" ] && return
shopt -s checkwinsize histappend
HISTCONTROL=ignoreboth
[ -r /etc/profile.d/sallyport.sh ] && . /etc/profile.d/sallyport.sh
[ -r /usr/share/bash-completion/bash_completion ] && . /usr/share/bash-completion/bash_completion
BASHRC
  # Debian's own files would set the prompt back.
  : >"$root/root/.bashrc"
  printf '[ -f ~/.bashrc ] && . ~/.bashrc\n' >"$root/root/.profile"
  : >"$root/etc/skel/.bashrc"
  chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash --comment 'A person without privileges' dev

  chroot "$root" apt-get clean
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/debconf/* "$root"/var/log/* "$root"/var/cache/ldconfig/*
  # Documentation is a third of the root and slows every import; licences stay.
  find "$root/usr/share/doc" -depth -type f ! -name copyright -delete
  local folder
  for folder in man info; do
    [[ ! -d $root/usr/share/$folder ]] || find "$root/usr/share/$folder" -type f -delete
  done
  find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name 'ko*' ! -name 'en*' ! -name locale.alias -exec rm -rf {} +
  find "$root/usr/share/i18n/charmaps" -type f ! -name 'UTF-8.gz' -delete
  mkdir -p "$root/var/log/apt"
}

# import_images imports whatever this cluster's containerd does not have in this very form.
import_images() {
  local tar mark
  for tar in "$(small_images_tar)" "$(shell_image_tar)"; do
    mark=$DIR/containerd/imported-$(basename "$tar")
    [[ -f $mark ]] && continue
    ctr --address "$RUN/containerd/containerd.sock" --namespace k8s.io images import "$tar" >>"$DIR/log/images.log" 2>&1 ||
      { tail -n 3 "$DIR/log/images.log" >&2; fail "containerd would not import $tar: delete that file and try again"; }
    : >"$mark"
  done
}
