#!/usr/bin/env python3
"""bench_stages.py --lastack BINARY --stages STAGES --loop PCAP_LOOP [--runs N] CAPTURE

Where the CPU time goes: runs the bare libpcap loop, lastack up to each of its stages, and the whole of it, in turn, N rounds, and prints
for each the median of the ratios to the loop of the same round, and how much its stage adds. No bound, no verdict.
Exit code: 2 when a program fails.
"""
import argparse
import os
import statistics
import sys

sys.dont_write_bytecode = True
from bench import run

STAGES = ("read", "decode", "track", "diagnose")


def main():
    ap = argparse.ArgumentParser(description="CPU time of each stage, as multiples of a bare libpcap loop")
    ap.add_argument("--lastack", required=True)
    ap.add_argument("--stages", required=True)
    ap.add_argument("--loop", required=True)
    ap.add_argument("--runs", type=int, default=11, metavar="N")
    ap.add_argument("capture")
    a = ap.parse_args()
    programs = [("libpcap loop", [os.path.abspath(a.loop), a.capture])]
    programs += [(stage, [os.path.abspath(a.stages), stage, a.capture]) for stage in STAGES]
    programs += [("report", [os.path.abspath(a.lastack), "-o", "text", a.capture])]
    for _, argv in programs:
        run(argv)
    cpu = {name: [] for name, _ in programs}
    for i in range(a.runs):
        for name, argv in programs if i % 2 == 0 else reversed(programs):
            cpu[name].append(run(argv)[0])
    loop = cpu["libpcap loop"]
    print("%-14s %12s %14s %10s" % ("up to", "median CPU s", "times the loop", "it adds"))
    before = 0.0
    for name, _ in programs:
        ratio = statistics.median(own / bare for own, bare in zip(cpu[name], loop))
        added = "" if name == "libpcap loop" else "%10.2f" % (ratio - before)
        print("%-14s %12.3f %14.2f %s" % (name, statistics.median(cpu[name]), ratio, added))
        before = ratio if name != "libpcap loop" else 0.0
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print("bench_stages.py: %s" % error, file=sys.stderr)
        sys.exit(2)
