"""Reads lastack's NDJSON: every record is validated against the JSON Schema, and by rules that hold for every capture:
the order of the records, counts that have to add up, packet numbers that have to exist."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import schema_check  # noqa: E402

try:
    import jsonschema
except ImportError:  # schema_check.py is there on every machine; this is a second opinion where it is installed
    jsonschema = None

MAX_LINE = 1 << 20
ORDER = {"finding": 0, "stats": 0, "connection": 0, "host": 1, "capture": 2, "summary": 3}


def _reject_constant(name):
    raise ValueError(f"{name} is no JSON")


def read(output, schema, run):
    """Fills `run` from the bytes of lastack's standard output; returns what is wrong as sentences."""
    problems = []
    validator = jsonschema.Draft7Validator(schema) if jsonschema else None
    last = 0
    if output and not output.endswith(b"\n"):
        problems.append("the last line has no end")
    for number, line in enumerate(output.split(b"\n")[:-1], 1):
        if len(line) > MAX_LINE:
            problems.append(f"record {number} is longer than 1 MiB")
        try:
            record = json.loads(line.decode("utf-8"), parse_constant=_reject_constant)
        except ValueError as error:
            problems.append(f"record {number} is no JSON: {error}: {line[:200]!r}")
            continue
        wrong = schema_check.errors(schema, record)
        if not wrong and validator is not None:
            wrong = [error.message for error in validator.iter_errors(record)]
        problems += [f"record {number} ({record.get('type')}) breaks the schema: {one}" for one in wrong]
        if wrong:
            continue
        if ORDER[record["type"]] < last:
            problems.append(f"record {number} ({record['type']}) stands too late")
        last = max(last, ORDER[record["type"]])
        _keep(record, run, problems)
    _check_sums(run, problems)
    return problems


def _keep(record, run, problems):
    kind = record["type"]
    if kind == "connection":
        if record["id"] in run.connections:
            problems.append(f"connection {record['id']} is there twice")
        run.connections[record["id"]] = record
        _check_connection(record, problems)
    elif kind == "host":
        run.hosts.append(record)
    elif kind == "capture":
        run.captures.append(record)
    elif kind == "summary":
        if run.summary:
            problems.append("there are two summaries")
        run.summary = record


def _check_connection(record, problems):
    name = f"connection {record['id']}"
    packets = record["to_server"]["packets"] + record["to_client"]["packets"]
    told = record["roles_from"] == "kernel"  # there before the capture: there may be no packet, and no packet for the first states
    if packets == 0 and told:
        problems += [f"{name}: has no packet, and {key}" for key in ("first_packet", "last_packet", "duration_s") if key in record]
    elif packets < 1 or record["last_packet"] - record["first_packet"] + 1 < packets:
        problems.append(f"{name}: {packets} packets do not fit between {record['first_packet']} and {record['last_packet']}")
    for direction in ("to_server", "to_client"):
        counts = record[direction]
        if any(counts[key] > counts["packets"] for key in ("syn", "fin", "rst", "retransmitted", "keepalive", "duplicate")):
            problems.append(f"{name}: {direction} counts more segments than packets: {counts}")
    for side in ("client", "server"):
        path = record["path"][side]
        final = record.get("final", {}).get(side)
        last = path[-1]["state"] if path else "CLOSED"  # an end that only refused has no step, and may be said to be CLOSED
        if path and not final:
            problems.append(f"{name}: final of the {side} is absent")
        elif final and final["state"] != last:
            problems.append(f"{name}: the path of the {side} ends in {last}, final is {final['state']}")
        for before, after in zip(path, path[1:]):
            if before["state"] == after["state"]:
                problems.append(f"{name}: {side} goes from {before['state']} to the same state")
            # A segment that crossed another may be received after it; what is only assumed was so before what is known.
            if before.get("gap") and before.get("packet", 0) > after.get("packet", before.get("packet", 0)):
                problems.append(f"{name}: {side} is {after['state']} by packet {after['packet']}, behind {before['state']} by "
                                f"packet {before['packet']}")
        for step in path:
            if told and "packet" not in step and (step.get("kernel") or step.get("gap")):
                continue
            if not record["first_packet"] <= step["packet"] <= record["last_packet"]:
                problems.append(f"{name}: a step of the {side} names packet {step['packet']}")
    for finding in record["findings"]:
        if not finding["packets"] and not told:
            problems.append(f"{name}: {finding['code']} names no packet")
    codes = [finding["code"] for finding in record["findings"]]
    if len(set(codes)) != len(codes):
        problems.append(f"{name}: a code stands twice: {codes}")


def _check_sums(run, problems):
    if run.exit in (2, 3, 70):
        return
    if not run.summary:
        problems.append("there is no summary")
        return
    for key in ("by_handshake", "by_teardown"):
        if sum(run.summary[key].values()) != run.summary["connections"]:
            problems.append(f"summary: {key} does not add up to {run.summary['connections']}: {run.summary[key]}")
    if run.summary["connections"] != len(run.connections):
        problems.append(f"summary: {run.summary['connections']} connections, but {len(run.connections)} records")
    for capture in run.captures:
        total = capture["tcp_segments"] + sum(capture["skipped"].values())
        if capture["packets"] != total:
            problems.append(f"capture: {capture['packets']} packets, but segments and skipped make {total}")
    frames = sum(capture["packets"] for capture in run.captures)
    everywhere = [(f"connection {one['id']}", one) for one in run.connections.values()]
    everywhere += [("a host", host) for host in run.hosts] + [("the capture", capture) for capture in run.captures]
    for name, record in everywhere:
        for finding in record["findings"]:
            if any(not 1 <= packet <= frames for packet in finding["packets"]):
                problems.append(f"{name}: {finding['code']} names packets that do not exist: {finding['packets']}")
