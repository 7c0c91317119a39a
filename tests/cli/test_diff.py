#!/usr/bin/env python3
"""lastack diff: two runs, from captures and from stored results, and what it answers to CI."""
import json
import os
import sys

import cli
from cli import ACK, FIN, PSH, RST, SYN, CliTest, clean_connection, pcap, segment

ROOT = os.getcwd()
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))


def leaked_connection(port, server=8888):
    """The server acknowledges the FIN and does nothing."""
    ports = (port, server)
    return [segment(*step, ports=ports) for step in (
        (0, SYN, 100, 0, b""), (1, SYN | ACK, 300, 101, b""), (0, ACK, 101, 301, b""), (0, PSH | ACK, 101, 301, b"ping"),
        (1, PSH | ACK, 301, 105, b"pong!"), (0, FIN | ACK, 105, 306, b""), (1, ACK, 306, 106, b""))]


def aborted_connection(port):
    """The client sends a RST in place of a FIN."""
    return clean_connection(port)[:5] + [segment(0, RST | ACK, 105, 306, ports=(port, 8888))]


def capture(*connections):
    """Connections one after the other, packets a millisecond apart, and one of another kind 300 s later: so long was observed."""
    records, tick = [], 0
    for connection in connections:
        for frame in connection:
            records.append(cli.pcap_record(frame, tick // 1000, fraction=tick % 1000 * 1000))
            tick += 1
    records.append(cli.pcap_record(b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\6" + bytes(28), 300 + tick // 1000))
    return cli.pcap_header() + b"".join(records)


class Diff(CliTest):
    def setUp(self):
        super().setUp()
        self.file("good.pcap", capture(*[clean_connection(40000 + i) for i in range(20)]))
        self.file("bad.pcap", capture(*[(leaked_connection if i < 5 else clean_connection)(40000 + i) for i in range(20)]))

    def stored(self, path):
        name = path + ".ndjson"
        self.file(name, self.run_lastack("-o", "ndjson", path).out)
        return name

    def records(self, code, *args):
        result = self.expect(code, "diff", "-o", "ndjson", *args)
        return [json.loads(line) for line in result.out.splitlines()]

    def test_regression(self):
        result = self.expect(1, "diff", "good.pcap", "bad.pcap")
        self.assertIn("1 regression", result.text)
        self.assertRegex(result.text, r"WORSE +error +close-wait-leak +new +0 of 20 \(0%\) -> 5 of 20 \(25%\)")
        self.assertIn("SYN to SYN-ACK", result.text)
        self.assertEqual(result.message, "")
        command = [line for line in result.text.splitlines() if line.startswith("  lastack ")][0]
        self.assertIn("bad.pcap -Y", command)
        expression = command.split("'")[1]
        summary = self.expect(0, "-o", "ndjson", "-Y", expression, "bad.pcap").records("summary")[0]
        self.assertEqual(summary["connections"], 5)

    def test_the_other_way_round_is_better(self):
        result = self.expect(0, "diff", "bad.pcap", "good.pcap")
        self.assertIn("no regression", result.text)
        self.assertRegex(result.text, r"close-wait-leak +gone")
        self.assertIn("no regression", self.expect(0, "diff", "good.pcap", "good.pcap").text)

    def test_stored_results_say_the_same_as_captures(self):
        expected = self.records(1, "good.pcap", "bad.pcap")
        for before, after in ((self.stored("good.pcap"), "bad.pcap"), ("good.pcap", self.stored("bad.pcap")),
                              (self.stored("good.pcap"), self.stored("bad.pcap"))):
            got = self.records(1, before, after)
            self.assertEqual(got[:-1], expected[:-1])
            self.assertEqual(got[-1]["regressions"], 1)
        with open(os.path.join(self.dir, self.stored("bad.pcap")), "rb") as f:
            piped = self.expect(1, "diff", "good.pcap", "-", stdin=f.read())
        self.assertIn("1 regression", piped.text)
        with open(os.path.join(self.dir, "bad.pcap"), "rb") as f:
            piped = self.expect(1, "diff", "good.pcap", "-", stdin=f.read())
        self.assertIn("1 regression", piped.text)

    def test_records_match_the_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema")
        with open(os.path.join(ROOT, "src", "report", "lastack-1.schema.json"), encoding="utf-8") as f:
            schema = json.load(f)
        self.file("other.pcap", capture(*[leaked_connection(40000 + i, server=9000) for i in range(3)]))
        kinds = set()
        for args in (("good.pcap", "bad.pcap"), ("good.pcap", "other.pcap"), ("--map", ":1=:2", "good.pcap", "other.pcap")):
            for record in self.records(1, *args):
                jsonschema.validate(record, schema)
                kinds.add((record["type"], record.get("compared")))
        self.assertEqual(kinds, {("diff", True), ("diff", False), ("diff_summary", None)})

    def test_chance(self):
        """2 of 200 where none was before raises no alarm; 20 of 200 do."""
        self.file("many.pcap", capture(*[clean_connection(40000 + i) for i in range(200)]))
        self.file("two.pcap", capture(*[(aborted_connection if i < 2 else clean_connection)(40000 + i) for i in range(200)]))
        self.file("twenty.pcap", capture(*[(aborted_connection if i < 20 else clean_connection)(40000 + i) for i in range(200)]))
        result = self.expect(0, "diff", "many.pcap", "two.pcap")
        self.assertRegex(result.text, r"new +0 of 200 \(0%\) -> 2 of 200 \(1.0%\)  p = 0.25, may be chance")
        self.assertIn("regression", self.expect(1, "diff", "many.pcap", "twenty.pcap").text)

    def test_services(self):
        self.file("moved.pcap", capture(*[leaked_connection(40000 + i, server=9000) for i in range(20)]))
        result = self.expect(1, "diff", "good.pcap", "moved.pcap")  # the only one of each
        self.assertIn("198.51.100.7:9000 (was 198.51.100.7:8888)", result.text)
        self.assertIn("nothing was compared", self.expect(1, "diff", "--map", ":8888=:1", "good.pcap", "moved.pcap").text)
        self.file("both.pcap", capture(*[leaked_connection(40000 + i, server=9000 + i % 2) for i in range(20)]))
        result = self.expect(1, "diff", "good.pcap", "both.pcap")
        self.assertIn("nothing was compared", result.text)
        result = self.expect(1, "diff", "--map", ":8888=:9001", "good.pcap", "both.pcap")
        self.assertRegex(result.text, "close-wait-leak +new +0 of 20 .0%. -> 10 of 10 .100%.")
        self.assertIn("only after, not compared: 198.51.100.7:9000 (10 connections)", result.text)

    def test_selection(self):
        for after in ("bad.pcap", self.stored("bad.pcap")):
            records = self.records(0, "-Y", "teardown == fin", "good.pcap", after)
            self.assertEqual([records[-1][side]["connections"] for side in ("before", "after")], [20, 15])
        self.expect(2, "diff", "-Y", "teardwn == fin", "good.pcap", "bad.pcap")
        self.assertIn("nothing was compared", self.expect(1, "diff", "-Y", "false", "good.pcap", "bad.pcap").text)

    def test_how_severe(self):
        self.file("aborts.pcap", capture(*[aborted_connection(40000 + i) for i in range(20)]))
        records = self.records(1, "good.pcap", "aborts.pcap")
        worst = {f["code"]: f["severity"] for f in records[0]["findings"] if f["regression"]}
        self.assertEqual(set(worst.values()), {"warning"}, records)
        self.expect(0, "diff", "--fail-on", "error", "good.pcap", "aborts.pcap")
        self.expect_line(2, "diff", "--fail-on", "fatal", "good.pcap", "aborts.pcap", words=("fatal",))

    def test_policy(self):
        self.file("allow", b"[allow close-wait-leak]\nwhere = state == CLOSE_WAIT\n")
        self.file("elsewhere", b"[allow close-wait-leak]\nwhere = server.port == 1\n")
        self.file("aborts.pcap", capture(*[aborted_connection(40000 + i) for i in range(20)]))
        self.file("forbid", b"[policy]\nforbid = rst-unread-data, rst-abort\n")
        for after in ("bad.pcap", self.stored("bad.pcap")):
            self.assertIn("5 findings suppressed by allow", self.expect(0, "diff", "--policy", "allow", "good.pcap", after).text)
            self.assertNotIn("suppressed", self.expect(1, "diff", "--policy", "elsewhere", "good.pcap", after).text)
        for after in ("aborts.pcap", self.stored("aborts.pcap")):
            self.expect(0, "diff", "--policy", "elsewhere", "good.pcap", after)  # it fails errors
            self.expect(1, "diff", "--policy", "forbid", "good.pcap", after)
        self.expect(2, "diff", "--policy", "nowhere", "good.pcap", "bad.pcap")

    def test_verbose_shows_what_has_not_changed(self):
        self.assertNotIn("close-wait-leak", self.expect(0, "diff", "bad.pcap", "bad.pcap").text)
        self.assertRegex(self.expect(0, "diff", "-v", "bad.pcap", "bad.pcap").text, r"close-wait-leak +same +5 of 20")

    def test_bad_input(self):
        self.expect_line(2, "diff", words=("BEFORE AFTER",))
        self.expect_line(2, "diff", "good.pcap", words=("BEFORE AFTER",))
        self.expect_line(3, "diff", "good.pcap", "nowhere.pcap", words=("nowhere.pcap",))
        self.expect_line(3, "diff", "good.pcap", ".", words=(".",))
        self.file("text", b"hello\n")
        self.expect_line(3, "diff", "text", "good.pcap", words=("text",))
        self.file("other.json", b'{"a": 1}\n')
        self.expect_line(3, "diff", "other.json", "good.pcap", words=("other.json:1",))
        self.expect_line(2, "diff", "--map", "80", "good.pcap", "bad.pcap", words=("--map",))
        self.expect_line(2, "diff", "-o", "junit", "good.pcap", "bad.pcap", words=("junit",))
        self.expect_line(6, "diff", "-o", "text:nowhere/x", "good.pcap", "good.pcap", words=("nowhere",))
        self.expect(2, "diff", "-q", "good.pcap", "bad.pcap")

    def test_cut_off(self):
        with open(os.path.join(self.dir, "good.pcap"), "rb") as f:
            data = f.read()
        self.file("cut.pcap", data[:-10])
        self.expect(4, "diff", "good.pcap", "cut.pcap")
        self.expect(4, "diff", "good.pcap", self.stored("cut.pcap"))
        self.expect(0, "diff", "--allow-truncated", "good.pcap", "cut.pcap")
        with open(os.path.join(self.dir, "bad.pcap"), "rb") as f:
            self.file("cut.pcap", f.read()[:-10])
        self.expect(1, "diff", "good.pcap", "cut.pcap", "--threshold", "close-wait-leak=50ms")
        with open(os.path.join(self.dir, self.stored("good.pcap")), "rb") as f:
            stored = f.read()
        self.file("cut.ndjson", stored[: stored.index(b"\n") + 40])
        self.expect_line(4, "diff", "cut.ndjson", "good.pcap", words=("cut.ndjson:2",))


if __name__ == "__main__":
    cli.main()
