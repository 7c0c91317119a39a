#!/usr/bin/env python3
"""-Y and -w: which connections are reported, counted and written."""
import json
import os
import re
import subprocess
import unittest

import cli
from cli import ACK, FIN, RST, SYN, CliTest, clean_connection, pcap, pcapng, segment

SAMPLES = os.path.join(os.getcwd(), "samples")
UNREACHABLE = 3


def refused_connection(port):
    return [segment(0, SYN, 100, 0, ports=(port, 9999)), segment(1, RST | ACK, 0, 101, ports=(port, 9999))]


def icmp_error(quoted):
    """Port unreachable, from the server's side, with the head of a frame of the client's in it."""
    body = quoted[14:14 + 28]
    icmp = bytes([UNREACHABLE, 3, 0, 0, 0, 0, 0, 0]) + body
    total = cli.checksum(icmp)
    icmp = icmp[:2] + total.to_bytes(2, "big") + icmp[4:]
    ip = bytes([0x45, 0]) + (20 + len(icmp)).to_bytes(2, "big") + bytes([0, 7, 0x40, 0, 64, 1, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10])
    ip = ip[:10] + cli.checksum(ip).to_bytes(2, "big") + ip[12:]
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + icmp


def frames_of(result_file):
    """The packets' bytes of a pcapng file and their times, without any of lastack's own code."""
    with open(result_file, "rb") as f:
        data = f.read()
    at, frames = 0, []
    while at < len(data):
        kind, length = int.from_bytes(data[at:at + 4], "little"), int.from_bytes(data[at + 4:at + 8], "little")
        if kind == 6:
            high, low, captured = (int.from_bytes(data[at + i:at + i + 4], "little") for i in (12, 16, 20))
            frames.append(((high << 32) + low, data[at + 28:at + 28 + captured]))
        at += length
    return frames


