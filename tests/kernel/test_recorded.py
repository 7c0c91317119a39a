#!/usr/bin/env python3
"""test_recorded.py --lastack BINARY FOLDER: lastack against recordings of the laboratory that were made earlier, on any system, without
rights. And the comparison itself: a false account, and false reports, must be noticed."""
import argparse
import copy
import glob
import os
import sys

import compare
from account import ENDS, Recording


def check_noticed(lastack, stem):
    """What was right must be wrong when the kernel's account, or the report, says something else."""
    recording = Recording(stem)
    records = compare.run(lastack, recording)
    missed = []

    def wrong(what, of, said):
        verdict = compare.Verdict()
        compare.judge_ends(of, said, verdict)
        if verdict.right == verdict.ends and not verdict.certain_wrong and not verdict.wrong:
            missed.append(what)

    for which in ENDS:
        for life in recording.lives:
            end = life.ends[which]
            states, hidden = end.states, end.hidden
            for i, state in enumerate(states):
                if hidden[i] or state.name == "CLOSED":
                    continue
                end.states, end.hidden = states[:i] + states[i + 1 :], hidden[:i] + hidden[i + 1 :]
                wrong("%s without %s" % (which, state.name), recording, records)
                end.states, end.hidden = states[:i] + [state._replace(name="CLOSING")] + states[i + 1 :], hidden
                wrong("%s with CLOSING for %s" % (which, state.name), recording, records)
            end.states, end.hidden = states, hidden
        said = copy.deepcopy(records)
        for r in said:
            if r["type"] == "connection" and which in r["final"]:
                r["final"][which] = {"state": "SYN_SENT", "certain": True}
        wrong("%s certainly in SYN_SENT" % which, recording, said)
    wrong("no connection", recording, [r for r in records if r["type"] != "connection"])
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lastack", required=True)
    parser.add_argument("folder")
    a = parser.parse_args()
    stems = sorted(f[:-5] for f in glob.glob(os.path.join(a.folder, "*.json")))
    if not stems:
        print("no recordings in " + a.folder)
        return 1
    total = compare.tell([compare.judge(a.lastack, s) for s in stems])
    bad = total.share() < 99 or bool(total.certain_wrong) or total.found < total.owed
    missed = check_noticed(a.lastack, next(s for s in stems if s.endswith(("/close-by-client", "/half-close"))))
    for what in missed:
        print("not noticed: " + what)
    return 1 if bad or missed else 0


if __name__ == "__main__":
    sys.exit(main())
