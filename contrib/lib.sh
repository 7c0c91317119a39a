# shellcheck shell=sh disable=SC2034 # sourced
# Shared by run.sh and test.sh (POSIX sh): finds out what is missing, installs it or names it, and builds quietly.
#
# What is needed is asked for itself (a command, a pkg-config module, a Python module), not as a package: what is there in
# another way is not installed once more, and when nothing is missing neither root nor a network is needed.

root=$(cd "$(dirname "$0")/.." && pwd)
export DEBIAN_FRONTEND=noninteractive

say() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# The ways in which the set-up itself can fail all end in 69 (EX_UNAVAILABLE), which lastack does not use.
give_up() {
  say "$*"
  exit 69
}

# One need a line: what to ask for, then the packages for apt, dnf, apk, pacman, brew ("-": comes with the system; several
# packages are joined by a comma).
needs_build='
cc:         gcc,libc6-dev   gcc                  build-base  gcc      -
cmd:glib-compile-resources libglib2.0-dev-bin glib2-devel glib-dev glib2-devel glib
cmd:cmake   cmake           cmake                cmake       cmake    cmake
cmd:ninja   ninja-build     ninja-build          samurai     ninja    ninja
cmd:pkg-config pkg-config   pkgconf-pkg-config   pkgconf     pkgconf  pkgconf
pc:gio-2.0  libglib2.0-dev  glib2-devel          glib-dev    glib2    glib
pc:json-glib-1.0 libjson-glib-dev json-glib-devel json-glib-dev json-glib json-glib
pc:libpcap  libpcap-dev     libpcap-devel        libpcap-dev libpcap  libpcap
pc:libseccomp libseccomp-dev libseccomp-devel libseccomp-dev libseccomp -
pc:zlib     zlib1g-dev      zlib-devel           zlib-dev    zlib     zlib
pc:libzstd  libzstd-dev     libzstd-devel        zstd-dev    zstd     zstd
pc:liblz4   liblz4-dev      lz4-devel            lz4-dev     lz4      lz4
pc:ncursesw libncurses-dev ncurses-devel ncurses-dev ncurses ncurses
pc:libmicrohttpd libmicrohttpd-dev libmicrohttpd-devel libmicrohttpd-dev libmicrohttpd libmicrohttpd
'
needs_test='
lib:libasan.so   gcc                 libasan              build-base         gcc                -
lib:libubsan.so  gcc                 libubsan             build-base         gcc                -
pc:cmocka        libcmocka-dev       libcmocka-devel      cmocka-dev         cmocka             cmocka
cmd:clang        clang               clang                clang              clang              llvm
cmd:clang-format clang-format        clang-tools-extra    clang-extra-tools  clang              clang-format
cmd:tmux         tmux                tmux                 tmux               tmux               tmux
cmd:mandoc       mandoc              mandoc               mandoc             mandoc             mandoc
cmd:xmllint      libxml2-utils       libxml2              libxml2-utils      libxml2            libxml2
cmd:tcpdump      tcpdump             tcpdump              tcpdump            tcpdump            tcpdump
cmd:prove        perl                perl-Test-Harness    perl-utils         perl               perl
cmd:zstd         zstd                zstd                 zstd               zstd               zstd
cmd:lz4          lz4                 lz4                  lz4                lz4                lz4
py:jsonschema,prometheus_client,yaml python3,python3-jsonschema,python3-prometheus-client,python3-yaml python3,python3-jsonschema,python3-prometheus_client,python3-pyyaml python3,py3-jsonschema,py3-prometheus-client,py3-yaml python,python-jsonschema,python-prometheus_client,python-yaml python
'

# The first Python that has the modules the tests need; fails when there is none.
find_python() {
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import jsonschema, prometheus_client, yaml' >/dev/null 2>&1; then
      command -v "$python"
      return 0
    fi
  done
  return 1
}

