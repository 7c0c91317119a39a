#!/usr/bin/env python3
"""lint.py CHECK ROOT: holds the tree to its own rules. Prints each violation as path:line: what; exit code 1 when there is one,
77 when the tool that a check needs is not installed (and it says so).

An exception to a rule stands beside the code: a comment `lint-allow CHECK: reason` on the line or the line above.
"""
import os
import re
import shutil
import subprocess
import sys

# Which folders of src/ a folder may include, besides itself: those to its left in src/README.md's figure.
PATH = ["base", "capture", "decode", "track", "diagnose", "select", "report"]
MAY_INCLUDE = {folder: set(PATH[:i]) for i, folder in enumerate(PATH)}
MAY_INCLUDE["kernel"] = {"base"}
MAY_INCLUDE["chat"] = {"base", "kernel"}
MAY_INCLUDE["lab"] = {"base", "kernel", "chat", "capture"}  # of capture: the writer of pcapng files
MAY_INCLUDE["live"] = set(PATH) | {"kernel"}
MAY_INCLUDE["cli"] = set(MAY_INCLUDE)
STAGES = set(PATH[1:])
SEES_PACKETS = STAGES - {"capture"} | {"live"}

MAX_LINES = 800
CLANG_FORMAT = "14"
SKIP = 77


class Lint:
    """One run of a check over the tree at `root`: finds files, keeps what is wrong."""

    def __init__(self, root, name):
        self.root, self.name, self.wrong = root, name, []

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def relative(self, path):
        return os.path.relpath(path, self.root)

    def files(self, folder, *endings):
        found = []
        for where, folders, names in os.walk(self.path(folder)):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            found += [os.path.join(where, n) for n in sorted(names) if n.endswith(endings)]
        return found

    def names(self, folder, ending):
        """The stems of the files ending so in `folder`; none when there is no such folder."""
        at = self.path(folder)
        return {n[: -len(ending)] for n in os.listdir(at) if n.endswith(ending)} if os.path.isdir(at) else set()

    def say(self, path, line, what):
        self.wrong.append("%s:%d: %s" % (self.relative(path), line, what))

    def say_unless_allowed(self, path, lines, number, what):
        """`lines` are the file's lines with their comments, `number` counts from 1."""
        for text in lines[max(0, number - 2) : number]:
            if re.search(r"lint-allow %s: \w+" % self.name, text):
                return
        self.say(path, number, what)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def code_only(text):
    """C text with comments and the insides of strings and character constants blanked; lines stay where they are."""

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def folder_of(lint, path):
    return lint.relative(path).split(os.sep)[1]


