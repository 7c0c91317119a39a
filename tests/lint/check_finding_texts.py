#!/usr/bin/env python3
"""Holds the texts of `lastack explain` together.

    check_finding_texts.py REPO               checks REPO/man/findings and REPO/man/words, and that each rule of
                                              REPO/src/diagnose/rules says the same in text and code: severity, blame,
                                              thresholds with their defaults, facts
    check_finding_texts.py REPO --self-test   breaks copies of the texts in many ways; each must be noticed

The form of man/findings/<code>.md: title, one sentence, the four fields (a field's continuation lines are indented by
two spaces), six sections in this order. Indented by four: a command. Exit status 1 when anything is wrong.
"""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile

WIDTH = 118
SECTIONS = ["What it means", "How it is detected", "What causes it", "What looks the same", "What to do next", "Sources"]
SEVERITIES = {"error", "warning", "note"}
BLAMES = {"client-application", "server-application", "client-host", "server-host", "network", "capture", "none"}
VALUE = re.compile(r"^(\d+(\.\d+)?(s|ms|us|min|h|%|/s)?)$")
CODE = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
WORDS_MIN, WORDS_MAX = 120, 360  # of the six sections

C_UNITS = {"LA_UNIT_SECONDS": "time", "LA_UNIT_COUNT": "count", "LA_UNIT_PERCENT": "percent", "LA_UNIT_PER_SECOND": "rate"}
SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}


class Problems:
    def __init__(self):
        self.lines = []

    def add(self, where, text):
        self.lines.append(f"{where}: {text}")


def read_text(path, problems):
    """The file's text, or "" when it is no UTF-8; checks what holds for every text."""
    where = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        problems.add(where, "is not UTF-8")
        return ""
    if not text.endswith("\n") or text.endswith("\n\n"):
        problems.add(where, "must end with exactly one line feed")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > WIDTH:
            problems.add(f"{where}:{number}", f"longer than {WIDTH} columns")
        if line != line.rstrip():
            problems.add(f"{where}:{number}", "white space at the end")
        if any(ord(c) < 32 or ord(c) == 127 for c in line):
            problems.add(f"{where}:{number}", "a control character")
        if re.search(r"</?[a-zA-Z][^>]*>", line):
            problems.add(f"{where}:{number}", "HTML")
        if "`" in line or "**" in line:
            problems.add(f"{where}:{number}", "inline markup; the texts are printed as they are")
    return text


def split_facts(value):
    """`held_s (seconds ...), retries (...)` -> [(name, meaning)], or None when it has another form."""
    facts = []
    rest = value
    while rest:
        match = re.match(r"([a-z][a-z0-9_]*) \(([^()]+)\)(, |$)", rest)
        if not match:
            return None
        facts.append((match.group(1), match.group(2)))
        rest = rest[match.end():]
    return facts


