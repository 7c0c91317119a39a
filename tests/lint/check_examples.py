#!/usr/bin/env python3
"""check_examples.py --lastack BINARY --root DIR FILE...: runs what the documents show, and compares.

In a document (Markdown: inside ``` fences; a manual page: between .Bd and .Ed, or after .Dl) every line `$ lastack ...` is run from
the root of the source by a shell that finds the built binary as `lastack`, in UTC and without colour. The lines shown below it are compared
with the first lines that it prints (standard output and standard error as on a terminal), each line with the beginning of its
counterpart; `...` matches anything, alone on a line any number of lines. It must exit with 0; when the next command shown is
`$ echo $?`, with the number shown below that. Files that an example writes go nowhere: it works in a folder of links.
Exit code: 1 when an example does not hold, or when no file has any.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

SECONDS = 60


class Example:
    def __init__(self, path, line, command):
        self.path, self.line, self.command, self.shown, self.status = path, line, command, [], 0


def roff_text(line):
    """A line of a literal block of a manual page as it is printed."""
    line = re.sub(r"^\\&", "", line)
    for escape, text in ((r"\(aq", "'"), (r"\(dq", '"'), (r"\(ha", "^"), (r"\(ti", "~"), (r"\(ga", "`"), (r"\&", ""), (r"\-", "-")):
        line = line.replace(escape, text)
    return re.sub(r"\\[e(]rs|\\e", lambda _: "\\", line)


def blocks(path):
    """The literal blocks of a document: lists of (line number, text)."""
    is_manual = re.search(r"\.[1-9]$", path) is not None
    block = None
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if is_manual:
                if re.match(r"\.Bd\b", line):
                    block = []
                elif re.match(r"\.Ed\b", line):
                    yield block or []
                    block = None
                elif re.match(r"\.[DQ]l ", line):
                    yield [(number, roff_text(line[4:]))]
                elif block is not None:
                    block.append((number, roff_text(line)))
            elif re.match(r" {0,3}```", line):
                if block is not None:
                    yield block
                block = None if block is not None else []
            elif block is not None:
                block.append((number, line))


def examples(path):
    for block in blocks(path):
        current = None
        for number, text in block:
            if text.startswith("$ "):
                command = text[2:].strip()
                if command == "echo $?" and current is not None:
                    current.status = None  # the next line says it
                    continue
                if current is not None:
                    yield current
                current = Example(path, number, command) if re.match(r"lastack\b", command) else None
            elif current is not None and current.status is None:
                if not re.fullmatch(r"\d+", text.strip()):
                    raise ValueError("%s:%d: `echo $?` is not followed by a number" % (path, number))
                current.status = int(text)
            elif current is not None:
                current.shown.append(text)
        if current is not None:
            yield current


def pattern(shown):
    """A regular expression for the beginning of an output: the lines shown."""
    while shown and not shown[-1].strip():
        shown = shown[:-1]
    parts = []
    for line in shown:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece) for piece in line.rstrip().split("...")) + r"[^\n]*\n")
    return "".join(parts)


def problem(example, root, environment):
    """What is wrong with the example, or None."""
    with tempfile.TemporaryDirectory() as folder:
        for name in os.listdir(root):
            os.symlink(os.path.join(root, name), os.path.join(folder, name))
        try:
            done = subprocess.run(["bash", "-o", "pipefail", "-c", example.command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "not done after %d s" % SECONDS
    printed = done.stdout.decode("utf-8", "replace")
    if done.returncode != example.status:
        return "exit code %d instead of %s\n%s" % (done.returncode, example.status, printed)
    lines = "".join(line.rstrip() + "\n" for line in printed.splitlines())
    if not re.match(pattern(example.shown), lines):
        return "prints something else:\n" + lines
    return None


def main():
    ap = argparse.ArgumentParser(description="Runs the examples of the documents.")
    ap.add_argument("--lastack", required=True)
    ap.add_argument("--root", required=True)
    ap.add_argument("files", nargs="+")
    a = ap.parse_args()
    root = os.path.abspath(a.root)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LASTACK", "MAN", "LC_"))}
    environment.update(PATH=os.path.dirname(os.path.abspath(a.lastack)) + os.pathsep + os.environ["PATH"], TZ="UTC", NO_COLOR="1",
                       LC_ALL="C.UTF-8", COLUMNS="80")
    count = wrong = 0
    for path in a.files:
        try:
            found = list(examples(path))
        except ValueError as error:
            print(error)
            wrong += 1
            continue
        for example in found:
            count += 1
            what = problem(example, root, environment)
            if what:
                wrong += 1
                print("%s:%d: $ %s\n%s" % (os.path.relpath(path, root), example.line, example.command, what))
    if count == 0 and wrong == 0:
        print("no example in any of the documents")
        return 1
    print("%d examples, %d wrong" % (count, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
