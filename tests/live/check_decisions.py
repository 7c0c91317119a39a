#!/usr/bin/env python3
"""check_decisions.py --lastack L --la-trace T --decide D FOLDER: over every trace of FOLDER (one folder for each finding) a live run comes to
the findings of the analysis: what it raised and did not withdraw is what the analysis says of the same connections. Exit code 1 when not."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def findings_of(lastack, capture, thresholds):
    """{(id, code)} that a live run may tell, and the ids of connections that the capture's end cut off."""
    command = [lastack, str(capture), "-o", "ndjson", "--idle-timeout", "2h"]
    for threshold in thresholds:
        command += ["--threshold", threshold]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    found, cut = set(), set()
    for record in map(json.loads, done.stdout.decode().splitlines()):
        if record["type"] != "connection":
            continue
        if record["ended_by"] == "capture-end":
            cut.add(record["id"])
        for finding in record["findings"]:
            if finding["blame"] != "capture" and finding["code"] not in ("still-open", "inconclusive"):
                found.add((record["id"], finding["code"]))
    return found, cut


def capture_scope(root):
    codes = set()
    for rule in (root / "src" / "diagnose" / "rules").glob("*.c"):
        text = rule.read_text(encoding="utf-8")
        if "LA_SCOPE_CAPTURE" in text or "LA_SETTLES_AT_END" in text:
            codes.add(rule.stem)
    return codes


def main():
    parser = argparse.ArgumentParser()
    for name in ("lastack", "la-trace", "decide"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("folder")
    options = parser.parse_args()
    folder = pathlib.Path(options.folder)
    not_live = capture_scope(folder.parent.parent)
    wrong = traces = compared = 0
    with tempfile.TemporaryDirectory() as scratch:
        capture = pathlib.Path(scratch) / "t.pcapng"
        for trace in sorted(folder.glob("*/*.trace")):
            text = trace.read_text(encoding="utf-8")
            arguments = " ".join(re.findall(r"(?m)^args (.*)$", text))
            if re.search(r"--(?!threshold)\w", arguments) or re.search(r"(?:^| )-[^-]", arguments):
                continue  # other options than a live run of this test knows
            thresholds = re.findall(r"--threshold[ =](\S+)", arguments)
            made = subprocess.run([getattr(options, "la_trace"), str(trace), str(capture)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
            if made.returncode != 0:
                continue
            traces += 1
            wanted, cut = findings_of(options.lastack, capture, thresholds)
            wanted = {f for f in wanted if f[1] not in not_live}
            done = subprocess.run([options.decide, str(capture), *thresholds], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode != 0:
                print("%s: decide fails: %s" % (trace, done.stderr.decode()))
                wrong += 1
                continue
            lines = [line.split() for line in done.stdout.decode().splitlines()]
            told = {(int(line[0]), line[1]) for line in lines if line[0] != "watched" and line[1] not in not_live}
            # What the end of the capture cut off may not have stood long enough to be told.
            missing = {f for f in wanted - told if f[0] not in cut}
            compared += len(wanted)
            for connection, code in sorted(missing):
                print("%s: connection %d: %s is found offline and was not told live" % (trace, connection, code))
            for connection, code in sorted(told - wanted):
                print("%s: connection %d: %s was told live and stands, and is not found offline" % (trace, connection, code))
            if lines[-1] != ["watched", "0"]:
                print("%s: something is watched still: %s" % (trace, lines[-1]))
                wrong += 1
            wrong += len(missing) + len(told - wanted)
    print("%d traces, %d findings" % (traces, compared))
    return 1 if wrong or traces < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
