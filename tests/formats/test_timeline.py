#!/usr/bin/env python3
"""-o timeline against the same thing computed here from the records of -o ndjson: the sums, each row, and each state at each interval's end.

    test_timeline.py LASTACK LA_TRACE SAMPLES_FOLDER CAPTURES_FOLDER
"""
import collections
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import unittest

LASTACK = LA_TRACE = SAMPLES = CAPTURES = None
STATES = "SYN_SENT SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT".split()
COUNTS = ["opened", "closed", "reset", "failed"]
NS = 10**9
BASE = 1795226400 * NS  # the traces' time 0
HEAD = "C = 192.0.2.10:40001   S = 198.51.100.7:80\n"
ONE = "{at} C{n}>S S 0(0)\n+0.001 S>C{n} S. 0(0) ack 1\n+0.001 C{n}>S . 1(0) ack 1\n" \
      "+0.001 S>C{n} F. 1(0) ack 1\n+0.001 C{n}>S F. 1(0) ack 2\n+0.001 S>C{n} . 2(0) ack 2\n"


def run(*arguments, code=0):
    environment = dict(os.environ, TZ="America/New_York", LC_ALL="C.UTF-8")
    done = subprocess.run([LASTACK, *map(str, arguments)], capture_output=True, timeout=120, check=False, env=environment)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode("utf-8") if code != 2 else done.stderr.decode("utf-8")


def nanoseconds(text):
    """Of RFC 3339 in UTC."""
    import datetime  # noqa: PLC0415
    whole, fraction = re.fullmatch(r"(.*)\.(\d{9})Z", text).groups()
    moment = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(moment.timestamp()) * NS + int(fraction)


class Table:
    def __init__(self, text):
        lines = text.split("\n")
        assert lines.pop() == ""
        self.names = lines.pop(0).split("\t")
        self.rows = []
        for line in lines:
            row = dict(zip(self.names, line.split("\t"), strict=True))
            for name in COUNTS + STATES:
                assert re.fullmatch(r"\d+", row[name]), line
                row[name] = int(row[name])
            row["at"] = nanoseconds(row["start"])
            row["length"] = round(float(row["interval_s"]) * NS)
            self.rows.append(row)

    def sum(self, name):
        return sum(row[name] for row in self.rows)


def table(*arguments, code=0):
    return Table(run("-o", "timeline", *arguments, code=code))


def records(*arguments):
    return [json.loads(line) for line in run("-o", "ndjson", *arguments).splitlines()]


def all_captures():
    found = sorted(pathlib.Path(SAMPLES).glob("*.pcapng"))
    return found + sorted(path for path in pathlib.Path(CAPTURES).glob("*.pcap*"))


def span(seconds):
    """A JSON number of seconds in nanoseconds: at most 9 decimals, and large ones must not lose any."""
    whole, _, fraction = f"{seconds:.9f}".partition(".")
    return int(whole) * NS + int(fraction)


def service_of(record):
    ip, port = record["server"]["ip"], record["server"]["port"]
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def stays(record):
    """The server's end: (state, from, to) in nanoseconds; `to` is None while observation lasts."""
    start, path = nanoseconds(record["start"]), record["path"]["server"]
    last = start + span(record["duration_s"])
    found, now = [], start
    for i, step in enumerate(path):
        now = max(now, start + span(step["at_s"]))
        following = path[i + 1] if i + 1 < len(path) else None
        if following is not None:
            to = max(now, start + span(following["at_s"]))
        else:
            wait = {"closed": 60, "reset": 60, "failed": 180}.get(record["ended_by"])
            to = None if wait is None else last + wait * NS
        found.append((step["state"], now, to))
    return found


