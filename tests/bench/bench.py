#!/usr/bin/env python3
"""bench.py --lastack BINARY --loop PCAP_LOOP [--runs N] [--max-ratio R] [--max-rss MIB] CAPTURE [-- OPTIONS]

Runs `lastack [OPTIONS] -o text CAPTURE` and a bare libpcap loop alternately, N pairs, each after the other on the same file, and
prints the median of the N ratios of their CPU times (user + system, from wait4) and lastack's largest resident set.
Exit code: 1 when a bound is missed, 2 when a program fails.
"""
import argparse
import os
import statistics
import sys


def run(argv):
    """CPU seconds and largest resident set (MiB) of one run; its output goes nowhere."""
    null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        print("bench.py: %s ended with %d" % (" ".join(argv), code), file=sys.stderr)
        sys.exit(2)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def spread(values, form):
    values = sorted(values)
    return " ".join(form % v for v in (values[0], statistics.median(values), values[-1]))


def main():
    ap = argparse.ArgumentParser(description="CPU time of lastack against a bare libpcap loop")
    ap.add_argument("--lastack", required=True)
    ap.add_argument("--loop", required=True)
    ap.add_argument("--runs", type=int, default=11, metavar="N")
    ap.add_argument("--max-ratio", type=float, metavar="R")
    ap.add_argument("--max-rss", type=float, metavar="MIB")
    ap.add_argument("capture")
    ap.add_argument("options", nargs="*")
    a = ap.parse_args()
    tool = [os.path.abspath(a.lastack), *a.options, "-o", "text", a.capture]
    loop = [os.path.abspath(a.loop), a.capture]
    for argv in (tool, loop):  # the file is in the page cache and the programs are loaded before anything is measured
        run(argv)
    ratios, tool_cpu, loop_cpu, rss = [], [], [], 0.0
    for i in range(a.runs):
        pair = {}
        for name in ("loop", "tool") if i % 2 == 0 else ("tool", "loop"):
            pair[name] = run(tool if name == "tool" else loop)
        tool_cpu.append(pair["tool"][0])
        loop_cpu.append(pair["loop"][0])
        ratios.append(pair["tool"][0] / pair["loop"][0])
        rss = max(rss, pair["tool"][1])
    ratio = statistics.median(ratios)
    print("%s, %d pairs" % (" ".join([os.path.basename(tool[0])] + tool[1:]), a.runs))
    print("  libpcap loop   CPU s  least, median, most: %s" % spread(loop_cpu, "%.3f"))
    print("  lastack        CPU s  least, median, most: %s" % spread(tool_cpu, "%.3f"))
    print("  ratio of CPU times    least, median, most: %s" % spread(ratios, "%.2f"))
    print("  lastack's largest resident set: %.1f MiB" % rss)
    missed = []
    if a.max_ratio is not None and ratio > a.max_ratio:
        missed.append("the median ratio is %.2f, the bound %.2f" % (ratio, a.max_ratio))
    if a.max_rss is not None and rss > a.max_rss:
        missed.append("the resident set is %.1f MiB, the bound %.1f MiB" % (rss, a.max_rss))
    print("not met: " + "; ".join(missed) if missed else "median ratio %.2f, %.1f MiB: within the bounds" % (ratio, rss))
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print("bench.py: %s" % error, file=sys.stderr)
        sys.exit(2)
