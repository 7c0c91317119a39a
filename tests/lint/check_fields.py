#!/usr/bin/env python3
"""check_fields.py ROOT LASTACK [--self-test]: what expressions can name and what there is are the same.

Every leaf of the connection record in src/report/lastack-1.schema.json is a field of `lastack help fields` (and, but for the short names, the
other way round), each fact that a rule adds is a line of src/select/facts.def, and each name of a documented short form exists.
Exit status 1 when anything is missing. With --self-test, copies with one name less must be noticed.
"""

import json
import pathlib
import re
import subprocess
import sys

# Constant through a record, or the open list of facts, which facts.def closes.
NOT_FIELDS = {"type", "schema", "host", "run_id", "written", "findings.facts"}
SHORT = {"ip", "port", "duration", "handshake", "teardown", "app_error", "state", "finding", "severity", "blame", "confidence", "subject.kind"}
KINDS = {"count": "NUMBER", "span": "SPAN", "time": "TIME", "ratio": "RATIO", "word": "TEXT", "addr": "ADDRESS"}


def leaves(schema, node, path, seen=()):
    """The paths of all values below a schema; arrays add nothing."""
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        if name in seen:
            return set()
        return leaves(schema, schema["definitions"][name], path, seen + (name,))
    if node.get("type") == "array" or "items" in node:
        return leaves(schema, node["items"], path, seen)
    if "properties" in node:
        found = set()
        for name, child in node["properties"].items():
            found |= leaves(schema, child, path + [name], seen)
        return found
    return {".".join(path)}


def facts_added(root):
    """{name: kind} of what rules and reports add."""
    found = {}
    for source in sorted((root / "src").rglob("*.c")):
        text = source.read_text(encoding="utf-8")
        names = dict(re.findall(r"#define\s+(\w+)\s+\"(\w+)\"", text))
        for kind, argument in re.findall(r"\bla_finding_add_(count|span|time|ratio|word|addr)\(\s*[^;,]+,\s*(\"\w+\"|\w+)\s*,", text):
            if argument.startswith('"'):
                found[argument.strip('"')] = kind
            elif argument in names:
                found[names[argument]] = kind
            elif argument != "const":
                for name in re.findall(r"\"([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\"", text):
                    if name.endswith(("_s", "_bytes")):
                        found.setdefault(name, kind)
    return found


def check(schema, listed, facts, added):
    problems = []
    wanted = leaves(schema, schema["definitions"]["connection"], []) - NOT_FIELDS
    fields = {name for name in listed if not name.startswith("findings.facts.")}
    problems += [f"{name} is in the record and no field" for name in sorted(wanted - fields)]
    problems += [f"{name} is a field and not in the record" for name in sorted(fields - wanted - SHORT)]
    problems += [f"{name} is documented and no field" for name in sorted(SHORT - fields)]
    for name, kind in sorted(added.items()):
        type_of = "BYTES" if name.endswith("_bytes") and kind == "count" else KINDS[kind]
        if facts.get(name) != type_of:
            problems.append(f"facts.def: LA_FACT_FIELD({name}, {type_of}) is missing")
    problems += [f"facts.def: no rule adds {name}" for name in sorted(set(facts) - set(added))]
    problems += [f"{name} is in facts.def and no field" for name in sorted(facts) if f"findings.facts.{name}" not in listed]
    return problems


def main():
    root, lastack = pathlib.Path(sys.argv[1]), sys.argv[2]
    schema = json.loads((root / "src/report/lastack-1.schema.json").read_text(encoding="utf-8"))
    shown = subprocess.run([lastack, "help", "fields"], check=True, capture_output=True, text=True).stdout
    listed = set(re.findall(r"^([a-z][a-z0-9_.]*) +[a-z]+(?: \(\w+\))?(?: |$)", shown, flags=re.M)) - {"field"}
    facts = dict(re.findall(r"^LA_FACT_FIELD\((\w+), (\w+)\)$", (root / "src/select/facts.def").read_text(encoding="utf-8"), flags=re.M))
    added = facts_added(root)
    problems = check(schema, listed, facts, added)
    if "--self-test" in sys.argv:
        for name in ("duration_s", "final.client.state", "ip", "findings.facts.held_s", "findings.blame_also"):
            if not check(schema, listed - {name}, facts, added):
                problems.append(f"self-test: a missing {name} was not noticed")
        if not check(schema, listed | {"nonsense"}, facts, added) or not check(schema, listed, facts, {**added, "nonsense_s": "span"}):
            problems.append("self-test: a name too much was not noticed")
        if not check(schema, listed, {k: v for k, v in facts.items() if k != "held_s"}, added):
            problems.append("self-test: a missing fact was not noticed")
    if len(facts) < 80 or len(listed) < 150:
        problems.append("too little was found: is this the right program?")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
