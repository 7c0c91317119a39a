#!/usr/bin/env python3
"""check_captures.py --lastack BINARY --captures DIR: reads every capture of other projects' test suites and compares the
connections, the packets, payload bytes and flags of each direction, and each file's total with DIR/expected.ndjson, which was made with tshark.

Where lastack is right and differs, DIFFERENT says so, one by one with the reason. Exit code: 1 for any other difference; 77, after
saying so, when the captures are not there.
"""
import argparse
import json
import os
import subprocess
import sys

SKIP = 77
SECONDS = 60
COUNTS = ("packets", "payload_bytes", "syn", "fin", "rst")

# Ports from here on are a client's by default (CONTRACT, `--port-range`).
EPHEMERAL = 32768

# {file: {index of the connection in expected.ndjson: ({field: value that lastack gives}, reason)}}
DIFFERENT = {
    "tcp_eight_lowest_weight_flags_set.pcap": {
        0: ({
            "roles_from": "port",
            "client": "10.0.0.2 port 6260", "server": "10.128.0.2 port 80",
            "to_server.packets": 1, "to_server.syn": 1, "to_server.fin": 1, "to_server.rst": 1,
            "to_client.packets": 0, "to_client.syn": 0, "to_client.fin": 0, "to_client.rst": 0,
        }, "one segment with all flags: with FIN and RST beside SYN and ACK it opens nothing and is no SYN-ACK (the captures' own "
           "README: no reading of it is right), so the ports decide who is the server"),
    },
}


def roles_by_port(connection):
    """expected.ndjson takes the first sender for the client when there is neither SYN nor SYN-ACK. lastack first asks the ports: the only one
    below 1024, else the only one below the ephemeral range, is the server's. This gives `connection` as that rule has it."""
    if connection["roles_from"] != "first-packet":
        return connection
    ports = connection["client"]["port"], connection["server"]["port"]
    for bound in (1024, EPHEMERAL):
        below = [port < bound for port in ports]
        if below[0] != below[1]:
            changed = dict(connection, roles_from="port")
            if below[0]:
                changed.update(client=connection["server"], server=connection["client"], to_server=connection["to_client"],
                               to_client=connection["to_server"])
            return changed
    return connection


def flat(connection):
    """The compared fields of a connection as one flat dictionary."""
    fields = {name: connection.get(name) for name in ("roles_from", "first_packet")}
    for end in ("client", "server"):
        fields[end] = "%s port %s" % (connection[end]["ip"], connection[end]["port"])
    for way in ("to_server", "to_client"):
        for count in COUNTS:
            fields["%s.%s" % (way, count)] = connection[way].get(count)
    return fields


def analyse(lastack, path):
    """(connections, capture record, what is wrong with the run itself)"""
    done = subprocess.run([lastack, "-o", "ndjson", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
    wrong = []
    if done.returncode != 0:
        wrong.append("exit code %d: %s" % (done.returncode, done.stderr.decode("utf-8", "replace").strip()))
    records = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    captures = [r for r in records if r["type"] == "capture"]
    if len(captures) != 1:
        wrong.append("%d capture records" % len(captures))
    connections = sorted((r for r in records if r["type"] == "connection"), key=lambda r: r["id"])
    return connections, captures[0] if captures else {}, wrong


def compare(expected, lastack, folder):
    """The differences of one capture, one a line."""
    name = expected["file"]
    connections, capture, wrong = analyse(lastack, os.path.join(folder, name))
    if capture.get("packets") != expected["packets"]:
        wrong.append("%s packets in the file, expected %d" % (capture.get("packets"), expected["packets"]))
    counted = capture.get("tcp_segments", 0) + sum(capture.get("skipped", {}).values())
    if counted != capture.get("packets"):
        wrong.append("tcp_segments and all of skipped make %d, not packets" % counted)
    in_connections = sum(c[way]["packets"] for c in connections for way in ("to_server", "to_client"))
    if in_connections != capture.get("tcp_segments"):
        wrong.append("the connections have %d segments, tcp_segments says %s" % (in_connections, capture.get("tcp_segments")))
    explained = DIFFERENT.get(name, {})
    if len(connections) != len(expected["connections"]):
        wrong.append("%d connections, expected %d" % (len(connections), len(expected["connections"])))
        return wrong
    for index, (got, want) in enumerate(zip(connections, expected["connections"])):
        got, want = flat(got), flat(roles_by_port(want))
        changes, reason = explained.get(index, ({}, ""))
        for field, value in changes.items():
            if want[field] == value:
                wrong.append("connection %d: %s needs no explanation (%s)" % (index, field, reason))
        want.update(changes)
        for field in want:
            if got[field] != want[field]:
                wrong.append("connection %d: %s is %s, expected %s" % (index, field, got[field], want[field]))
    return wrong


def main():
    ap = argparse.ArgumentParser(description="Compares lastack with the counts of the captures of other projects.")
    ap.add_argument("--lastack", required=True)
    ap.add_argument("--captures", required=True)
    a = ap.parse_args()
    listing = os.path.join(a.captures, "expected.ndjson")
    if not os.path.exists(listing):
        print("SKIPPED: %s is not there, so nothing was compared with other projects' captures" % listing)
        return SKIP
    with open(listing, encoding="utf-8") as f:
        expected = [json.loads(line) for line in f if line.strip()]
    bad = 0
    for entry in expected:
        wrong = compare(entry, os.path.abspath(a.lastack), a.captures)
        bad += bool(wrong)
        for line in wrong:
            print("%s: %s" % (entry["file"], line))
    for name in sorted(set(DIFFERENT) - {entry["file"] for entry in expected}):
        print("%s: is explained, but not there" % name)
        bad += 1
    explained = sum(len(v) for v in DIFFERENT.values())
    print("%d captures, %d connections: %d captures differ (%d connections with an explained difference)"
          % (len(expected), sum(len(e["connections"]) for e in expected), bad, explained))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