def parse_finding(path, problems):
    """One text, taken apart; what is missing is a problem and left out."""
    where = path.name
    text = read_text(path, problems)
    result = {"code": path.stem, "thresholds": [], "facts": [], "sections": {}}
    lines = text.split("\n")
    if not CODE.match(path.stem):
        problems.add(where, "the file's name is no code")
    if lines[0] != f"# {path.stem}":
        problems.add(where, f'the first line must be "# {path.stem}"')
    try:
        blank = lines.index("")
    except ValueError:
        problems.add(where, "no blank line after the sentence")
        return result
    sentence = " ".join(lines[1:blank])
    if not sentence.endswith(".") or re.search(r"[.!?] [A-Z]", sentence):
        problems.add(where, "the title must be followed by exactly one sentence")
    result["sentence"] = sentence

    fields = []
    index = blank + 1
    while index < len(lines) and lines[index] and not lines[index].startswith("#"):
        line = lines[index]
        if line.startswith("  ") and fields:
            fields[-1][1] += " " + line.strip()
        elif ": " in line:
            fields.append(list(line.split(": ", 1)))
        else:
            problems.add(f"{where}:{index + 1}", "neither a field nor the continuation of one")
        index += 1
    names = [name for name, _ in fields]
    shape = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    if shape != ["severity", "blame", "threshold", "facts"]:
        problems.add(where, f"fields must be severity, blame, threshold (one or more), facts; they are {', '.join(names)}")
    for name, value in fields:
        if name == "severity":
            result["severity"] = value.split(", ")
            if not set(result["severity"]) <= SEVERITIES:
                problems.add(where, f"unknown severity in: {value}")
        elif name == "blame":
            result["blame"] = value.split(", ")
            if not set(result["blame"]) <= BLAMES:
                problems.add(where, f"unknown blame in: {value}")
        elif name == "threshold" and value != "none":
            match = re.match(r"([a-z0-9-]+)(?:\.([a-z][a-z0-9-]*))? = (\S+), (.+)$", value)
            if not match or match.group(1) != path.stem or not VALUE.match(match.group(3)):
                problems.add(where, f'a threshold must read "{path.stem}[.NAME] = VALUE, meaning": {value}')
            else:
                result["thresholds"].append((match.group(2), match.group(3), match.group(4)))
        elif name == "facts":
            facts = split_facts(value)
            if not facts:
                problems.add(where, 'facts must read "name (meaning with its unit), ..." without further brackets')
            else:
                result["facts"] = facts
    if len([n for n in names if n == "threshold"]) > 1 and not all(v != "none" for n, v in fields if n == "threshold"):
        problems.add(where, '"threshold: none" beside a threshold')
    fact_names = [name for name, _ in result["facts"]]
    if len(set(fact_names)) != len(fact_names):
        problems.add(where, "a fact is listed twice")
    for name, meaning in result["facts"]:
        if name.endswith("_s") and not name.endswith("_per_s") and "seconds" not in meaning:
            problems.add(where, f"the unit of {name} is seconds, its meaning must say so")
        if name.endswith("_bytes") and "bytes" not in meaning:
            problems.add(where, f"the unit of {name} is bytes, its meaning must say so")

    title = None
    order = []
    for line in lines[index:]:
        if line.startswith("#"):
            title = line[3:] if line.startswith("## ") else line
            order.append(title)
            result["sections"][title] = []
        elif title is not None:
            result["sections"][title].append(line)
    if order != SECTIONS:
        problems.add(where, f"sections must be {', '.join(SECTIONS)}; they are {', '.join(order)}")
    words = 0
    for title, body in result["sections"].items():
        words += len(" ".join(body).split())
        if not " ".join(body).strip():
            problems.add(where, f'"{title}" is empty')
    if not WORDS_MIN <= words <= WORDS_MAX:
        problems.add(where, f"{words} words; {WORDS_MIN} to {WORDS_MAX} are asked for")
    if not any(line.startswith("    ") for line in result["sections"].get("What to do next", [])):
        problems.add(where, '"What to do next" names no command')
    return result


def look_alikes(finding):
    """The codes that the bullets of "What looks the same" begin with."""
    text = re.sub(r"\n(?=[^-\n])", " ", "\n".join(finding["sections"].get("What looks the same", [])))
    for line in text.split("\n"):
        match = re.match(r"- ([a-z0-9, -]+):", line)
        if match:
            yield from match.group(1).split(", ")


def check_findings(root, problems):
    folder = root / "man" / "findings"
    texts = {}
    for path in sorted(folder.glob("*")):
        if path.suffix != ".md":
            problems.add(path.name, "only <code>.md belongs here")
        else:
            texts[path.stem] = parse_finding(path, problems)
    if not texts:
        problems.add("man/findings", "holds no text")
    for code, finding in texts.items():
        codes = list(look_alikes(finding))
        if not codes:
            problems.add(f"{code}.md", '"What looks the same" names no code')
        for other in codes:
            if other not in texts or other == code:
                problems.add(f"{code}.md", f'"What looks the same" names {other}, which is no other finding')
    return texts


def check_words(root, texts, problems):
    """man/words/<kind>/<WORD>.md: title, one sentence, fields words, also, findings, a body, and `see:` at the end."""
    folder = root / "man" / "words"
    pages = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        where = f"{path.parent.name}/{path.name}"
        text = read_text(path, problems)
        lines = text.split("\n")
        if path.suffix != ".md" or not lines[0].startswith("# ") or len(lines) < 3 or not lines[1] or lines[2]:
            problems.add(where, "must be WORD.md and begin with title, one line, blank line")
            continue
        page = {"names": [lines[0][2:], path.stem], "also": [], "findings": [], "see": []}
        field = None
        for line in lines[3:]:
            match = re.match(r"(words|also|findings|see): (.+)$", line)
            if match:
                field = match.group(1)
                value = match.group(2)
            elif line.startswith("  ") and not line.startswith("    ") and field:
                value = line.strip()
            else:
                field = None
                continue
            if field == "also":
                page["also"].append(value)
            else:
                key = "names" if field == "words" else field
                page[key] += [v for v in value.split(", ") if v]
        for key in ("findings", "see"):
            page[key] = [v.rstrip(",") for v in page[key]]
        if not page["see"]:
            problems.add(where, "has no line that begins with see:")
        if path.parent.name == "errors" and (not page["also"] or not page["findings"]):
            problems.add(where, "an error needs also: and findings:")
        pages[where] = page
    if not pages:
        problems.add("man/words", "holds no text")
    known = {n.lower() for p in pages.values() for n in p["names"]} | set(texts)
    for where, page in pages.items():
        for code in page["findings"]:
            if code not in texts:
                problems.add(where, f"findings: names {code}, which is no finding")
        for word in page["see"]:
            if word.lower() not in known:
                problems.add(where, f"see: names {word}, which nothing explains")