class Timeline(unittest.TestCase):
    def capture(self, folder, text):
        capture, path = os.path.join(folder, "trace.pcapng"), os.path.join(folder, "t.trace")
        pathlib.Path(path).write_text(HEAD + text, encoding="utf-8")
        subprocess.run([LA_TRACE, path, capture], check=True, timeout=60, stdout=subprocess.DEVNULL)
        return capture

    def trace(self, text, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            return table(self.capture(folder, text), *arguments)

    def test_columns(self):
        names = table(pathlib.Path(SAMPLES) / "clean-close.pcapng").names
        self.assertEqual(names, ["start", "interval_s", *COUNTS, *STATES, "service"])

    def test_sums(self):
        for capture in all_captures():
            with self.subTest(capture=capture.name):
                summary = [record for record in records(capture) if record["type"] == "summary"][0]
                told = table(capture)
                opened, closed = summary["by_handshake"], summary["by_teardown"]
                self.assertEqual(told.sum("opened"), opened["complete"] + opened["simultaneous"])
                self.assertEqual(told.sum("closed"), closed["fin"])
                self.assertEqual(told.sum("reset"), closed["rst"] + closed["fin-rst"])
                self.assertEqual(told.sum("failed"), sum(opened[word] for word in (
                    "unanswered", "refused", "unreachable", "syn-received", "abandoned", "final-ack-dropped")))

    def test_states(self):
        """At each interval's end so many ends stand in each state as the paths say; a row that is not there is all zero."""
        for capture in all_captures():
            with self.subTest(capture=capture.name):
                found = records(capture)
                told = table(capture)
                if not told.rows:
                    continue
                length = told.rows[0]["length"]
                got = {(row["at"], row["service"]): row for row in told.rows}
                until = max(nanoseconds(record["observed_until"]) for record in found if record["type"] == "capture")
                starts = range(min(row["at"] for row in told.rows), until + 1, length)
                expected = collections.Counter()
                services = set()
                starts_again = {}  # a socket in TIME_WAIT is gone when its four-tuple is used again
                for record in sorted(found, key=lambda one: one.get("start", ""), reverse=True):
                    if record["type"] != "connection":
                        continue
                    services.add(service_of(record))
                    ends = (record["client"]["ip"], record["client"]["port"], service_of(record), str(record["encapsulation"]))
                    again = starts_again.get(ends)
                    starts_again[ends] = nanoseconds(record["start"])
                    for state, since, to in stays(record):
                        if state == "TIME_WAIT" and again is not None:
                            to = min(to or again, again)
                        for at in starts:
                            # Nanoseconds of a span may be lost in a double; none of the captures has an event that near to a border.
                            if since < at + length and (to is None or to >= at + length or (to > until and at + length > until)):
                                expected[at, service_of(record), state] += 1
                for at in starts:
                    for service in services:
                        row = got.get((at, service), collections.Counter())
                        for state in STATES:
                            self.assertEqual(row[state], expected[at, service, state], (at, service, state))

    def test_rows_by_hand(self):
        told = table(pathlib.Path(SAMPLES) / "close-wait-leak.pcapng")
        self.assertEqual({row["interval_s"] for row in told.rows}, {"10"})
        self.assertEqual(len(told.rows), 32)
        self.assertEqual([(row["opened"], row["closed"], row["CLOSE_WAIT"]) for row in told.rows], [(1, 0, 1)] + [(0, 0, 1)] * 31)
        self.assertEqual({row["service"] for row in told.rows}, {"10.9.0.2:8888"})

    def test_interval(self):
        for span_text, seconds, rows in [("5s", "5", 63), ("1min", "60", 6), ("1h", "3600", 1), ("500ms", "0.5", 627)]:
            told = table(pathlib.Path(SAMPLES) / "close-wait-leak.pcapng", "--interval", span_text)
            self.assertEqual({row["interval_s"] for row in told.rows}, {seconds})
            self.assertEqual(len(told.rows), rows)
            self.assertTrue(all(row["at"] % row["length"] == 0 for row in told.rows))

    def test_bad_interval(self):
        capture = pathlib.Path(SAMPLES) / "refused.pcapng"
        for word in ("0", "-5s", "x", "", "1ns", "99999999h", "5 bananas", "1s;", "nan"):
            self.assertRegex(run("-o", "timeline", "--interval", word, capture, code=2), r"^lastack: .*interval.*\n$")
        self.assertRegex(run("--interval", "5s", capture, code=2), r"^lastack: --interval .*-o timeline.*\n$")
        self.assertRegex(run("-o", "ndjson", "--interval", "5s", capture, code=2), r"^lastack: --interval .*-o timeline.*\n$")

    def test_chosen_length(self):
        """20 to 60 intervals whatever the span is, from microseconds to years, and the sums stay."""
        for step in ("0.0001", "0.002", "0.03", "0.7", "11", "150", "3000", "40000", "700000", "2000000"):
            with self.subTest(step=step):
                text = "for i 0 29\nX{i} = 192.0.2.10:{20000+i}\n{i*" + step + "} X{i}>S S 0(0)\n+0.00001 S>X{i} R. 0(0) ack 1\ndone\n"
                told = self.trace(text)
                length = told.rows[0]["length"]
                first = BASE // length
                last = (BASE + 29 * round(float(step) * NS) + 10000) // length
                self.assertTrue(20 <= last - first + 1 <= 60, (last - first + 1, length))
                self.assertEqual(told.sum("failed"), 30)
                for row in told.rows:
                    inside = sum(row["at"] <= BASE + i * round(float(step) * NS) + 10000 < row["at"] + length for i in range(30))
                    self.assertEqual(row["failed"], inside)

    def test_too_many_intervals(self):
        """Pairs are joined where more than 8,192 would be needed: the length in the rows says so."""
        text = "0 C>S S 0(0)\n+0.001 S>C R. 0(0) ack 1\nD = 192.0.2.11:5\n100000 D>S S 0(0)\n+0.001 S>D R. 0(0) ack 1\n"
        told = self.trace(text, "--interval", "1s")
        self.assertEqual({row["interval_s"] for row in told.rows}, {"16"})
        self.assertEqual(told.sum("failed"), 2)

    def test_thousand_connections(self):
        text = "for i 1 1000\nX{i} = 192.0.2.10:{20000+i}\n" + ONE.replace("{at}", "{i*0.01}").replace("C{n}", "X{i}") + "done\nend 100\n"
        told = self.trace(text)
        self.assertEqual((told.sum("opened"), told.sum("closed")), (1000, 1000))
        self.assertEqual(max(row["TIME_WAIT"] for row in told.rows), 1000)
        self.assertEqual(told.rows[-1]["TIME_WAIT"], 0)
        self.assertEqual({row["interval_s"] for row in told.rows}, {"2"})

    def many_services(self, count, *arguments):
        """The service of number i has its connections refused; number 7 has one more."""
        text = "for i 1 " + str(count) + "\nX{i} = 10.0.{i%200}.1:{1000+i}\nC{i} = 192.0.2.1:{20000+i}\n" \
               "{i*0.001} C{i}>X{i} S 0(0)\n+0.0001 X{i}>C{i} R. 0(0) ack 1\ndone\n" \
               "D = 192.0.2.2:5\n30 D>X7 S 0(0)\n+0.0001 X7>D R. 0(0) ack 1\n"
        return self.trace(text, *arguments)

    def test_other_services(self):
        for count in (20, 21, 1200):
            with self.subTest(count=count):
                told = self.many_services(count)
                services = {row["service"] for row in told.rows}
                self.assertEqual(len(services - {"other"}), 20)
                self.assertEqual("other" in services, count > 20)
                self.assertIn("10.0.7.1:1007", services)
                self.assertEqual(told.sum("failed"), count + 1)

    def test_order(self):
        told = self.many_services(50)
        keys = [row["at"] for row in told.rows]
        self.assertEqual(keys, sorted(keys))
        self.assertEqual(told.rows[0]["service"], "10.0.7.1:1007")

    def test_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty.pcap")
            pathlib.Path(empty).write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
            self.assertEqual(table(empty).rows, [])
        self.assertEqual(self.trace("0.000 C>S udp 10\n").rows, [])

    def test_midstream(self):
        """What began before the capture was not opened in it, but stands in a state, and is closed."""
        told = self.trace("0 C>S P. 1001(100) ack 501\n+0.1 S>C P. 501(40) ack 1101\n+2 S>C F. 541(0) ack 1101\n"
                          "+0.1 C>S F. 1101(0) ack 542\n+0.1 S>C . 542(0) ack 1102\n")
        self.assertEqual((told.sum("opened"), told.sum("closed")), (0, 1))
        self.assertEqual(told.rows[0]["ESTABLISHED"], 1)
        self.assertEqual(told.rows[-1]["TIME_WAIT"], 1)

    def test_same_bytes_and_hostile_name(self):
        capture = (pathlib.Path(SAMPLES) / "port-reuse.pcapng").resolve()
        with tempfile.TemporaryDirectory() as folder:
            name, path = os.path.join(folder, "a\tb\n\x1b[31m.pcapng"), os.path.join(folder, "table")
            os.symlink(capture, name)
            run("-o", f"timeline:{path}", "-o", "zeek", "--utc", "-j", "2", name)
            self.assertEqual(pathlib.Path(path).read_text(encoding="utf-8"), run("-o", "timeline", capture))

    def test_under_check(self):
        capture = pathlib.Path(SAMPLES) / "close-wait-leak.pcapng"
        self.assertEqual(run("check", "-o", "timeline", capture, code=1), run("-o", "timeline", capture))
        self.assertRegex(run("diff", "-o", "timeline", capture, capture, code=2), r"^lastack: .*timeline.*\n$")

    def on_terminal(self, *arguments):
        main, other = pty.openpty()
        environment = dict(os.environ, TERM="xterm", NO_COLOR="1", TZ="UTC", LC_ALL="C.UTF-8")
        with subprocess.Popen([LASTACK, "-o", "timeline", *map(str, arguments)], stdout=other, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, env=environment) as process:
            os.close(other)
            data = b""
            while select.select([main], [], [], 60)[0]:
                try:
                    piece = os.read(main, 65536)
                except OSError:
                    break
                if not piece:
                    break
                data += piece
            process.wait(timeout=60)
        os.close(main)
        return data.decode().replace("\r\n", "\n")

    def test_terminal(self):
        """Only what changed, only columns in which something stood, and not wider than 80."""
        capture = pathlib.Path(SAMPLES) / "close-wait-leak.pcapng"
        text = self.on_terminal(capture)
        self.assertEqual(text.splitlines()[2:], ["from      opened  closed  CLOSE_WAIT  service",
                                                 "02:00:00       1       0           1  10.9.0.2:8888"])
        self.assertIn("every 10 s, 2026-11-21 02:00:00 to 02:05:20 UTC", text)
        self.assertLessEqual(max(len(line) for line in text.splitlines()), 80)
        self.assertEqual(len(self.on_terminal("-v", capture).splitlines()), 3 + 32)
        gone = self.on_terminal(pathlib.Path(SAMPLES) / "port-reuse.pcapng").splitlines()
        self.assertRegex(gone[-1], r"^02:01:00 +0 +0 +0  10\.9\.0\.2:8888$")


if __name__ == "__main__":
    LASTACK, LA_TRACE, SAMPLES, CAPTURES = sys.argv[1:5]
    del sys.argv[1:5]
    unittest.main()
