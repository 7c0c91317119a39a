#!/usr/bin/env python3
"""Output formats over the samples: what every format has to hold, and how the reports of one capture agree with one another.

    test_formats.py LASTACK SAMPLES_FOLDER SUPPORT_FOLDER SCHEMA
"""
import csv
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

LASTACK = SAMPLES = SCHEMA = None
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def run(*arguments, code=0):
    environment = dict(os.environ, TZ="America/New_York", LC_ALL="C.UTF-8")
    environment.pop("NO_COLOR", None)
    done = subprocess.run([LASTACK, *map(str, arguments)], capture_output=True, timeout=60, check=False, env=environment)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode("utf-8")


def samples():
    return sorted(pathlib.Path(SAMPLES).glob("*.pcapng"))


def records(capture, kind=None):
    found = [json.loads(line) for line in run("-o", "ndjson", capture).splitlines()]
    return [record for record in found if kind in (None, record["type"])]


class Ndjson(unittest.TestCase):
    def test_schema_of_every_sample(self):
        import expect  # noqa: PLC0415
        import records as reader  # noqa: PLC0415
        for capture in samples():
            output = run("-o", "ndjson", capture)
            self.assertEqual(reader.read(output.encode(), SCHEMA, expect.Run()), [], capture.name)

    def test_schema_of_a_tunnel_without_id(self):
        """ERSPAN type I has no session id: the bare word is a valid encapsulation."""
        import expect  # noqa: PLC0415
        import records as reader  # noqa: PLC0415
        tcp = struct.pack("!HHIIBBHHH", 40001, 8888, 1000, 0, 0x50, 2, 64240, 0, 0)
        inner = bytes(12) + b"\x08\0" + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, bytes([192, 0, 2, 10]), bytes([192, 0, 2, 20])) + tcp
        gre = struct.pack("!HH", 0, 0x88BE) + inner
        outer = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(gre), 1, 0, 64, 47, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + gre
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "erspan.pcap"
            path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101) +
                             struct.pack("<IIII", 1790000000, 0, len(outer), len(outer)) + outer)
            self.assertEqual(records(path, "connection")[0]["encapsulation"], ["erspan"])
            self.assertEqual(reader.read(run("-o", "ndjson", path).encode(), SCHEMA, expect.Run()), [])

    def test_same_bytes_again(self):
        for capture in samples():
            self.assertEqual(run("-o", "ndjson", capture), run("-o", "ndjson", capture))

    def test_time_zone_changes_nothing(self):
        capture = samples()[0]
        self.assertEqual(run("-o", "ndjson", capture), run("-o", "ndjson", "--utc", capture))

    def test_several_files(self):
        """Files are analysed one by one: each has its own ids and its own capture record, one summary counts all."""
        two = samples()[:2]
        together = [json.loads(line) for line in run("-o", "ndjson", *two).splitlines()]
        captures = [record for record in together if record["type"] == "capture"]
        self.assertEqual([record["file"] for record in captures], [1, 2])
        self.assertEqual([record["path"] for record in captures], [str(path) for path in two])
        self.assertEqual(len([record for record in together if record["type"] == "summary"]), 1)
        alone = [len(records(path, "connection")) for path in two]
        for number, count in enumerate(alone, 1):
            ids = [record["id"] for record in together if record["type"] == "connection" and record["file"] == number]
            self.assertEqual(sorted(ids), list(range(1, count + 1)))


class Json(unittest.TestCase):
    def test_same_records_as_ndjson(self):
        arrays = {"connections": "connection", "hosts": "host", "captures": "capture"}
        captures = samples()
        for files in [[capture] for capture in captures] + [captures[:3]]:
            document = json.loads(run("-o", "json", *files))
            lines = [json.loads(line) for line in run("-o", "ndjson", *files).splitlines()]
            self.assertEqual(list(document), ["schema", *arrays, "summary"])
            for name, kind in arrays.items():
                self.assertEqual(document[name], [line for line in lines if line["type"] == kind])
            self.assertEqual([document["summary"]], [line for line in lines if line["type"] == "summary"])

    def test_nothing_to_report(self):
        document = json.loads(run("-o", "json", "-Y", "id > 1000000", samples()[0]))
        self.assertEqual((document["connections"], document["hosts"], len(document["captures"])), ([], [], 1))


class Csv(unittest.TestCase):
    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(run("-o", "csv", *arguments), newline=""), strict=True))

    def field(self, record, name):
        """What the record has under a column's name, as the column says it."""
        lists = {"encapsulation": lambda r: r["encapsulation"],
                 **{f"path.{side}.state": lambda r, side=side: [step["state"] for step in r["path"][side]] for side in ("client", "server")},
                 **{f"findings.{key}": lambda r, key=key: [f[key] for f in r["findings"]]
                    for key in ("code", "severity", "blame", "confidence")}}
        if name in lists:
            return " ".join(lists[name](record))
        value = record
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else "%.9f" % value if name.endswith("_s") or "_s." in name else str(value)

    def test_every_cell_is_the_records(self):
        filled = set()
        for capture in samples():
            rows, expected = self.rows(capture), records(capture, "connection")
            self.assertEqual(len(rows), len(expected))
            for row, record in zip(rows, expected):
                for name, cell in row.items():
                    self.assertEqual(cell, self.field(record, name), (capture.name, name))
                filled |= {name for name, cell in row.items() if cell}
        self.assertGreater(len(filled), 55)

    def test_names_are_those_of_expressions(self):
        known = {line.split()[0] for line in run("help", "fields").splitlines() if line and not line.startswith(("What", "Facts", "field "))}
        names = list(self.rows(samples()[0])[0])
        self.assertLessEqual(set(names), known)
        self.assertEqual(len(names), len(set(names)))

    def test_several_files_have_one_head(self):
        two = samples()[:2]
        lines = run("-o", "csv", *two).splitlines()
        self.assertEqual(len([line for line in lines if line.startswith("id,")]), 1)
        self.assertEqual({row["file"] for row in self.rows(*two)}, {"1", "2"})

    def test_nothing_to_report(self):
        self.assertEqual(len(run("-o", "csv", "-Y", "id > 1000000", samples()[0]).splitlines()), 1)


