#!/usr/bin/env python3
"""run_score.py --score SCORE.PY --figures FILE --lastack BINARY -- BOUNDS...

Runs the scoring program of the recordings and keeps what it prints in FILE, for CI to show. Exit code: the scoring program's; 77,
after saying so, when the recordings are not there.
"""
import argparse
import os
import subprocess
import sys

SKIP = 77


def main():
    ap = argparse.ArgumentParser(description="Scores lastack against the recorded kernel truth.")
    ap.add_argument("--score", required=True)
    ap.add_argument("--figures", required=True)
    ap.add_argument("--lastack", required=True)
    ap.add_argument("bounds", nargs="+")
    a = ap.parse_args()
    if not os.path.exists(a.lastack):
        text, status = "%s does not exist: build it first\n" % a.lastack, 1
    elif not os.path.exists(a.score):
        text, status = "SKIPPED: %s is not there, so nothing was compared with what kernels really did\n" % a.score, SKIP
    else:
        done = subprocess.run([sys.executable, "-B", a.score, "--lastack", a.lastack, "-j", str(os.cpu_count() or 1)] + a.bounds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        text, status = done.stdout, done.returncode
    os.makedirs(os.path.dirname(a.figures), exist_ok=True)
    with open(a.figures, "w", encoding="utf-8") as f:
        f.write(text)
    print(text, end="")
    return status


if __name__ == "__main__":
    sys.exit(main())
