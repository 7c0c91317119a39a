#!/bin/sh
# contrib/test.sh [CTEST ARGS]: installs what is missing; builds with gcc and sanitizers, with clang, and as a release, warnings
# being errors; runs the test suite through ctest (`-L quick`, `-R captures`, `-N` ... select). The exit code is ctest's, 69 when
# there is nothing to run.
set -eu
# shellcheck source=contrib/lib.sh
. "$(dirname "$0")/lib.sh"

install_missing "$needs_build$needs_test"
lock_builds
build release
build asan+ubsan -DCMAKE_C_COMPILER=gcc -DPython3_EXECUTABLE="$(find_python)" -DLASTACK_RELEASE="$root/build/release/lastack"
build clang -DPython3_EXECUTABLE="$(find_python)"
unlock_builds

export ASAN_OPTIONS="${ASAN_OPTIONS:-strict_string_checks=1}" UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
cd "$root/build/asan+ubsan"
rm -rf figures
exec ctest --output-on-failure --no-tests=error -j "$(getconf _NPROCESSORS_ONLN)" -O ctest.log "$@"
