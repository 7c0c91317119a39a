#!/usr/bin/env python3
"""The expectation language: every word holds on a record that fits it and fails on one that does not."""
import copy
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import expect  # noqa: E402
import records  # noqa: E402
import run_traces  # noqa: E402
from test_schema_check import CONNECTION  # noqa: E402

LEAK = {"code": "close-wait-leak", "severity": "error", "blame": "server-application", "confidence": "likely", "packets": [6, 7],
        "at": "2026-11-21T02:00:00.020000000Z", "summary": "had not closed 312 s later", "facts": {"held_s": 312.0}}


def make_run():
    first = copy.deepcopy(CONNECTION)
    second = copy.deepcopy(CONNECTION)
    second.update(id=2, findings=[LEAK])
    second["path"]["client"] = [{"state": state, "packet": 1, "at_s": 0} for state in ("SYN_SENT", "ESTABLISHED")]
    host = {"subject": {"kind": "source", "ip": "192.0.2.1"}, "findings": [dict(LEAK, code="port-scan")]}
    capture = {"packets": 3, "quality": {"kernel_drops": None}, "findings": [dict(LEAK, code="capture-loss")]}
    return expect.Run(connections={1: first, 2: second}, hosts=[host], captures=[capture], summary={"connections": 2}, exit=4,
                      stderr="cut off")


class Language(unittest.TestCase):
    def holds(self, text):
        return expect.check(expect.parse(1, text), make_run()) is None

    def test_what_holds(self):
        for text in ["= connections 2", "= handshake complete", "= teardown open|fin", "= first none", "= server -",
                     "=2 client SYN_SENT ESTABLISHED", "=2 client SYN_SENT ESTABLISHED!", "= quiet", "= only still-open",
                     "= finding still-open severity=note packets=3 fact idle_s>=1 fact idle_s<2", "=2 finding close-wait-leak", "=2 finding still-open|close-wait-leak",
                     "=2 finding close-wait-leak blame=network|server-application summary~'312 s' confidence=likely packets~7",
                     "= no close-wait-leak rst-abort", "=* no rst-abort", "= field to_server.retransmitted 0",
                     "= field duration_s >= 0.02", "= field path.client.0.packet 1", "= field path.client.-1.state SYN_SENT",
                     "= absent handshake.packets.fin", "= absent path.server.0", "= host port-scan subject~192.0.2.1", "= no-host syn-flood",
                     "= capture capture-loss", "= no-capture midstream", "= capture-field packets 3",
                     "= capture-field quality.kernel_drops null", "= summary-field connections 2", "= exit 4", "= stderr off$",
                     "= field app_error.server EPIPE", "= capture-absent start", "=2 finding close-wait-leak count=1",
                     "=2 finding close-wait-leak no-fact closed_after_s severity=error", "= finding still-open no-fact held_s fact idle_s>=1"]:
            with self.subTest(text):
                self.assertTrue(self.holds(text), expect.check(expect.parse(1, text), make_run()))

    def test_what_fails(self):
        for text in ["= connections 1", "= handshake refused", "= teardown fin", "= first client", "= server ESTABLISHED",
                     "=2 client SYN_SENT", "=2 client SYN_SENT ESTABLISHED?", "= client SYN_SENT", "=2 quiet", "= only",
                     "= only still-open midstream", "= finding close-wait-leak", "= finding still-open severity=error",
                     "= finding still-open packets=3,4", "= finding still-open packets~4", "= finding still-open fact idle_s>2",
                     "= finding still-open fact held_s>0", "=2 finding close-wait-leak summary~311", "=2 no close-wait-leak",
                     "=* no close-wait-leak", "= field to_server.retransmitted 1", "= field nothing 1", "= absent duration_s", "=3 quiet",
                     "= host syn-flood", "= no-host port-scan", "= capture midstream", "= no-capture capture-loss",
                     "= capture-field packets 4", "= summary-field connections 1", "= exit 0", "= stderr ^off",
                     "= field app_error.client EPIPE", "=2 finding close-wait-leak count=2", "=2 finding close-wait-leak no-fact held_s",
                     "=2 finding close-wait-leak no-fact closed_after_s severity=note", "= finding rst-abort no-fact held_s"]:
            with self.subTest(text):
                self.assertFalse(self.holds(text))

    def test_mistakes(self):
        for text in ["=", "= quite", "= handshake", "= quiet please", "=2 connections 1", "= finding a b", "= finding a colour=red",
                     "= field x", "= summary~'", "= no", "= finding a no-fact", "= finding a no-fact held_s>1"]:
            with self.subTest(text), self.assertRaises(expect.Mistake):
                expect.parse(1, text)