class Where(CliTest):
    def setUp(self):
        super().setUp()
        self.file("two.pcap", pcap(clean_connection(40001) + refused_connection(40002)))

    def summary(self, expression, *args):
        result = self.expect(0, "-o", "ndjson", "-Y", expression, *args, "two.pcap")
        return result.records("summary")[0], result.records("connection")

    def test_selects_and_counts(self):
        summary, connections = self.summary("server.port == 8888")
        self.assertEqual((summary["connections"], summary["connections_total"]), (1, 2))
        self.assertEqual([c["id"] for c in connections], [1])
        self.assertNotIn("connection-refused", summary["by_finding"])
        summary, connections = self.summary("app_error == ECONNREFUSED")
        self.assertEqual([c["id"] for c in connections], [2])
        self.assertEqual(summary["by_finding"], {"connection-refused": 1})
        self.assertEqual(self.summary("true")[0]["connections"], 2)
        self.assertEqual(self.summary("id > 2")[0]["connections"], 0)

    def test_brief_and_whole_records_agree(self):
        for expression in ("state == TIME_WAIT", "id == 1 and handshake.client_options.sack == false", "teardown.first == client", "duration > 7s",
                           "exists(teardown.close_wait_s.server)", "to_server.payload_bytes == 4", "path.server.state == LAST_ACK"):
            text = self.expect(0, "-q", "-Y", expression, "-w", "out.pcapng", "two.pcap")
            self.assertEqual(text.message, "")
            self.assertEqual(len(frames_of(os.path.join(self.dir, "out.pcapng"))), 9, expression)

    def test_says_the_same_of_capture_and_record(self):
        """Each field of the list, asked of a capture and of its stored result."""
        listed = self.expect(0, "help", "fields").text
        capture = os.path.join(SAMPLES, "close-wait-leak.pcapng")
        with open(os.path.join(self.dir, "stored.ndjson"), "wb") as f:
            f.write(self.expect(0, "-o", "ndjson", capture).out)
        names = re.findall(r"^([a-z][a-z0-9_.]+) +(?:number|span|bytes|address|port|time|text|boolean|word|state|code|severity|ratio)\b", listed, re.M)
        self.assertGreater(len(names), 150)
        known = 0
        terms = [name for name in names if name != "subject.kind"]
        for some in (terms[i:i + 12] for i in range(0, len(terms), 12)):
            for joint, every in ((" or ", some), (" and ", some)):
                expression = joint.join("exists(%s)" % name for name in every)
                result = self.run_lastack("diff", "-Y", expression, "-o", "ndjson", capture, "stored.ndjson")
                last = json.loads(result.out.splitlines()[-1])
                self.assertEqual(last["before"]["connections"], last["after"]["connections"], expression)
                known += last["before"]["connections"]
        self.assertGreater(known, 5)

    def test_named(self):
        self.expect(0, "-q", "-Y", "@leaks", os.path.join(SAMPLES, "close-wait-leak.pcapng"))
        names = {name[:-len(".where")] for name in os.listdir(os.path.join(os.path.dirname(SAMPLES), "filters")) if name.endswith(".where")}
        self.assertLessEqual({"slow-handshake", "leaks", "resets", "not-clean", "long-lived"}, names)
        for name in names:
            self.expect(0, "-Y", "@" + name, "two.pcap")
        self.assertEqual([c["id"] for c in self.summary("@resets")[1]], [2])
        self.assertEqual([c["id"] for c in self.summary("@not-clean")[1]], [1, 2])  # a second for each answer
        self.expect_line(2, "-Y", "@leek", "two.pcap", words=("@leaks",))
        self.expect_line(2, "-Y", "@../filters/leaks", "two.pcap", words=("no expression",))

    def test_show(self):
        result = self.expect(0, "show", "-Y", "teardown == fin", "two.pcap")
        self.assertIn("8888", result.text)
        self.expect_line(2, "show", "-Y", "id > 0", "two.pcap", words=("2 connections",))
        self.assertIn("No TCP connections", self.expect(0, "show", "-Y", "id > 7", "two.pcap").text)
        self.expect_line(2, "show", "-Y", "id == 1", "--conn", "2", "two.pcap", words=("-Y",))

    def test_mistake(self):
        result = self.expect(2, "-Y", "id == 1 and srever.port == 5", "two.pcap")
        self.assertEqual(result.out, b"")
        lines = result.message.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("'server.port'", lines[0])
        self.assertIn("column 13", lines[0])
        self.assertEqual(lines[2].index("^"), lines[1].index("srever"))
        # before any file is read
        self.assertEqual(self.expect(2, "-Y", "id ==", "nowhere.pcap").out, b"")
        self.expect(2, "-Y", "", "two.pcap")
        hostile = self.expect(2, "-Y", "\x1b[31mid\n == 1", "two.pcap")
        self.assertNotIn("\x1b", hostile.message)

    def test_time_of_day_follows_the_zone(self):
        # EPOCH is 2026-09-21 13:33:20 UTC
        env = dict(cli.environment(), TZ="UTC-3")
        done = subprocess.run([cli.BINARY, "-o", "ndjson", "-Y", "start == 16:33", "two.pcap"], cwd=self.dir, env=env, capture_output=True, check=True)
        self.assertIn(b'"connections":2', done.stdout)
        done = subprocess.run([cli.BINARY, "-o", "ndjson", "--utc", "-Y", "start == 13:33", "two.pcap"], cwd=self.dir, env=env, capture_output=True, check=True)
        self.assertIn(b'"connections":2', done.stdout)