class Text(unittest.TestCase):
    def text(self, capture, *arguments):
        return run("--color=never", "--utc", *arguments, capture)

    def test_every_finding_is_there(self):
        """The text names each code that the records have, each with the command that shows it and a display filter."""
        for capture in samples():
            text = self.text(capture)
            loud = {finding["code"] for record in records(capture) for finding in record.get("findings", [])
                    if finding["severity"] != "note"}
            for code in loud:
                self.assertIn(f"({code})", text, capture.name)
            if loud:
                self.assertRegex(text, r"show +lastack show ", capture.name)
                self.assertRegex(text, r"filter +.*tcp\.port", capture.name)

    def test_numbers_agree_with_the_records(self):
        for capture in samples():
            text = self.text(capture)
            record = records(capture, "capture")[0]
            words = " ".join(text.split())  # a long path breaks the line
            self.assertRegex(words, rf"{record['packets']} packets?, {record['link_types'][0]}")
            self.assertRegex(text, rf"{record['connections']} connections?\b")

    def test_shown_command_works(self):
        """The command that a finding prints runs and shows the packets that the finding names."""
        for capture in samples():
            command = re.search(r"show +lastack (show .*--conn \d+)", self.text(capture))
            if command:
                self.assertRegex(run(*command[1].split()), r"(?m)^client  (10\.|\[fd00:)", command[1])

    def test_no_control_characters(self):
        for capture in samples():
            self.assertEqual(re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", self.text(capture)), [], capture.name)

    def test_colour_is_only_colour(self):
        for capture in samples():
            plain, coloured = self.text(capture), run("--color=always", "--utc", capture)
            self.assertEqual(ESCAPES.sub("", coloured), plain, capture.name)
        self.assertTrue(any(ESCAPES.search(run("--color=always", capture)) for capture in samples()))

    def test_no_colour_into_a_pipe(self):
        self.assertNotIn("\x1b", run(samples()[0]))

    def test_local_time_and_utc(self):
        capture = pathlib.Path(SAMPLES) / "close-wait-leak.pcapng"
        self.assertIn("02:00:0", self.text(capture))
        self.assertIn("21:00:0", run("--color=never", capture))  # New York, five hours behind

    def test_quiet_capture_says_so(self):
        text = self.text(pathlib.Path(SAMPLES) / "clean-close.pcapng")
        self.assertNotIn("error", text.lower().replace("no errors", ""))


class Several(unittest.TestCase):
    def test_one_pass_two_reports(self):
        capture = pathlib.Path(SAMPLES) / "port-reuse.pcapng"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.ndjson")
            text = run("--color=never", "-o", "text", "-o", f"ndjson:{path}", capture)
            self.assertEqual(text, run("--color=never", capture))
            self.assertEqual(pathlib.Path(path).read_text(encoding="utf-8"), run("-o", "ndjson", capture))

    def test_two_on_standard_output(self):
        run("-o", "text", "-o", "ndjson", samples()[0], code=2)

    def test_unknown_format(self):
        run("-o", "yaml", samples()[0], code=2)


class Ladder(unittest.TestCase):
    def show(self, name, number=1, *arguments):
        return run("show", "--color=never", "--utc", *arguments, pathlib.Path(SAMPLES) / f"{name}.pcapng", "--conn", number)

    def test_a_line_for_every_packet(self):
        for name, packets in [("clean-close", 11), ("close-wait-leak", 7), ("refused", 2), ("simultaneous-close", 10)]:
            ladder = self.show(name)
            for word in {"clean-close": ["SYN", "FIN", "TIME_WAIT", "LAST_ACK"], "close-wait-leak": ["CLOSE_WAIT", "FIN_WAIT_2"],
                         "refused": ["SYN_SENT", "RST"], "simultaneous-close": ["CLOSING"]}[name]:
                self.assertIn(word, ladder, name)
            numbered = [line for line in ladder.splitlines() if re.match(r" *\d+ ", line) and re.search(r"[<>─━→←-]{2}", line)]
            self.assertEqual(len(numbered), packets, ladder)

    def test_retransmissions_name_their_first(self):
        self.assertRegex(self.show("unanswered-syn"), r"(?i)retrans\w* of 1\b")

    def test_absolute_numbers(self):
        self.assertIn("1000000000", self.show("clean-close", 1, "-S"))
        self.assertNotIn("1000000000", self.show("clean-close"))

    def test_every_header_field(self):
        ladder = self.show("clean-close", 1, "-v")
        for word in ["64240", "1460", "63"]:
            self.assertIn(word, ladder)

    def test_no_such_connection(self):
        done = subprocess.run([LASTACK, "show", f"{SAMPLES}/refused.pcapng", "--conn", "7"], capture_output=True, check=False, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"7", done.stderr)


if __name__ == "__main__":
    LASTACK, SAMPLES, support, schema = sys.argv[1:5]
    del sys.argv[1:5]
    sys.path.insert(0, support)
    SCHEMA = json.loads(pathlib.Path(schema).read_text(encoding="utf-8"))
    unittest.main()
