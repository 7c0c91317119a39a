#!/usr/bin/env python3
"""test_live.py --lastack BINARY [--all]: runs experiments of the laboratory now, side by side, and holds what lastack says about the captures
against what this machine's kernel did. Skipped where experiments cannot be run."""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

import compare

CHOICE = ("close-by-client close-by-server close-simultaneous half-close close-late-fin killed-client lost-syn lost-syn-ack-before "
          "lost-fin lost-final-ack fin-out-of-order duplicate-fin refused reject-icmp-host reject-rst fast-open simultaneous-open "
          "port-reused accept-queue-abort abort-by-client unread-data write-after-close listener-exit idle-state-lost server-reboot "
          "client-reboot-same-port rst-injected-both fifty-clients time-wait-pileup v6-close-by-client v6-reject-admin").split()
SKIP = 77
ALL_SECONDS = 360


def lab(lastack, words, folder, **more):
    return subprocess.run([lastack, "lab"] + words, cwd=folder, capture_output=True, text=True, timeout=600, check=False, **more)


def check(verdicts):
    total = compare.tell(verdicts)
    if total.share() < 99:
        print("fewer than 99 % of the paths are right")
    return total.share() >= 99 and not total.certain_wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lastack", required=True)
    parser.add_argument("--all", action="store_true", help="every experiment, and random mixes of 300 connections with three seeds")
    a = parser.parse_args()
    lastack = os.path.abspath(a.lastack)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        done = lab(lastack, ["run", "-q", "--all", "."] if a.all else ["run", "-q", "-j", "12"] + CHOICE, folder)
        if done.returncode == 5:
            print("SKIPPED: " + done.stderr.strip())
            return SKIP
        if done.returncode != 0:
            print("lab run ended with %d: %s" % (done.returncode, done.stderr))
            return 1
        print("experiments took %.1f s" % (time.monotonic() - began))
        fine = time.monotonic() - began < ALL_SECONDS
        stems = sorted(f[:-5] for f in glob.glob(os.path.join(folder, "*.json")))
        with open(stems[0] + ".json", encoding="utf-8") as f:
            traced = json.load(f)["clock"]["trace_clock"] is not None
        if not traced:
            print("without tracepoints: states that pass within milliseconds may be missing")
        verdicts = [compare.judge(lastack, s) for s in stems]
        fine = check(verdicts) and fine
        expected = sum(v.owed for v in verdicts)
        if sum(v.found for v in verdicts) < 0.97 * expected:
            print("too many expected findings are missing")
            fine = False
        for seed in ("1", "2", "3") if a.all else ("7",):
            mix = os.path.join(folder, "mix" + seed)
            done = lab(lastack, ["random", "-q", "--connections", "300" if a.all else "60", "--seed", seed, "-w", mix + ".pcapng"], folder)
            if done.returncode != 0:
                print("lab random ended with %d: %s" % (done.returncode, done.stderr))
                return 1
            fine = check([compare.judge(lastack, mix)]) and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