def c_number(expression):
    """The value of a C constant expression of numbers and LA_SEC, LA_MSEC, LA_USEC; None when it is something else."""
    text = expression.replace("LA_MSEC", "1000000").replace("LA_USEC", "1000").replace("LA_SEC", "1000000000")
    text = re.sub(r"INT64_C\((\d+)\)", r"\1", text)
    if not re.fullmatch(r"[0-9*+ ()]+", text):
        return None
    return eval(text, {"__builtins__": {}})  # digits, * + and brackets only


def same_value(text, unit, number):
    kind = C_UNITS.get(unit)
    match = re.match(r"([\d.]+)(.*)$", text)
    value, suffix = float(match.group(1)), match.group(2)
    if kind == "time":
        return suffix in SECONDS and abs(value * SECONDS[suffix] * 1e9 - number) < 1
    return suffix == {"count": "", "percent": "%", "rate": "/s"}[kind] and value == number


def check_rule(code, finding, source, problems):
    """Text and code of one rule: severity, thresholds and facts."""
    where = f"rules/{source.name}"
    text = re.sub(r"/\*.*?\*/", "", source.read_text(encoding="utf-8"), flags=re.S)
    match = re.search(r"\.severity\s*=\s*LA_SEVERITY_(\w+)\s*,", text)
    if match and match.group(1).lower() not in finding.get("severity", []):
        problems.add(where, f"its severity {match.group(1).lower()} is not in {code}.md")
    rows = re.findall(r'\{\s*"([a-z0-9.-]*)"\s*,\s*(LA_UNIT_\w+)\s*,\s*([^,]+),', text)
    if len(rows) != len(finding["thresholds"]):
        problems.add(where, f"{len(rows)} thresholds in the code, {len(finding['thresholds'])} in {code}.md")
    for (name, unit, standard), (text_name, value, _) in zip(rows, finding["thresholds"]):
        number = c_number(standard)
        full = f"{code}.{text_name}" if text_name else code
        if full != name:
            problems.add(where, f"the threshold {name} is called {full} in {code}.md")
        if number is not None and not same_value(value, unit, number):
            problems.add(where, f"the threshold {name} has another default or unit than {value} in {code}.md")
    known = {name for name, _ in finding["facts"]}
    for fact in re.findall(r'la_finding_add_(?:count|span|time|ratio|word|addr)\(\s*[^,]+,\s*"([a-z0-9_]+)"', text):
        if fact not in known:
            problems.add(where, f"the fact {fact} is not in {code}.md")
    for blame in re.findall(r"LA_BLAME_([A-Z_]+)", text):
        word = blame.lower().replace("_", "-")
        if word in BLAMES and word not in finding.get("blame", []) and word != "none":
            problems.add(where, f"the blame {word} is not in {code}.md")


def check_catalogue(root, texts, problems):
    """Every rule that has a text and a file says the same in both. That neither is missing is lint.py's business."""
    sources = sorted((root / "src" / "diagnose" / "rules").glob("*.c"))
    for source in sources:
        code = source.stem.replace("_", "-")
        if code in texts:
            check_rule(code, texts[code], source, problems)
    return len(sources)


def check(root, catalogue=True):
    problems = Problems()
    texts = check_findings(root, problems)
    check_words(root, texts, problems)
    compared = check_catalogue(root, texts, problems) if catalogue else 0
    return problems.lines, texts, compared


