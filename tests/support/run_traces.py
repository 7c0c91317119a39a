#!/usr/bin/env python3
"""Runs the text traces below a folder: each becomes a capture, lastack reads it, and the expectations in the same file are
checked (README.md describes both languages). Every record is also validated against the JSON Schema, and against rules that
hold for any capture whatever (records.py).

    run_traces.py --lastack BIN --la-trace BIN --schema FILE [--only WORD] FOLDER...

Exit code 0 when everything holds, 1 otherwise; a folder without a trace or a trace without an expectation is a failure.
"""
import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import expect  # noqa: E402
import records  # noqa: E402

TIMEOUT_S = 60


class Failure(Exception):
    """A trace that cannot be run at all."""


def read_trace(path):
    """The expectations, the extra arguments and the wanted suffix of a trace."""
    expectations, arguments, suffix = [], [], ".pcap"
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("="):
            try:
                expectations.append(expect.parse(number, line))
            except expect.Mistake as mistake:
                raise Failure(f"line {number}: {mistake}") from mistake
        elif re.match(r"args\s", line):
            arguments += shlex.split(line)[1:]
        elif re.match(r"format\s+pcapng", line):
            suffix = ".pcapng"
    if not expectations:
        raise Failure("the trace expects nothing")
    return expectations, arguments, suffix


def format_time(nanoseconds):
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{seconds}.{rest:09d}"


def make_capture(options, path, capture):
    """Writes the capture; returns lastack's argument for the end of the observation, when the file does not say it."""
    done = subprocess.run([options.la_trace, str(path), capture], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise Failure(done.stderr.strip())
    facts = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    if facts["stated"] == "yes":
        return ["--observed-until", format_time(int(facts["observed-until"]))]
    return []


def run_lastack(options, arguments, capture):
    command = [options.lastack, *arguments, "-o", "ndjson", capture]
    environment = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", NO_COLOR="1")
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, env=environment)
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode < 0 or done.returncode > 70:
        raise Failure(f"lastack ended with {done.returncode}: {stderr.strip()}")
    run = expect.Run(exit=done.returncode, stderr=stderr)
    problems = records.read(done.stdout, options.schema_json, run)
    return run, problems


def run_trace(options, path, folder):
    """All that is wrong with one trace, as lines."""
    try:
        expectations, arguments, suffix = read_trace(path)
        capture = os.path.join(folder, path.stem + suffix)
        until = make_capture(options, path, capture)
        run, problems = run_lastack(options, until + arguments, capture)
    except (Failure, subprocess.TimeoutExpired) as failure:
        return [f"{path}: {failure}"]
    lines = [f"{path}: {problem}" for problem in problems]
    for expectation in expectations:
        problem = expect.check(expectation, run)
        if problem:
            lines.append(f"{path}:{expectation.line}: expected `{expectation.text}`: {problem}")
    if run.exit != 0 and not any(expectation.verb == "exit" for expectation in expectations):
        lines.append(f"{path}: the exit code is {run.exit}: {run.stderr.strip()}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--lastack", required=True)
    parser.add_argument("--la-trace", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--only", default="", help="only traces whose path contains this")
    parser.add_argument("--keep", help="keep the captures in this folder")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    with open(options.schema, encoding="utf-8") as file:
        options.schema_json = json.load(file)
    failed = total = 0
    with tempfile.TemporaryDirectory() as temporary:
        for folder in options.folders:
            traces = sorted(path for path in folder.rglob("*.trace") if options.only in str(path))
            if not traces:
                print(f"{folder}: there is no trace")
                failed += 1
            for path in traces:
                total += 1
                lines = run_trace(options, path, options.keep or temporary)
                failed += bool(lines)
                for line in lines:
                    print(line)
    print(f"{total} traces, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