class Runner(unittest.TestCase):
    def run_folder(self, files):
        """The exit code and output of the runner over a folder; its programs are /bin/false and never reached."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                pathlib.Path(folder, name).write_text(text, encoding="utf-8")
            schema = pathlib.Path(__file__).parents[2] / "src/report/lastack-1.schema.json"
            done = subprocess.run([sys.executable, run_traces.__file__, "--lastack", "false", "--la-trace", "false", "--schema", schema,
                                   folder], capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout

    def test_folder_without_a_trace_fails(self):
        code, output = self.run_folder({"README.md": "nothing"})
        self.assertEqual((code, "there is no trace" in output), (1, True))

    def test_trace_without_an_expectation_fails(self):
        code, output = self.run_folder({"a.trace": "C = 192.0.2.1:1\n# = quiet\n"})
        self.assertEqual((code, "expects nothing" in output), (1, True))

    def test_mistake_in_an_expectation_fails(self):
        code, output = self.run_folder({"a.trace": "C = 192.0.2.1:1\n= quite\n"})
        self.assertEqual((code, "line 2: unknown expectation" in output), (1, True))

    def test_failing_tool_fails(self):
        self.assertEqual(self.run_folder({"a.trace": "= quiet\n"})[0], 1)


class Records(unittest.TestCase):
    """Rules for any capture: each damage is found."""

    SUMMARY = {"type": "summary", "schema": "lastack/1", "connections": 1, "by_handshake": {"complete": 1}, "by_teardown": {"open": 1},
               "by_finding": {}}
    CAPTURE = {"type": "capture", "schema": "lastack/1", "file": 1, "path": "x", "packets": 4, "tcp_segments": 4, "connections": 1,
               "link_types": ["RAW"], "truncated": False, "vantage": "unknown", "findings": [],
               "skipped": {key: 0 for key in ("not_tcp", "not_ip", "malformed", "fragment", "cut_short", "not_selected")},
               "quality": {"missed_segments": 0, "duplicate_packets": 0, "one_way_connections": 0, "kernel_drops": None,
                           "time_went_back": 0}}

    def problems(self, change=None, order=(0, 1, 2), tail=b""):
        whole = [copy.deepcopy(CONNECTION), copy.deepcopy(self.CAPTURE), copy.deepcopy(self.SUMMARY)]
        whole[0].update(last_packet=4, path={"client": [{"state": "ESTABLISHED", "packet": 1, "at_s": 0}], "server": []})
        if change:
            change(*whole)
        output = "".join(expect.json.dumps(whole[index]) + "\n" for index in order).encode()
        schema = expect.json.loads((pathlib.Path(__file__).parents[2] / "src/report/lastack-1.schema.json").read_text(encoding="utf-8"))
        return records.read(output + tail, schema, expect.Run())

    def test_good(self):
        self.assertEqual(self.problems(), [])

    def test_damage(self):
        def edit(which, path, value):
            def change(*whole):
                node = whole[which]
                for part in path[:-1]:
                    node = node[part]
                node[path[-1]] = value
            return change
        for change in [edit(0, ["last_packet"], 2), edit(0, ["to_server", "syn"], 3), edit(0, ["path", "client"], []),
                       edit(0, ["final", "client", "state"], "CLOSED"), edit(0, ["path", "client", 0, "packet"], 9),
                       edit(0, ["findings", 0, "packets"], []), edit(0, ["findings", 0, "packets"], [5]), edit(1, ["tcp_segments"], 3),
                       edit(2, ["connections"], 2), edit(2, ["by_teardown"], {"open": 2}), edit(0, ["final"], {}),
                       edit(0, ["path", "client"], [{"state": "CLOSE_WAIT", "packet": 2, "at_s": 0, "gap": True},
                                                    {"state": "ESTABLISHED", "packet": 1, "at_s": 0}])]:
            self.assertNotEqual(self.problems(change), [])

    def test_order_and_form(self):
        for more in [{"order": (1, 0, 2)}, {"order": (0, 0, 1, 2)}, {"order": (0, 1)}, {"order": (0, 1, 2, 2)}, {"tail": b"{}"},
                     {"tail": b"not json\n"}, {"tail": b'{"type":NaN}\n'}]:
            self.assertNotEqual(self.problems(**more), [], more)


if __name__ == "__main__":
    unittest.main()
