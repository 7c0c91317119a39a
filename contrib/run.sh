#!/bin/sh
# contrib/run.sh [ARGS]: installs what is missing, builds a release in build/release and runs `lastack ARGS` with it; without
# arguments on a sample that shows a CLOSE_WAIT leak. The exit code is lastack's, 69 when there is nothing to run.
set -eu
# shellcheck source=contrib/lib.sh
. "$(dirname "$0")/lib.sh"

install_missing "$needs_build"
lock_builds
build release
unlock_builds

if [ $# -eq 0 ]; then
  cd "$root"
  set -- samples/close-wait-leak.pcapng
fi
exec "$root/build/release/lastack" "$@"
