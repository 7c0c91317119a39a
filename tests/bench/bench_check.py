#!/usr/bin/env python3
"""bench_check.py --lastack BINARY [--runs N] [--max-ratio R] CAPTURE

What a verdict costs: runs `lastack check CAPTURE` and `lastack analyze -q CAPTURE` alternately, N pairs, and prints the median of the N
ratios of their CPU times (user + system). The check's own exit codes 0 and 1 are both fine: the capture holds broken connections.
Exit code: 1 when the bound is missed, 2 when a program fails.
"""
import argparse
import os
import statistics
import sys
import tempfile


def run(argv, folder):
    """CPU seconds of one run; its output goes nowhere. In a folder of its own, so that no .lastack is found."""
    null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    os.chdir(folder)
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1):
        print("bench_check.py: %s ended with %d" % (" ".join(argv), code), file=sys.stderr)
        sys.exit(2)
    return usage.ru_utime + usage.ru_stime


def main():
    ap = argparse.ArgumentParser(description="CPU time of a check against that of an analysis")
    ap.add_argument("--lastack", required=True)
    ap.add_argument("--runs", type=int, default=15, metavar="N")
    ap.add_argument("--max-ratio", type=float, metavar="R")
    ap.add_argument("capture")
    a = ap.parse_args()
    binary, capture = os.path.abspath(a.lastack), os.path.abspath(a.capture)
    check, analyze = [binary, "check", capture], [binary, "analyze", "-q", capture]
    ratios, times = [], {"check": [], "analyze": []}
    with tempfile.TemporaryDirectory() as folder:
        run(check, folder)
        run(analyze, folder)
        for i in range(a.runs):
            pair = {}
            for name in ("check", "analyze") if i % 2 == 0 else ("analyze", "check"):
                pair[name] = run(check if name == "check" else analyze, folder)
                times[name].append(pair[name])
            ratios.append(pair["check"] / pair["analyze"])
        os.chdir("/")
    ratio = statistics.median(ratios)
    print("lastack check against lastack analyze -q, %d pairs" % a.runs)
    print("  analyze -q     CPU s  least, median, most: %.3f %.3f %.3f" % (min(times["analyze"]), statistics.median(times["analyze"]), max(times["analyze"])))
    print("  check          CPU s  least, median, most: %.3f %.3f %.3f" % (min(times["check"]), statistics.median(times["check"]), max(times["check"])))
    print("  ratio of CPU times    least, median, most: %.2f %.2f %.2f" % (min(ratios), ratio, max(ratios)))
    missed = a.max_ratio is not None and ratio > a.max_ratio
    print("not met: the median ratio is %.2f, the bound %.2f" % (ratio, a.max_ratio) if missed else "median ratio %.2f: within the bound" % ratio)
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print("bench_check.py: %s" % error, file=sys.stderr)
        sys.exit(2)
