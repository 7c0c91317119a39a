"""The expectation language of the traces (README.md): lines that begin with '='.

    parse(line_number, text) -> Expectation
    check(expectation, run)  -> None, or a sentence: what was expected and what came

`run` holds the records of one run of lastack: `connections` (by id), `hosts`, `captures`, `summary`, `exit`, and `stdout`
(the text report, when an expectation asks for it).
"""
import json
import operator
import re
import shlex
from dataclasses import dataclass, field

_COMPARE = {">=": operator.ge, "<=": operator.le, "!=": operator.ne, "==": operator.eq, ">": operator.gt, "<": operator.lt,
            "=": operator.eq}
_SEVERE = ("warning", "error")
ABSENT = object()


class Mistake(Exception):
    """An expectation that cannot be read."""


@dataclass
class Expectation:
    line: int
    text: str
    which: str  # connection id as text, or "*"
    verb: str
    words: list


@dataclass
class Run:
    connections: dict = field(default_factory=dict)
    hosts: list = field(default_factory=list)
    captures: list = field(default_factory=list)
    summary: dict = field(default_factory=dict)
    exit: int = 0
    stderr: str = ""


_CONNECTION_VERBS = {"handshake", "teardown", "first", "client", "server", "finding", "no", "only", "quiet", "field", "absent", "text"}
_CAPTURE_VERBS = {"connections", "host", "no-host", "capture", "no-capture", "capture-field", "capture-absent", "summary-field", "exit",
                  "stderr"}


def parse(line, text):
    match = re.fullmatch(r"=(\d+|\*)?\s+(\S.*)", text)
    if not match:
        raise Mistake("expected `= WORD ...` or `=N WORD ...`")
    try:
        words = shlex.split(match[2])
    except ValueError as error:
        raise Mistake(str(error)) from error
    verb = words.pop(0)
    if verb not in _CONNECTION_VERBS | _CAPTURE_VERBS:
        raise Mistake(f"unknown expectation `{verb}`")
    if match[1] and verb in _CAPTURE_VERBS:
        raise Mistake(f"`{verb}` is about the capture: no connection number")
    needs = {"connections": 1, "handshake": 1, "teardown": 1, "first": 1, "exit": 1, "absent": 1, "quiet": 0, "stderr": 1}
    if verb in needs and len(words) != needs[verb]:
        raise Mistake(f"`{verb}` takes {needs[verb]} word(s)")
    if verb in ("field", "capture-field", "summary-field") and len(words) < 2:
        raise Mistake(f"expected: {verb} PATH VALUE")
    if verb in ("client", "server", "no", "no-host", "no-capture", "finding", "host", "capture") and not words:
        raise Mistake(f"`{verb}` needs a word")
    expectation = Expectation(line, text, match[1] or "1", verb, words)
    if verb in ("finding", "host", "capture"):
        _read_conditions(words[1:])
    return expectation


def _value(text):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _equal(have, want):
    number = (int, float)
    if isinstance(have, number) and isinstance(want, number) and not isinstance(have, bool) and not isinstance(want, bool):
        return abs(have - want) < 1e-6
    return have == want


def _compare(have, sign, want):
    if sign in ("=", "=="):
        return _equal(have, want)
    if sign == "!=":
        return not _equal(have, want)
    try:
        return _COMPARE[sign](have, want)
    except TypeError:
        return False


def lookup(record, path):
    node = record
    for part in path.split("."):
        if isinstance(node, list) and part.lstrip("-").isdigit():
            index = int(part)
            node = node[index] if -len(node) <= index < len(node) else ABSENT
        elif isinstance(node, dict):
            node = node.get(part, ABSENT)
        else:
            return ABSENT
        if node is ABSENT:
            return ABSENT
    return node


# --- findings -------------------------------------------------------------------------------------------------------------

def _read_conditions(words):
    """severity=error, packets=6,7, packets~6 (among them), summary~REGEX, fact NAME>=VALUE, no-fact NAME, NAME=a|b."""
    conditions = []
    index = 0
    while index < len(words):
        word = words[index]
        if word == "no-fact":
            name = words[index + 1] if index + 1 < len(words) else ""
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise Mistake("expected: no-fact NAME")
            conditions.append((True, name, "absent", ""))
            index += 2
            continue
        fact = word == "fact"
        if fact:
            index += 1
            word = words[index] if index < len(words) else ""
        match = re.fullmatch(r"([A-Za-z0-9_]+)(>=|<=|!=|==|=|~|>|<)(.*)", word, re.DOTALL)
        if not match:
            raise Mistake(f"cannot read the condition `{word}`")
        if not fact and match[1] not in ("severity", "blame", "confidence", "packets", "packets_total", "summary", "at", "subject",
                                         "blame_also", "count"):
            raise Mistake(f"unknown part of a finding: `{match[1]}` (a fact needs the word `fact` before it)")
        conditions.append((fact, match[1], match[2], match[3]))
        index += 1
    return conditions


def _condition_fails(finding, condition):
    fact, name, sign, text = condition
    if fact:
        have = finding["facts"].get(name, ABSENT)
        if sign == "absent":
            return None if have is ABSENT else f"fact {name} is there: {have!r}"
        if have is ABSENT:
            return f"fact {name} is missing, there are {sorted(finding['facts'])}"
        if sign == "~":
            return None if re.search(text, str(have)) else f"fact {name} is {have!r}"
        return None if _compare(have, sign, _value(text)) else f"fact {name} is {have!r}"
    have = finding.get(name)
    if name == "packets":
        want = [int(part) for part in text.split(",") if part]
        good = all(one in have for one in want) if sign == "~" else have == want
        return None if good else f"packets are {have}"
    if sign == "~":
        return None if re.search(text, str(have)) else f"{name} is {have!r}"
    if name == "packets_total":
        return None if have is not None and _compare(have, sign, _value(text)) else f"{name} is {have!r}"
    good = str(have) in text.split("|")
    return None if good == (sign != "!=") else f"{name} is {have!r}"