def check_includes(lint):
    for path in lint.files("src", ".c", ".h", ".def"):
        folder = folder_of(lint, path)
        if folder not in MAY_INCLUDE:
            lint.say(path, 1, "src/%s is not in the include order (src/README.md and this lint list the folders)" % folder)
            continue
        lines = read(path).split("\n")
        for number, line in enumerate(lines, 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            parts = match.group(1).split("/")
            if ".." in parts:
                lint.say_unless_allowed(path, lines, number, "includes through `..`")
            elif len(parts) == 1:
                if not os.path.exists(os.path.join(os.path.dirname(path), parts[0])):
                    lint.say_unless_allowed(path, lines, number, '"%s" is not beside it: write "folder/name.h"' % parts[0])
            elif parts[0] != folder and parts[0] not in MAY_INCLUDE[folder]:
                lint.say_unless_allowed(path, lines, number, "%s may not include %s" % (folder, parts[0]))


def check_length(lint):
    for path in lint.files("src", ".c", ".h", ".def") + lint.files("tests", ".c", ".h", ".py"):
        count = read(path).count("\n")
        if count > MAX_LINES:
            lint.say(path, count, "%d lines: past %d a file is two files" % (count, MAX_LINES))


PRINTS = r"\b(?:printf|vprintf|puts|putchar|perror|g_print|g_printerr|stdout|stderr)\b"
ENDS = r"\b(?:exit|_exit|_Exit|quick_exit|abort)\s*\("
CLOCKS = r"(?<![\w.>])(?:time|clock|gettimeofday|clock_gettime|timespec_get|g_get_real_time|g_get_monotonic_time|g_date_time_new_now\w*|la_clock_\w+)\s*\("


def check_calls(lint):
    for path in lint.files("src", ".c", ".h"):
        folder = folder_of(lint, path)
        if folder == "cli":
            continue
        text = read(path)
        lines = text.split("\n")
        for number, line in enumerate(code_only(text).split("\n"), 1):
            if re.search(PRINTS, line):
                lint.say_unless_allowed(path, lines, number, "library code never prints: only cli does")
            if re.search(ENDS, line):
                lint.say_unless_allowed(path, lines, number, "library code never exits: it returns an error")
            if folder in STAGES and re.search(CLOCKS, line):
                lint.say_unless_allowed(path, lines, number, "nothing from capture to report reads the clock")


def check_cursor(lint):
    for path in lint.files("src", ".c", ".h"):
        if folder_of(lint, path) not in SEES_PACKETS:
            continue
        text = read(path)
        lines = text.split("\n")
        for number, line in enumerate(code_only(text).split("\n"), 1):
            if re.search(r"(?:->|\.)data\s*\[|\*\s*(?:\w+(?:->|\.))+data\b|\bmem\w+\s*\([^;]*(?:->|\.)data\b", line):
                lint.say_unless_allowed(path, lines, number, "packet bytes are read only through the cursor")


def check_catalogue(lint):
    catalogue = lint.path("src", "diagnose", "rules.def")
    if not os.path.exists(catalogue):
        lint.say(catalogue, 1, "there is no catalogue")
        return
    codes = {}
    for number, line in enumerate(code_only(read(catalogue)).split("\n"), 1):
        match = re.match(r"\s*LA_RULE\s*\(\s*(\w+)", line)
        if not match:
            continue
        code = match.group(1).replace("_", "-")
        if code in codes:
            lint.say(catalogue, number, "%s stands in line %d already" % (code, codes[code]))
        codes[code] = number
    if not codes:
        lint.say(catalogue, 1, "no line begins with LA_RULE(")
    for code, number in codes.items():
        for part in (("src", "diagnose", "rules", code + ".c"), ("man", "findings", code + ".md")):
            if not os.path.isfile(lint.path(*part)) or not read(lint.path(*part)).strip():
                lint.say(catalogue, number, "%s has no %s" % (code, "/".join(part)))
        traces = lint.names(os.path.join("tests", "findings", code), ".trace")
        for kind in ("fires", "quiet"):
            if not any(t == kind or t.startswith(kind + "-") for t in traces):
                lint.say(catalogue, number, "%s has no tests/findings/%s/%s-*.trace" % (code, code, kind))
        for trace in sorted(t for t in traces if t.split("-")[0] not in ("fires", "quiet")):
            lint.say(catalogue, number, "tests/findings/%s/%s.trace is neither fires-* nor quiet-*" % (code, trace))
    tests = lint.path("tests", "findings")
    folders = {n for n in os.listdir(tests) if os.path.isdir(os.path.join(tests, n))} if os.path.isdir(tests) else set()
    folders.discard("__pycache__")
    known = (
        ("src/diagnose/rules/%s.c", lint.names(os.path.join("src", "diagnose", "rules"), ".c")),
        ("man/findings/%s.md", lint.names(os.path.join("man", "findings"), ".md")),
        ("tests/findings/%s", folders),
    )
    for form, names in known:
        for name in sorted(names - set(codes)):
            lint.say(lint.path(form % name), 1, "belongs to no line of src/diagnose/rules.def")


def check_man(lint):
    pages = [p for p in lint.files("man", "") if re.search(r"\.[1-9]$", p)]
    if not pages:
        lint.say(lint.path("man"), 1, "no manual page at all")
    if shutil.which("mandoc") is None:
        return "mandoc is not installed: manual pages are not checked"
    for page in pages:
        done = subprocess.run(["mandoc", "-Tlint", page], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in done.stdout.splitlines():
            # These two say only that other pages are not installed on this machine, or not in its index.
            if "referenced manual not found" not in line and "outdated mandoc.db" not in line:
                lint.wrong.append(line.replace(lint.root + os.sep, ""))
    return None


def check_format(lint):
    tool = shutil.which("clang-format")
    if tool is None:
        return "clang-format is not installed: the layout is not checked"
    version = re.search(r"version (\d+)", subprocess.run([tool, "--version"], stdout=subprocess.PIPE, text=True).stdout)
    if version is None or version.group(1) != CLANG_FORMAT:
        return "clang-format is not version %s, whose layout is the reference: the layout is not checked" % CLANG_FORMAT
    files = lint.files("src", ".c", ".h") + lint.files("tests", ".c", ".h")
    for first in range(0, len(files), 200):
        done = subprocess.run([tool, "--dry-run", "-Werror"] + files[first : first + 200], stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            bad = dict.fromkeys(m.group(1) for m in re.finditer(r"^(.+?):\d+:\d+: error", done.stderr, re.M))
            for path in bad:
                lint.say(path, 1, "not laid out as .clang-format says: clang-format -i %s" % lint.relative(path))
            if not bad:
                lint.wrong.append(done.stderr.strip())
    return None


CHECKS = {
    "includes": check_includes,
    "length": check_length,
    "calls": check_calls,
    "cursor": check_cursor,
    "catalogue": check_catalogue,
    "man": check_man,
    "format": check_format,
}


def main(argv):
    if len(argv) != 3 or argv[1] not in CHECKS:
        print("usage: lint.py %s ROOT" % "|".join(CHECKS), file=sys.stderr)
        return 2
    lint = Lint(os.path.abspath(argv[2]), argv[1])
    missing = CHECKS[argv[1]](lint)
    for line in lint.wrong:
        print(line)
    if lint.wrong:
        print("%d violations of lint %s" % (len(lint.wrong), lint.name))
        return 1
    if missing:
        print("SKIPPED: " + missing)
        return SKIP
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
