#!/usr/bin/env python3
"""check_manual_options.py ROOT: the options that src/cli/options.c takes and those that man/lastack.1 explains are the same; those that
only live capture or check has stand in man/lastack-live.1 and man/lastack-check.1.

Prints what one has and the other lacks; exit status 1 when there is any.
"""

import pathlib
import re
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
    return 1 if options != manual or not options else 0


if __name__ == "__main__":
    sys.exit(main())
