#!/bin/sh
# What the action of action.yml runs; its inputs are in LASTACK_*. GITHUB_OUTPUT and GITHUB_STEP_SUMMARY are GitHub's.
set -u

folder=${LASTACK_FOLDER:-lastack-report}
mkdir -p "$folder" || exit 6
summary=$folder/summary.md

set -- check -o github -o "markdown:$summary" -o "junit:$folder/lastack.xml" -o "sarif:$folder/lastack.sarif"
[ -n "${LASTACK_POLICY:-}" ] && set -- "$@" --policy "$LASTACK_POLICY"
[ -n "${LASTACK_BASELINE:-}" ] && set -- "$@" --baseline "$LASTACK_BASELINE"
[ -n "${LASTACK_MARKS:-}" ] && set -- "$@" --marks "$LASTACK_MARKS"
if [ -n "${LASTACK_RUN:-}" ]; then
  set -- "$@" --run -i "${LASTACK_INTERFACE:-lo}" -w "$folder/lastack.pcapng" -- sh -c "$LASTACK_RUN"
elif [ -n "${LASTACK_CAPTURES:-}" ]; then
  # shellcheck disable=SC2086 # names separated by spaces
  set -- "$@" ${LASTACK_CAPTURES}
else
  echo "::error title=lastack::neither 'run' nor 'captures' is given"
  exit 2
fi

if [ "${LASTACK_SUDO:-false}" = true ]; then
  sudo -E "${LASTACK:-lastack}" "$@"
else
  "${LASTACK:-lastack}" "$@"
fi
status=$?

if [ -f "$summary" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  cat "$summary" >>"$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  echo "junit=$folder/lastack.xml" >>"$GITHUB_OUTPUT"
  echo "sarif=$folder/lastack.sarif" >>"$GITHUB_OUTPUT"
fi
# The capture of a run that went well is of no use to anybody.
[ $status -eq 0 ] && rm -f "$folder/lastack.pcapng"
exit $status
