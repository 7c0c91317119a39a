#!/bin/sh
# contrib/ci/record-and-check.sh [-i INTERFACE] [-d FOLDER] [-p POLICY] -- COMMAND...
#
# Records a test with tcpdump while it runs, and holds its TCP connections against a policy afterwards: for machines where lastack itself
# may not capture, and as an example to copy from (`lastack check --run` does the same in one step).
#
# FOLDER (lastack-report) gets lastack.xml (JUnit), lastack.md and, when the test or the check failed, the capture lastack.pcap.
# Exit code: the command's when it failed, else that of the check; 69 when there can be no recording.
set -u

interface=lo
folder=lastack-report
policy=
settle=${LASTACK_SETTLE:-3}
while getopts i:d:p: option; do
  case $option in
  i) interface=$OPTARG ;;
  d) folder=$OPTARG ;;
  p) policy=$OPTARG ;;
  *)
    sed -n '2,3p' "$0" >&2
    exit 2
    ;;
  esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
  echo "${0##*/}: no command given (record-and-check.sh -- COMMAND...)" >&2
  exit 2
fi

mkdir -p "$folder" || exit 6
capture=$folder/lastack.pcap
log=$folder/tcpdump.log
rm -f "$capture" "$log"

# 256 bytes of a packet hold its headers. The recording has to be running before the test begins.
tcpdump -i "$interface" -s 256 -U -w "$capture" tcp 2>"$log" &
recorder=$!
trap 'kill "$recorder" 2>/dev/null' EXIT
waited=0
until grep -q 'listening on' "$log" 2>/dev/null; do
  if ! kill -0 "$recorder" 2>/dev/null || [ $waited -ge 100 ]; then
    echo "${0##*/}: there can be no recording: $(tail -n 1 "$log")" >&2
    exit 69
  fi
  waited=$((waited + 1))
  sleep 0.1
done

"$@"
tested=$?

# The packets that close connections come a moment later, and silence after them is what shows a leak.
sleep "$settle"
ended=$(date +%s)
kill -INT "$recorder"
wait "$recorder"
trap - EXIT
rm -f "$log"

"${LASTACK:-lastack}" check ${policy:+--policy "$policy"} --observed-until "$ended" -o text -o "junit:$folder/lastack.xml" \
  -o "markdown:$folder/lastack.md" "$capture"
checked=$?
if [ $tested -eq 0 ] && [ $checked -eq 0 ]; then
  rm -f "$capture"
else
  echo "${0##*/}: the capture was kept: $capture" >&2
fi
[ $tested -ne 0 ] && exit $tested
exit $checked
