#!/usr/bin/env python3
"""The validator of the tests, and the schema itself: a good record passes, each damage to it is found; where the jsonschema package is
installed both have to agree."""
import copy
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import schema_check  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "src/report/lastack-1.schema.json").read_text(encoding="utf-8"))
DIRECTION = {"packets": 2, "payload_bytes": 0, "syn": 1, "fin": 0, "rst": 0, "retransmitted": 0, "keepalive": 0, "duplicate": 0}
FINDING = {"code": "still-open", "severity": "note", "blame": "none", "confidence": "certain", "packets": [3],
           "at": "2026-11-21T02:00:00.020000000Z", "summary": "still open when the capture ended", "facts": {"idle_s": 1.5}}
CONNECTION = {
    "type": "connection", "schema": "lastack/1", "id": 1, "file": 1, "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
    "client": {"ip": "192.0.2.10", "port": 40001}, "server": {"ip": "2001:db8::1", "port": 8888}, "roles_from": "syn",
    "encapsulation": ["vlan:10", "gre", "gre:7"], "first_packet": 1, "last_packet": 3, "start": "2026-11-21T02:00:00.000000000Z",
    "duration_s": 0.02, "to_server": DIRECTION, "to_client": DIRECTION,
    "handshake": {"result": "complete", "packets": {"syn": 1, "syn_ack": 2, "ack": 3}, "syn_sent": 1, "syn_ack_sent": 1,
                  "syn_to_syn_ack_s": 0.01, "client_options": {"mss": 1460, "window_scale": 7, "sack": True, "timestamps": True,
                                                               "fast_open": None}},
    "teardown": {"result": "open", "first": "none", "packets": {}}, "app_error": {"client": None, "server": "EPIPE"},
    "final": {"client": {"state": "ESTABLISHED", "certain": True}},
    "path": {"client": [{"state": "SYN_SENT", "packet": 1, "at_s": 0.0, "proved_by": 1}], "server": []},
    "ended_by": "capture-end", "findings": [FINDING], "a_field_added_later": 1,
}


def damaged(path, value=None, remove=False):
    """A copy of CONNECTION with one place changed."""
    record = copy.deepcopy(CONNECTION)
    node = record
    for part in path[:-1]:
        node = node[part]
    if remove:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return record


class Schema(unittest.TestCase):
    def verdict(self, record):
        wrong = bool(schema_check.errors(SCHEMA, record))
        if jsonschema:
            self.assertEqual(wrong, bool(list(jsonschema.Draft7Validator(SCHEMA).iter_errors(record))), record)
        return wrong

    def test_good_record(self):
        self.assertEqual(schema_check.errors(SCHEMA, CONNECTION), [])
        self.assertFalse(self.verdict(CONNECTION))

    def test_damage_is_found(self):
        for path, value in [
                (["schema"], "lastack/2"), (["type"], "link"), (["id"], 0), (["id"], "1"), (["id"], True), (["client", "port"], 65536),
                (["client", "ip"], "host.example"), (["start"], "2026-11-21 02:00:00"), (["encapsulation"], ["vlan"]),
                (["handshake", "result"], "half-open"), (["teardown", "first"], None), (["app_error", "client"], "EINTR"),
                (["final", "client", "state"], "SYN_RECV"), (["final", "client", "certain"], "yes"), (["path", "server"], None),
                (["path", "client", 0, "packet"], 0), (["findings", 0, "code"], "Still Open"), (["findings", 0, "packets"], [1.5]),
                (["findings", 0, "packets"], list(range(1, 34))), (["findings", 0, "facts"], {"a": {}}), (["findings", 0, "summary"], ""),
                (["duration_s"], -1), (["to_server", "packets"], -1), (["community_id"], "2:x"), (["ended_by"], "fin"),
                (["handshake", "client_options", "mss"], 70000), (["to_client"], [])]:
            with self.subTest(path=path, value=value):
                self.assertTrue(self.verdict(damaged(path, value)))

    def test_missing_is_found(self):
        for path in [["id"], ["schema"], ["type"], ["ended_by"], ["teardown", "result"], ["to_server", "keepalive"], ["path", "client"],
                     ["findings", 0, "confidence"], ["app_error", "server"], ["final", "client", "state"]]:
            with self.subTest(path=path):
                self.assertTrue(self.verdict(damaged(path, remove=True)))

    def test_only_what_the_kernel_told_needs_no_packet(self):
        silent = copy.deepcopy(CONNECTION)
        silent.update(roles_from="kernel", findings=[], ended_by="gone")
        for key in ("first_packet", "last_packet", "duration_s"):
            del silent[key]
        silent["to_server"] = silent["to_client"] = dict(DIRECTION, packets=0)
        silent["path"] = {"client": [{"state": "ESTABLISHED", "at_s": 0, "gap": True}],
                          "server": [{"state": "ESTABLISHED", "at_s": 0, "kernel": True}]}
        self.assertFalse(self.verdict(silent))
        self.assertTrue(self.verdict(dict(silent, roles_from="port")))
        self.assertTrue(self.verdict(dict(silent, to_client=dict(DIRECTION, packets=1))))
        self.assertTrue(self.verdict(dict(silent, path={"client": [{"state": "ESTABLISHED", "at_s": 0}], "server": []})))
        for key in ("first_packet", "last_packet", "duration_s"):
            self.assertTrue(self.verdict(damaged([key], remove=True)), key)

    def test_other_records(self):
        host = {"type": "host", "schema": "lastack/1", "subject": {"kind": "pair", "client": {"ip": "192.0.2.1"},
                                                                   "server": {"ip": "192.0.2.2", "port": 1}}, "findings": [FINDING]}
        self.assertFalse(self.verdict(host))
        self.assertTrue(self.verdict(dict(host, subject={"kind": "service", "ip": "192.0.2.1"})))
        self.assertTrue(self.verdict(dict(host, findings=[])))
        summary = {"type": "summary", "schema": "lastack/1", "connections": 1, "by_handshake": {"complete": 1}, "by_teardown": {},
                   "by_finding": {}}
        self.assertFalse(self.verdict(summary))
        self.assertTrue(self.verdict(dict(summary, by_finding={"still-open": -1})))
        live = {"type": "finding", "schema": "lastack/1", "event": "raised", "key": "1/still-open", "finding": FINDING}
        self.assertFalse(self.verdict(live))
        self.assertTrue(self.verdict(dict(live, event="seen")))

    def test_unknown_keyword_is_refused(self):
        with self.assertRaises(ValueError):
            schema_check.errors({"oneOf": []}, 1)


if __name__ == "__main__":
    unittest.main()
