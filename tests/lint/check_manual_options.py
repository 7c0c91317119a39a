#!/usr/bin/env python3
"""check_manual_options.py ROOT LASTACK: the options that src/cli/options.c takes and those that man/lastack.1 explains are the same; those
that only live capture or check has stand in man/lastack-live.1 and man/lastack-check.1. The formats of src/report/formats.def are those that
the help of the program LASTACK names, and all stand in man/lastack.1.

Prints what one has and the other lacks; exit status 1 when there is any.
"""

import pathlib
import re
import subprocess
import sys


def taken(source):
    """The table's options: {"--name" or "-l"}."""
    text = re.sub(r"/\*.*?\*/", "", source, flags=re.S)
    options = set()
    for letter, name in re.findall(r"\{(?:LA_)?OPTION_\w+,\s*('.'|0),\s*\"([a-z-]+)\"", text):
        options.add("--" + name)
        if letter != "0":
            options.add("-" + letter[1])
    return options


def explained(page):
    """What stands after .Fl in the tags of the page's lists."""
    options = set()
    for line in re.findall(r"^\.It (Fl .*)$", page, flags=re.M):
        for name in re.findall(r"Fl (\S+)", line):
            options.add("-" + name.replace("\\-", "-"))
    return options


def formats(root):
    """Those of the list."""
    return set(re.findall(r"^FORMAT\((\w+)\)", (root / "src" / "report" / "formats.def").read_text(encoding="utf-8"), flags=re.M))


def helped(lastack):
    """The formats that the help of -o names."""
    text = subprocess.run([lastack, "analyze", "--help"], capture_output=True, check=True, encoding="utf-8", timeout=30).stdout
    names = re.search(r"^ +-o, .*:\n((?: {30}.*\n)+)", text, flags=re.M)
    return set(re.findall(r"\w+", names.group(1))) if names else set()


def command_words(page):
    """What stands after .Cm."""
    return {word for line in re.findall(r"^\.Cm (.*)$", page, flags=re.M) for word in line.split()}


def wrong_formats(root, lastack):
    listed, named = formats(root), helped(lastack)
    manual = command_words((root / "man" / "lastack.1").read_text(encoding="utf-8"))
    if not listed:
        yield "src/report/formats.def: no format found that this check can read"
    for name in sorted(listed - named):
        yield f"lastack analyze --help: does not name the format {name}"
    for name in sorted(named - listed):
        yield f"lastack analyze --help: names the format {name}, which src/report/formats.def does not have"
    for name in sorted(listed - manual):
        yield f"man/lastack.1: does not name the format {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    options = taken((root / "src" / "cli" / "options.c").read_text(encoding="utf-8"))
    manual = set()
    for page in ("lastack.1", "lastack-live.1", "lastack-sockets.1", "lastack-diff.1", "lastack-check.1"):
        manual |= explained((root / "man" / page).read_text(encoding="utf-8"))
    for option in sorted(options - manual):
        print(f"man/lastack.1: does not explain {option}")
    for option in sorted(manual - options):
        print(f"man/lastack.1: explains {option}, which src/cli/options.c does not take")
    if not options:
        print("src/cli/options.c: no option found that this check can read")
    said = list(wrong_formats(root, sys.argv[2]))
    for line in said:
        print(line)
    return 1 if options != manual or not options or said else 0


if __name__ == "__main__":
    sys.exit(main())