is_there() {
  case $1 in
  cc:) printf '#include <stdio.h>\n' | cc -E -x c - >/dev/null 2>&1 ;;
  cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
  pc:*) pkg-config --exists "${1#pc:}" >/dev/null 2>&1 ;;
  lib:*) case $(gcc -print-file-name="${1#lib:}" 2>/dev/null) in /*) true ;; *) false ;; esac ;;
  py:*) find_python >/dev/null ;;
  esac
}

# Prints the packages of manager $1 (a column of the tables) for what the table $2 asks for and is not there.
missing_packages() {
  printf '%s' "$2" | while read -r what apt dnf apk pacman brew; do
    [ -n "$what" ] || continue
    is_there "$what" && continue
    case $1 in
    apt-get) echo "$apt" ;;
    dnf) echo "$dnf" ;;
    apk) echo "$apk" ;;
    pacman) echo "$pacman" ;;
    brew) echo "$brew" ;;
    *) echo "${what#*:}" ;;
    esac
  done | tr ',' '\n' | grep -vx -- - | sort -u | tr '\n' ' ' | sed 's/ $//'
}

find_manager() {
  for manager in apt-get dnf apk pacman brew; do
    if command -v "$manager" >/dev/null 2>&1; then
      echo "$manager"
      return
    fi
  done
  echo none
}

# Runs a command; its output goes into the file $1, and is shown only when it fails, without a build's progress.
quietly() {
  log=$1
  shift
  if "$@" >"$log" 2>&1; then
    return 0
  fi
  grep -v '^\[[0-9]*/[0-9]*\] [A-Z]' "$log" >&2
  return 1
}

# Installs what the table(s) $1 ask for and is missing.
install_missing() {
  manager=$(find_manager)
  packages=$(missing_packages "$manager" "$1")
  [ -n "$packages" ] || return 0
  case $manager in
  apt-get) command="apt-get install -y --no-install-recommends $packages" ;;
  dnf) command="dnf install -y $packages" ;;
  apk) command="apk add $packages" ;;
  pacman) command="pacman -S --needed $packages" ;;
  brew) give_up "missing: install it with: brew install $packages" ;;
  *) give_up "missing, and no package manager that this script knows: $packages" ;;
  esac
  [ "$manager" = apt-get ] || give_up "missing: install it as root with: $command"
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || give_up "missing, and neither root nor sudo: as root run: apt-get update && $command"
    as_root="sudo env DEBIAN_FRONTEND=noninteractive"
  fi
  say "installing $packages"
  log=$(mktemp)
  # The package lists may be stale, or have never been there; without a network the ones at hand may still do.
  $as_root apt-get -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 || say "apt-get update failed; trying with the lists at hand"
  # shellcheck disable=SC2086 # a list of words
  quietly "$log" $as_root apt-get -o DPkg::Lock::Timeout=300 -q ${command#apt-get} || give_up "this failed: $command"
  rm -f "$log"
  packages=$(missing_packages "$manager" "$1")
  [ -z "$packages" ] || give_up "still missing after the installation: $packages"
}

# Builds the preset $1 in build/$1; further arguments are for its configuration. Says something only the first time, and on failure.
build() {
  preset=$1
  shift
  dir=$root/build/$preset
  log=$root/build/$preset.log
  mkdir -p "$root/build"
  [ -f "$dir/.built" ] || say "building build/$preset (once, then only what changed)"
  # Configured anew when the presets have changed since; whatever else changes, the build itself notices.
  if [ ! -f "$dir/build.ninja" ] || [ -n "$(find "$root/CMakePresets.json" -newer "$dir/.configured" 2>/dev/null)" ]; then
    (cd "$root" && quietly "$log" cmake --preset "$preset" "$@") || give_up "build/$preset could not be configured (above; $log)"
    touch "$dir/.configured"
  fi
  quietly "$log" cmake --build "$dir" --parallel "$(getconf _NPROCESSORS_ONLN)" || give_up "build/$preset could not be built (above; $log)"
  touch "$dir/.built"
}

# Builds one after the other when two of these scripts run at the same time.
lock_builds() {
  mkdir -p "$root/build"
  exec 9>"$root/build/.lock"
  if command -v flock >/dev/null 2>&1; then
    flock 9
  fi
}

unlock_builds() {
  exec 9>&-
}
