#!/usr/bin/env python3
"""Assembles the manual page lastack-findings(7) from the texts of `lastack explain`.

    make_findings_page.py TEXTS OUTPUT        TEXTS holds findings/<code>.md and words/errors/<NAME>.md
    make_findings_page.py TEXTS --lint        makes the page and runs mandoc -Tlint over it; exit status 1 when mandoc finds
                                              anything, 77 when there is no mandoc

Needs nothing but Python. The same texts give the same bytes: the date of the page is that of the newest text, or
SOURCE_DATE_EPOCH. The form of the texts is described and held by tests/lint/check_finding_texts.py.
"""

import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap

MONTHS = ("January February March April May June July August September October November December").split()
FIELDS = (("severity", "Severity"), ("blame", "Blame"), ("threshold", "Threshold"), ("facts", "Facts"))
COLUMNS = 76

HEAD = """.Sh NAME
.Nm lastack-findings
.Nd what lastack says about connections, hosts and captures
.Sh DESCRIPTION
.Xr lastack 1
follows every TCP connection of a capture and reports what it finds as
.Em findings .
Each finding has a code, which is public and stable, the numbers of the
packets that show it, facts with their units, and one sentence that says
what to do.
.Pp
The program looks at a connection from outside.
A packet in the capture was sent; whether it arrived is proved only by what its
receiver did next.
A finding therefore says how sure it is:
.Bl -tag -width likely
.It Cm certain
Packets prove it, and no other explanation fits.
.It Cm likely
The usual cause of exactly this evidence.
.It Cm possible
More than one cause fits; the sentence names them.
.El
.Pp
When the kernel or the interface dropped packets on their way into the capture,
a finding that rests on silence is one step less sure, if that was during the
silence; its fact
.Cm dropped_packets
says how many.
Live, the counters are read five times a second; a pcapng file tells by its
interface statistics blocks (between which of them the counts rose) and by
what its packet blocks say.
A file with such a block only at its end leaves open when it was: all of its
silence counts.
From a pipe that block comes too late for connections that have finished
before.
.Pp
.Em Severity
is
.Cm error
(users felt it, or resources leak),
.Cm warning
(it worked, but not as it should) or
.Cm note
(worth knowing, and legal).
.Em Blame
names who has to act:
.Cm client\\-application , server\\-application , client\\-host , server\\-host ,
.Cm network
(loss, a filter, a middlebox),
.Cm capture
(how the capture was taken) or
.Cm none .
Where several values are listed for a finding, the evidence decides.
.Pp
A
.Em threshold
is changed by
.Fl \\-threshold Ar name Ns = Ns Ar value ;
what stands below is the default.
Times are written with their unit, as in
.Cm 30s , 200ms
or
.Cm 5min .
.Pp
The same texts are printed by
.Ic lastack explain Ar code .
"""


def escape(text):
    """Text as roff input: every character prints as itself, also in UTF-8 output of groff. The last two are names for which
    mandoc would have a macro."""
    for char, name in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ('"', "\\(dq"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti"),
                       ("()", "\\&()"), ("FreeBSD", "Free\\&BSD")):
        text = text.replace(char, name)
    return text


def guard(line):
    """A line that roff must not take for a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def prose(text):
    """Running text: each sentence begins a line, no line is too long."""
    lines = []
    for sentence in re.split(r"(?<=[.!?:]) +(?=[A-Z])", " ".join(text.split())):
        lines += textwrap.wrap(escape(sentence), COLUMNS, break_long_words=False, break_on_hyphens=False)
    return [guard(line) for line in lines]


def sections(lines):
    """The lines under each `## title`."""
    title, body = None, []
    for line in lines:
        if line.startswith("## "):
            if title:
                yield title, body
            title, body = line[3:], []
        elif title:
            body.append(line)
    if title:
        yield title, body


def blocks(lines):
    """A section's paragraphs: ("text", str), ("list", [str]) or ("literal", [str])."""
    group = []
    for line in lines + [""]:
        if line.strip():
            group.append(line)
            continue
        if not group:
            continue
        if group[0].startswith("    "):
            yield "literal", [g[4:] for g in group]
        elif group[0].startswith("- "):
            items = []
            for g in group:
                if g.startswith("- "):
                    items.append(g[2:])
                elif items:
                    items[-1] += " " + g.strip()
            yield "list", items
        else:
            yield "text", " ".join(group)
        group = []