def self_test(root):
    """Each of these faults must be found in a copy of the texts that is otherwise right."""
    leak = "man/findings/close-wait-leak.md"
    reset = "man/words/errors/ECONNRESET.md"

    def replace(path, old, new):
        def change(copy):
            file = copy / path
            text = file.read_text(encoding="utf-8")
            if old not in text:
                raise SystemExit(f"self-test: {path} does not hold {old!r}")
            file.write_text(text.replace(old, new, 1), encoding="utf-8")
        return change

    faults = {
        "a text removed": lambda copy: (copy / leak).unlink(),
        "another title": replace(leak, "# close-wait-leak", "# close-wait"),
        "two sentences": replace(leak, "socket.\n", "socket. It is bad.\n"),
        "unknown severity": replace(leak, "severity: error", "severity: fatal"),
        "unknown blame": replace(leak, "blame: client-application", "blame: user"),
        "threshold without value": replace(leak, "= 60s,", "= ,"),
        "threshold with a wrong unit": replace(leak, "= 60s,", "= 60parsec,"),
        "threshold of another code": replace(leak, "threshold: close-wait-leak =", "threshold: close-wait-slow ="),
        "fact without unit": replace(leak, "(seconds in CLOSE_WAIT as far as", "(time as far as"),
        "fact without meaning": replace(leak, "facts: held_s (seconds", "facts: held_s, other_s (seconds"),
        "section missing": replace(leak, "## Sources\n", ""),
        "sections swapped": replace(leak, "## What causes it", "## What looks the same "),
        "unknown look-alike": replace(leak, "- half-close:", "- half-shut:"),
        "no command": replace(leak, "    ss -tanpo", "ss -tanpo"),
        "line too long": replace(leak, "## Sources\n", "## Sources\n" + "x" * (WIDTH + 1) + "\n"),
        "white space": replace(leak, "## Sources\n", "## Sources \n"),
        "HTML": replace(leak, "## Sources\n", "## Sources\n<b>RFC</b>\n"),
        "control character": replace(leak, "## Sources\n", "## Sources\n\x1b[1m\n"),
        "no UTF-8": lambda copy: (copy / leak).write_bytes((copy / leak).read_bytes() + b"\xff\n"),
        "see: to nowhere": replace(reset, "see: RST", "see: RSTX"),
        "findings: to nowhere": replace(reset, "findings: rst-abort", "findings: rst-abrupt"),
        "no also:": lambda copy: (copy / reset).write_text(
            re.sub(r"^also: .*\n", "", (copy / reset).read_text(encoding="utf-8"), flags=re.M), encoding="utf-8"),
        "no see:": replace(reset, "\nsee: ", "\nSee also "),
    }
    # In "no command" the first of several commands would leave others: make it the only one.
    def no_command(copy):
        file = copy / leak
        file.write_text(re.sub(r"^    ", "", file.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")
    faults["no command"] = no_command

    rule = """const LaRule la_rule_close_wait_leak = {
      .code = "close-wait-leak", .severity = LA_SEVERITY_ERROR,
      .thresholds = {{"close-wait-leak", LA_UNIT_SECONDS, 60 * LA_SEC, "how long"}},
    };
    static bool decide(void) { la_finding_add_span(ret, "held_s", 1); ret->blame = LA_BLAME_CLIENT_APPLICATION; }
    """
    rule_faults = {
        "": ("", ""),  # as it stands it is right
        "code: severity": ("SEVERITY_ERROR", "SEVERITY_NOTE"),
        "code: default": ("60 * LA_SEC", "61 * LA_SEC"),
        "code: threshold called otherwise": ('{"close-wait-leak"', '{"held"'),
        "code: unit": ("LA_UNIT_SECONDS", "LA_UNIT_COUNT"),
        "code: threshold unexplained": ('"how long"}', '"how long"}, {"close-wait-leak.more", LA_UNIT_COUNT, 3, "how many"}'),
        "code: fact unexplained": ('"held_s"', '"kept_s"'),
        "code: blame unexplained": ("CLIENT_APPLICATION", "NETWORK"),
    }

    def with_rule(old, new):
        def change(copy):
            folder = copy / "src" / "diagnose" / "rules"
            folder.mkdir(parents=True)
            (folder / "close-wait-leak.c").write_text(rule.replace(old, new), encoding="utf-8")
        return change

    missed = []
    clean, _, _ = check(root, catalogue=False)
    if clean:
        print("\n".join(clean))
        print("self-test: the texts themselves have problems")
        return 1
    for name, (old, new) in rule_faults.items():
        faults[name] = with_rule(old, new)
    for name, change in faults.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            shutil.copytree(root / "man" / "findings", copy / "man" / "findings")
            shutil.copytree(root / "man" / "words", copy / "man" / "words")
            change(copy)
            lines, _, _ = check(copy)
            if (name == "") == bool(lines):
                missed.append(name or "a right rule is taken for a wrong one: " + lines[0])
    for name in missed:
        print(f"self-test: not noticed: {name}")
    print(f"self-test: {len(faults) - len(missed)} of {len(faults)} faults noticed")
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(description="Checks the texts of lastack explain and the catalogue of findings.")
    parser.add_argument("repo", type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--texts-only", action="store_true", help="do not compare with the code")
    options = parser.parse_args()
    if options.self_test:
        return self_test(options.repo)
    lines, texts, compared = check(options.repo, catalogue=not options.texts_only)
    for line in lines:
        print(line)
    print(f"{len(texts)} findings explained, {compared} compared with their code, {len(lines)} problems")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