def _check_finding(findings, words, where):
    code, conditions = words[0], _read_conditions(words[1:])
    same = [finding for finding in findings if finding["code"] in code.split("|")]
    if not same:
        return f"no finding {code} {where}; there are: {_codes(findings)}"
    for condition in conditions:
        if condition[1] == "count" and not condition[0] and not _compare(len(same), condition[2], int(condition[3])):
            return f"{code} stands there {len(same)} times"
    conditions = [one for one in conditions if one[0] or one[1] != "count"]
    problems = []
    for finding in same:
        wrong = [problem for problem in (_condition_fails(finding, one) for one in conditions) if problem]
        if not wrong:
            return None
        problems.append("; ".join(wrong))
    return f"{code}: " + " / ".join(problems) + f" (summary: {same[0]['summary']!r})"


def _codes(findings):
    return ", ".join(sorted(f"{one['code']}({one['severity']})" for one in findings)) or "none"


# --- connections ----------------------------------------------------------------------------------------------------------

def _check_path(connection, side, words):
    words = list(words)
    certain = None
    if words[-1][-1] in "?!":
        certain = words[-1][-1] == "!"
        words[-1] = words[-1][:-1]
    have = [step["state"] for step in connection["path"][side]]
    want = [] if words == ["-"] else words
    if have != want:
        return f"path of the {side} is {' '.join(have) or '-'}"
    final = connection.get("final", {}).get(side)
    if not want:
        good = final is None or final["state"] == "CLOSED"
        return None if good else f"the {side} has no path, but final is {final}"
    if final is None:
        return f"final.{side} is absent"
    if final["state"] != want[-1]:
        return f"final.{side}.state is {final['state']}, not the last of the path"
    if certain is not None and final["certain"] != certain:
        return f"final.{side}.certain is {str(final['certain']).lower()}"
    return None


def _check_field(record, words):
    have = lookup(record, words[0])
    rest = " ".join(words[1:])
    match = re.match(r"(>=|<=|!=|>|<|~)\s*(.*)", rest)
    sign, text = (match[1], match[2]) if match else ("=", rest)
    if have is ABSENT:
        return f"{words[0]} is absent"
    if sign == "~":
        return None if re.search(text, str(have)) else f"{words[0]} is {have!r}"
    return None if _compare(have, sign, _value(text)) else f"{words[0]} is {json.dumps(have)}"


def _check_connection(verb, words, connection):
    findings = connection["findings"]
    if verb in ("handshake", "teardown"):
        have = connection[verb]["result"]
        return None if have in words[0].split("|") else f"{verb} is {have}"
    if verb == "first":
        have = connection["teardown"]["first"]
        return None if have == words[0] else f"first is {have}"
    if verb in ("client", "server"):
        return _check_path(connection, verb, words)
    if verb == "finding":
        return _check_finding(findings, words, "on this connection")
    if verb == "no":
        there = [one for one in findings if one["code"] in words]
        return f"there is {_codes(there)}: {there[0]['summary']!r}" if there else None
    if verb == "only":
        have = {one["code"] for one in findings}
        return None if have == set(words) else f"findings are: {_codes(findings)}"
    if verb == "quiet":
        loud = [one for one in findings if one["severity"] in _SEVERE]
        return f"there is {_codes(loud)}: {loud[0]['summary']!r}" if loud else None
    if verb == "absent":
        have = lookup(connection, words[0])
        return None if have is ABSENT else f"{words[0]} is {json.dumps(have)}"
    return _check_field(connection, words)


def _check_capture(verb, words, run):
    if verb == "connections":
        return None if len(run.connections) == int(words[0]) else f"there are {len(run.connections)} connections"
    if verb == "exit":
        return None if run.exit == int(words[0]) else f"the exit code is {run.exit}"
    if verb == "stderr":
        return None if re.search(words[0], run.stderr) else f"standard error is {run.stderr!r}"
    host_findings = [dict(finding, subject=json.dumps(host["subject"])) for host in run.hosts for finding in host["findings"]]
    if verb == "host":
        return _check_finding(host_findings, words, "on a host")
    if verb == "no-host":
        there = [one for one in host_findings if one["code"] in words]
        return f"there is {_codes(there)}: {there[0]['summary']!r}" if there else None
    if verb == "summary-field":
        return _check_field(run.summary, words)
    if not run.captures:
        return "there is no capture record"
    capture = run.captures[0]
    if verb == "capture":
        return _check_finding(capture["findings"], words, "on the capture")
    if verb == "no-capture":
        there = [one for one in capture["findings"] if one["code"] in words]
        return f"there is {_codes(there)}: {there[0]['summary']!r}" if there else None
    if verb == "capture-absent":
        return None if lookup(capture, words[0]) is ABSENT else f"{words[0]} is {lookup(capture, words[0])!r}"
    return _check_field(capture, words)


def check(expectation, run):
    """None when it holds; else what came instead."""
    verb, words = expectation.verb, expectation.words
    if verb in _CAPTURE_VERBS:
        return _check_capture(verb, words, run)
    if expectation.which == "*":
        if not run.connections:
            return "there is no connection"
        chosen = list(run.connections.values())
    else:
        if int(expectation.which) not in run.connections:
            return f"there is no connection {expectation.which}, only {sorted(run.connections)}"
        chosen = [run.connections[int(expectation.which)]]
    for connection in chosen:
        problem = _check_connection(verb, words, connection)
        if problem:
            return f"connection {connection['id']}: {problem}"
    return None