def finding(path):
    """One text as a subsection."""
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    out = [".Ss " + escape(lines[0][2:])]
    blank = lines.index("")
    out += prose(" ".join(lines[1:blank]))
    fields = {}
    index = blank + 1
    last = None
    while index < len(lines) and not lines[index].startswith("## "):
        match = re.match(r"(\w+): (.*)$", lines[index])
        if match:
            last = fields.setdefault(match.group(1), [])
            last.append(match.group(2))
        elif lines[index].startswith("  ") and last:
            last[-1] += " " + lines[index].strip()
        index += 1
    out.append(".Bl -tag -width Threshold -compact")
    for name, label in FIELDS:
        for value in fields.get(name, []):
            out.append(".It " + label)
            out += prose(value)
    out.append(".El")
    for title, body in sections(lines[index:]):
        out += [".Pp", ".Em " + escape(title)]
        for kind, content in blocks(body):
            if kind == "text":
                out.append(".Pp")
                out += prose(content)
            elif kind == "list":
                out.append(".Bl -dash -compact")
                for item in content:
                    out.append(".It")
                    out += prose(item)
                out.append(".El")
            else:
                out.append(".Bd -literal -offset indent")
                out += [guard(escape(line)) for line in content]
                out.append(".Ed")
    return out


def error(path):
    """One errno as an item of a list: its sentence and the findings that produce it."""
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    text = "\n".join(lines)
    codes = re.search(r"^findings: (.*(?:\n  .*)*)", text, flags=re.M)
    out = [".It Er " + lines[0][2:]]
    out += prose(lines[1])
    if codes:
        out += prose("Findings: " + " ".join(codes.group(1).split()) + ".")
    return out


def page_date(paths):
    stamp = os.environ.get("SOURCE_DATE_EPOCH")
    seconds = int(stamp) if stamp and stamp.isdigit() else max(int(p.stat().st_mtime) for p in paths)
    day = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def make_page(texts):
    codes = sorted((texts / "findings").glob("*.md"))
    errors = sorted((texts / "words" / "errors").glob("*.md"))
    if not codes:
        raise SystemExit(f"{texts / 'findings'}: no texts of findings")
    out = ['.\\" Made by make_findings_page.py from findings/*.md: change those.',
           ".Dd " + page_date(codes + errors), ".Dt LASTACK-FINDINGS 7", ".Os"]
    out += HEAD.rstrip("\n").split("\n")
    out.append(".Sh FINDINGS")
    for path in codes:
        out += finding(path)
    if errors:
        out += [".Sh ERRORS OF APPLICATIONS", "What a program saw, and the findings that explain it.",
                ".Ic lastack explain Ar ERROR", "adds what runtimes and proxies call it.", ".Bl -tag -width Ds"]
        for path in errors:
            out += error(path)
        out.append(".El")
    out += [".Sh SEE ALSO", ".Xr lastack 1 ,", ".Xr nstat 8 ,", ".Xr ss 8 ,", ".Xr tcpdump 8"]
    return "\n".join(out) + "\n"


def lint(page):
    mandoc = shutil.which("mandoc")
    if not mandoc:
        print("mandoc is not installed: lastack-findings(7) is not checked", file=sys.stderr)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "lastack-findings.7"
        path.write_text(page, encoding="utf-8")
        done = subprocess.run([mandoc, "-Tlint", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # Which pages are installed on this machine, and whether mandoc's index knows them, says nothing about this one.
    wrong = [line for line in done.stdout.splitlines()
             if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
    for line in wrong:
        print(line.replace(str(path), path.name))
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description="Assembles lastack-findings(7) from the texts of lastack explain.")
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path, nargs="?")
    parser.add_argument("--lint", action="store_true", help="run mandoc -Tlint over the page")
    options = parser.parse_args()
    if not options.output and not options.lint:
        parser.error("OUTPUT or --lint is needed")
    page = make_page(options.texts)
    if options.output:
        options.output.write_text(page, encoding="utf-8")
    return lint(page) if options.lint else 0


if __name__ == "__main__":
    sys.exit(main())