class Write(CliTest):
    def setUp(self):
        super().setUp()
        self.clean, self.refused = clean_connection(40001), refused_connection(40002)
        syn = segment(0, SYN, 700, 0, ports=(40003, 7777))
        self.unreachable = [syn, icmp_error(syn)]
        mixed = [self.clean[0], self.refused[0], self.clean[1], self.unreachable[0]] + self.clean[2:] + [self.refused[1], self.unreachable[1]]
        self.capture = pcapng(mixed)
        self.file("mixed.pcapng", self.capture)
        self.out = os.path.join(self.dir, "out.pcapng")

    def written(self):
        return [frame for _, frame in frames_of(self.out)]

    def test_whole_connections_with_their_errors(self):
        for expression, frames in (("id == 1", self.clean), ("id == 2", self.refused), ("exists(handshake.result)", None),
                                   ("handshake == unreachable", self.unreachable), ("id == 9", [])):
            self.expect(0, "-q", "-Y", expression, "-w", "out.pcapng", "mixed.pcapng")
            self.assertEqual(self.written(), frames if frames is not None else [f for _, f in frames_of(os.path.join(self.dir, "mixed.pcapng"))])

    def test_times_and_observation_stay(self):
        leak = os.path.join(SAMPLES, "close-wait-leak.pcapng")
        self.expect(0, "-q", "-Y", "@leaks", "-w", "out.pcapng", leak)
        first = self.expect(0, "-o", "ndjson", leak)
        second = self.expect(0, "-o", "ndjson", "out.pcapng")
        self.assertEqual(first.records("connection"), second.records("connection"))
        self.assertEqual(first.records("capture")[0]["observed_until"], second.records("capture")[0]["observed_until"])

    def test_from_a_pipe_and_to_one(self):
        self.expect(0, "-q", "-Y", "id == 2", "-w", "out.pcapng", "-", stdin=self.capture)
        self.assertEqual(self.written(), self.refused)
        result = self.expect(0, "-Y", "id == 2", "-o", "text:report", "-w", "-", "-", stdin=self.capture)
        self.file("piped.pcapng", result.out)
        self.assertEqual([f for _, f in frames_of(os.path.join(self.dir, "piped.pcapng"))], self.refused)
        self.expect_line(3, "-q", "--spool-limit", "100", "-w", "out.pcapng", "-", stdin=self.capture)

    def test_several_captures(self):
        self.file("second.pcap", pcap(clean_connection(40009) + refused_connection(40010)))
        self.expect(0, "-q", "-Y", "id == 2", "-w", "out.pcapng", "mixed.pcapng", "second.pcap")
        self.assertEqual(self.written(), self.refused + refused_connection(40010))
        self.expect(0, "-q", "--sequence", "-Y", "id == 5", "-w", "out.pcapng", "mixed.pcapng", "second.pcap")
        self.assertEqual(self.written(), refused_connection(40010))

    def test_more_than_a_block(self):
        """Packets whose bytes were read long ago are not written."""
        connections = [clean_connection(20000 + i) for i in range(1000)]
        self.file("long.pcap", pcap([frame for connection in connections for frame in connection]))
        self.expect(0, "-q", "-Y", "client.port not in {20017, 20400..20405}", "-w", "out.pcapng", "long.pcap")
        wanted = [frame for i, connection in enumerate(connections) if i != 17 and not 400 <= i <= 405 for frame in connection]
        self.assertEqual(self.written(), wanted)

    def test_only_what_is_asked_for(self):
        self.expect(0, "-q", "-f", "tcp port 9999", "-w", "out.pcapng", "mixed.pcapng")
        self.assertEqual(self.written(), self.refused)
        self.expect(0, "-q", "-c", "3", "-w", "out.pcapng", "mixed.pcapng")
        self.assertEqual(len(self.written()), 3)

    def test_a_syn_that_came_to_nothing_belongs_to_the_connection_that_went_on(self):
        """A stale SYN on a live connection gets a number of its own, and no connection."""
        frames = clean_connection(40001)
        stale = [segment(0, SYN, 90000, 0), segment(1, ACK, 301, 101)]
        self.file("stale.pcap", pcap(frames[:3] + stale + frames[3:] + refused_connection(40002)))
        records = self.expect(0, "-o", "ndjson", "stale.pcap").records("connection")
        self.assertEqual(len(records), 2)
        clean = [r for r in records if r["server"]["port"] == 8888][0]
        self.expect(0, "-q", "-Y", "server.port == 8888", "-w", "out.pcapng", "stale.pcap")
        self.assertEqual(self.written(), frames[:3] + stale + frames[3:])
        self.assertEqual(clean["to_server"]["packets"] + clean["to_client"]["packets"], 11)

    def test_refused(self):
        for args, words in ((("-w", "mixed.pcapng", "mixed.pcapng"), ("overwrite",)), (("-w", "-", "mixed.pcapng"), ("standard output",)),
                            (("-w", "-", "-o", "ndjson", "mixed.pcapng"), ("standard output",)), (("-w", "x", "/dev/zero"), ("is no file",))):
            self.expect_line(2, *args, words=words)
        with open(os.path.join(self.dir, "mixed.pcapng"), "rb") as f:
            self.assertEqual(f.read(), self.capture)
        self.expect_line(6, "-q", "-w", "nowhere/out.pcapng", "mixed.pcapng", words=("nowhere",))
        if os.path.exists("/dev/full"):
            self.expect_line(6, "-q", "-w", "/dev/full", "mixed.pcapng", words=("/dev/full",))

    def test_the_report_comes_all_the_same(self):
        alone = self.expect(0, "mixed.pcapng")
        self.assertEqual(self.expect(0, "-w", "out.pcapng", "mixed.pcapng").text, alone.text)
        self.file("cut.pcapng", self.capture[:-7])
        self.expect(4, "-q", "-w", "out.pcapng", "cut.pcapng")
        self.assertGreater(len(self.written()), 9)
        self.expect(3, "-q", "-w", "out.pcapng", "nowhere.pcap", "mixed.pcapng")
        self.assertEqual(len(self.written()), 13)


if __name__ == "__main__":
    cli.main()
