#!/usr/bin/env python3
"""Captures whose packets have no times (pcapng's simple packet blocks), alone and mixed with others: no report makes one up."""
import json
import re
import struct

import cli
from cli import ACK, RST, SYN, CliTest, block, clean_connection, enhanced, interface, segment, SECTION


def simple(frame):
    return block(3, struct.pack("<I", len(frame)) + frame)


def connections():
    """Twelve that closed, twelve that a RST refused or ended: enough for rates, bursts and scans, had they times."""
    frames = []
    for i in range(12):
        frames += clean_connection(41000 + i)
        frames += [segment(0, SYN, 100, 0, ports=(42000 + i, 8888)), segment(1, RST | ACK, 0, 101, ports=(42000 + i, 8888))]
    for i in range(12):
        frames += clean_connection(43000 + i)[:5] + [segment(1, RST | ACK, 306, 105, ports=(43000 + i, 8888))]
    return frames


class Untimed(CliTest):
    def setUp(self):
        super().setUp()
        frames = connections()
        self.file("none.pcapng", SECTION + interface() + b"".join(map(simple, frames)))
        self.file("first.pcapng", SECTION + interface() + b"".join(simple(f) if i < 1 else enhanced(f, i) for i, f in enumerate(frames)))
        self.file("behind.pcapng", SECTION + interface() + b"".join(simple(f) if i % 2 else enhanced(f, i // 9) for i, f in enumerate(frames)))

    def test_no_report_makes_up_a_time(self):
        for capture in ("none.pcapng", "first.pcapng"):
            for form in ("text", "csv", "zeek", "timeline", "html", "json", "ndjson", "markdown", "tap", "github", "sarif"):
                with self.subTest(capture=capture, form=form):
                    text = self.expect(0, "-o", form, "-v", capture).text
                    self.assertNotIn("1823-", text)
                    self.assertNotIn("4611686018", text)
                    self.assertNotRegex(text, r"\b0 s\b")
            self.assertNotIn("1823-", self.expect(2, "show", capture).text)
            self.assertNotIn("1823-", self.expect(0, "show", capture, "--conn", "1", "-v").text)

    def test_text(self):
        text = re.sub(r"\s+", " ", self.expect(0, "none.pcapng").text)
        self.assertIn("its packets have no times", text)
        self.assertIn("rates and times again 0.00 % of the segments", text)
        self.assertIn("with a RST (packet 11) an unknown time after the SYN", text)
        self.assertNotIn("refused-burst", text)  # how many there were at once nobody knows

    def test_fields_are_unknown(self):
        rows = self.expect(0, "-o", "csv", "none.pcapng").text.splitlines()
        self.assertEqual({row.split(",")[rows[0].split(",").index("start")] for row in rows[1:]}, {""})
        self.assertIn("No TCP connections", self.expect(0, "-Y", "exists(start) or exists(path.client.at_s)", "none.pcapng").text)
        self.assertIn("36 connections", self.expect(0, "none.pcapng").text)

    def test_zeek(self):
        lines = self.expect(0, "-o", "zeek", "none.pcapng").text.splitlines()
        self.assertIn("#open\t-", lines)
        self.assertEqual({tuple(line.split("\t")[i] for i in (0, 8)) for line in lines if line[0] != "#"}, {("-", "-")})

    def test_timeline(self):
        self.assertEqual(len(self.expect(0, "-o", "timeline", "none.pcapng").text.splitlines()), 1)

    def test_records(self):
        document = json.loads(self.expect(0, "-o", "json", "none.pcapng").text)
        self.assertNotIn("rates", document["summary"])
        self.assertEqual(document["hosts"], [])
        for connection in document["connections"]:
            for finding in connection["findings"]:
                self.assertFalse([name for name in finding["facts"] if name.endswith("_s")], finding)

    def test_first_without_a_time(self):
        """A file that begins with a packet without a time has none: a timer that ran to the next packet would be wrong."""
        for args in ((), ("-j", "2")):
            self.assertEqual(self.expect(0, "-o", "csv", *args, "first.pcapng").out, self.expect(0, "-o", "csv", "none.pcapng").out)
        self.assertEqual(self.expect(0, "-o", "csv", "--sequence", "none.pcapng", "behind.pcapng").text.count("2026-"), 0)

    def test_behind_one_with_a_time(self):
        """They have the time of the packet before them."""
        records = self.expect(0, "-o", "ndjson", "behind.pcapng").records("connection")
        self.assertEqual(len(records), 36)
        for record in records:
            self.assertTrue(record["start"].startswith("2026-09-21T14:1"), record)


if __name__ == "__main__":
    cli.main()
