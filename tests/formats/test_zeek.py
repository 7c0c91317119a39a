#!/usr/bin/env python3
"""-o zeek, read by a parser of its own that knows the format only from its head: columns and their types, what stands in them for each
sample (written down by hand after Zeek's manual), and how the lines agree with the records of -o ndjson.

    test_zeek.py LASTACK LA_TRACE SAMPLES_FOLDER CAPTURES_FOLDER
"""
import ipaddress
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

LASTACK = LA_TRACE = SAMPLES = CAPTURES = None

COLUMNS = """ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state local_orig
    local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents community_id findings""".split()
STATES = "S0 S1 SF REJ S2 S3 RSTO RSTR RSTOS0 RSTRH SH SHR OTH".split()
TYPES = {
    "time": r"-?\d+\.\d{6}",
    "interval": r"\d+\.\d{6}",
    "count": r"\d+",
    "port": r"\d{1,5}",
    "string": r"[^\t]+",
    "enum": r"tcp",
    "bool": r"T|F",
    "set[string]": r"\(empty\)|[a-z0-9-]+(,[a-z0-9-]+)*",
}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d$")


def run(*arguments, code=0, text=True):
    environment = dict(os.environ, TZ="America/New_York", LC_ALL="C.UTF-8")
    done = subprocess.run([LASTACK, *map(str, arguments)], capture_output=True, timeout=120, check=False, env=environment)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode("utf-8") if text else done


class Log:
    """A log in Zeek's ASCII form: `head` by name, `rows` as dictionaries whose unset values are None."""

    def __init__(self, text):
        lines = text.split("\n")
        if lines.pop() != "":
            raise AssertionError("the last line is not ended")
        self.head, self.rows = {}, []
        name, code = lines[0].split(" ")
        if name != "#separator":
            raise AssertionError(lines[0])
        separator = bytes(code, "ascii").decode("unicode_escape")
        fields = types = None
        for line in lines[1:]:
            values = line.split(separator)
            if line.startswith("#"):
                name = values.pop(0)
                self.head.setdefault(name, values if name in ("#fields", "#types") else separator.join(values))
                fields, types = self.head.get("#fields"), self.head.get("#types")
                continue
            if "#close" in self.head or len(values) != len(fields):
                raise AssertionError(line)
            row = {}
            for field, kind, value in zip(fields, types, values):
                self.check(field, kind, value)
                row[field] = None if value == self.head["#unset_field"] else value
            self.rows.append(row)

    def check(self, field, kind, value):
        if value == self.head["#unset_field"]:
            return
        if kind == "addr":
            ipaddress.ip_address(value)
        elif not re.fullmatch(TYPES[kind], value) or (kind == "port" and int(value) > 65535):
            raise AssertionError(f"{field}: {value!r} is no {kind}")


def read(*arguments):
    return Log(run("-o", "zeek", *arguments))


def records(*arguments):
    return [json.loads(line) for line in run("-o", "ndjson", *arguments).splitlines()]


def all_captures():
    found = sorted(pathlib.Path(SAMPLES).glob("*.pcapng"))
    return found + sorted(path for path in pathlib.Path(CAPTURES).glob("*.pcap*"))


# conn_state and history of each connection, read off the ladders by hand; letters of ordinary acknowledgments that the record does not
# keep are allowed to be missing, so histories stand without `a`.
BY_HAND = {
    "accept-queue-full": ["S1 ShAD", "S0 S", "S0 S"],
    "clean-close": ["SF ShADdFf"],
    "client-reboot-same-port": ["RSTO ShADdR", "SF ShADdFf"],
    "close-late-fin": ["SF ShADdFfR"],
    "close-simultaneous": ["SF ShADdFf"],
    "close-wait-leak": ["S2 ShADF"],
    "deferred-accept": ["SF ShADdFf"],
    "fast-open": ["SF ShADdFf", "SF ShdAFf"],
    "full-accept-queue": ["S1 ShAD", "S1 ShAD", "S1 ShADT"],
    "half-close": ["SF ShADFdf"],
    "idle-state-lost": ["RSTR ShADdr"],
    "keepalive-unanswered": ["RSTO ShADdR"],
    "lost-fin-before": ["SF ShADdFf"],
    "lost-final-ack": ["SF ShADdFf"],
    "lost-final-ack-forever": ["SF ShADdFf"],
    "lost-syn-ack-forever": ["S1 Sh"],
    "missing-final-ack": ["SF ShADdFf"],
    "port-reuse": ["SF ShADdfF", "SF ShADdfF"],
    "port-reused": ["SF ShADdfF", "SF ShADdfF"],
    "refused": ["REJ Sr"],
    "rst-close": ["RSTO ShADdR"],
    "rst-injected-both": ["RSTR ShADdrR"],
    "server-reboot": ["RSTR ShADdr"],
    "simultaneous-close": ["SF ShADdFf"],
    "simultaneous-open": ["SF SsAfF"],
    "unanswered-syn": ["S0 S"],
    "unread-data": ["RSTR ShADr"],
    "v6-reject-admin": ["S0 S"],
    "write-after-close": ["RSTO ShADdFR"],
}

HEAD = "C = 192.0.2.10:40001   S = 198.51.100.7:80\n"
OPEN = " 0.000 C>S S 0(0)\n+0.010 S>C S. 0(0) ack 1\n+0.010 C>S . 1(0) ack 1\n"
# What no sample shows: name, packets, and (conn_state, history, orig_bytes, resp_bytes, missed_bytes).
TRACES = [
    ("established", OPEN + "+0.1 C>S P. 1(100) ack 1\n+0.1 S>C P. 1(50) ack 101\n", "S1", "ShADd", 100, 50, 0),
    ("server closed", OPEN + "+0.1 S>C F. 1(0) ack 1\n+0.1 C>S . 1(0) ack 2\n", "S3", "ShAf", 0, 0, 0),
    ("client closed", OPEN + "+0.1 C>S F. 1(0) ack 1\n+0.1 S>C . 1(0) ack 2\n", "S2", "ShAFa", 0, 0, 0),
    ("SYN and RST", " 0.000 C>S S 0(0)\n+0.5 C>S R 1(0)\n", "RSTOS0", "SR", 0, 0, 0),
    ("SYN-ACK and FIN", " 0.000 S>C S. 0(0) ack 1\n+0.1 S>C F. 1(0) ack 1\n", "SHR", "^hf", 0, 0, 0),
    ("SYN-ACK and RST", " 0.000 S>C S. 0(0) ack 1\n+0.1 S>C R 1(0)\n", "RSTRH", "^hr", 0, 0, 0),
    ("client's side only, closed",
     " 0.000 C>S S 0(0)\n+0.1 C>S . 1(0) ack 1\n+0.1 C>S P. 1(10) ack 1\n+0.1 C>S F. 11(0) ack 31\n", "SH", "SA?DF", 10, None, 0),
    ("midstream", " 0.000 C>S P. 1001(100) ack 501\n+0.1 S>C P. 501(40) ack 1101\n+0.1 C>S . 1101(0) ack 541\n",
     "OTH", "Dd*", 100, 40, 0),
    ("midstream, closed", " 0.000 C>S P. 1001(100) ack 501\n+0.1 S>C P. 501(40) ack 1101\n+0.1 C>S F. 1101(0) ack 541\n"
     "+0.1 S>C F. 541(0) ack 1102\n+0.1 C>S . 1102(0) ack 542\n", "SF", "DdFfA", 100, 40, 0),
    ("midstream, reset by the server", " 0.000 C>S P. 1001(100) ack 501\n+0.1 S>C P. 501(40) ack 1101\n+0.1 S>C R. 541(0) ack 1101\n",
     "RSTR", "Ddr", 100, 40, 0),
    ("payload again counts once", OPEN + "+0.1 C>S P. 1(100) ack 1\n+0.4 C>S P. 1(100) ack 1\n+0.1 S>C . 1(0) ack 101\n",
     "S1", "ShADT*", 100, 0, 0),
    ("a piece is missing", OPEN + "+0.1 C>S P. 1(100) ack 1\n+0.1 C>S P. 301(100) ack 1\n+0.1 S>C . 1(0) ack 401\n",
     "S1", "ShAD*", 400, 0, 200),
    ("the window shuts", OPEN + "+0.1 C>S P. 1(100) ack 1\n+0.1 S>C . 1(0) ack 101 win 0\n", "S1", "ShADaw", 100, 0, 0),
]


class Zeek(unittest.TestCase):
    def trace(self, text):
        with tempfile.TemporaryDirectory() as folder:
            capture = os.path.join(folder, "trace.pcapng")
            path = os.path.join(folder, "t.trace")
            pathlib.Path(path).write_text(HEAD + text, encoding="utf-8")
            subprocess.run([LA_TRACE, path, capture], check=True, timeout=60, stdout=subprocess.DEVNULL)
            return read(capture)

    def test_head(self):
        log = read(pathlib.Path(SAMPLES) / "clean-close.pcapng")
        text = run("-o", "zeek", pathlib.Path(SAMPLES) / "clean-close.pcapng")
        self.assertTrue(text.startswith("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
                                        "#open\t2026-11-21-02-00-00\n#fields\tts\tuid\t"))
        self.assertTrue(text.endswith("\n#close\t2026-11-21-02-01-03\n"), text[-40:])
        self.assertEqual(log.head["#fields"], COLUMNS)
        self.assertEqual(len(log.head["#types"]), len(COLUMNS))

    def test_every_capture(self):
        """Types of all columns (the parser looks at them), and a line for each connection that says what its record says."""
        for capture in all_captures():
            with self.subTest(capture=capture.name):
                done = run("-o", "zeek", capture, code=4 if "truncated" in capture.name else 0)
                log = Log(done)
                found = [record for record in records(capture) if record["type"] == "connection"]
                self.assertEqual(len(log.rows), len(found))
                self.assertEqual(len({row["uid"] for row in log.rows}), len(found))
                for row, record in zip(log.rows, found):
                    self.agree(row, record)
                for name in ("#open", "#close"):
                    self.assertRegex(log.head[name], MOMENT)

    def agree(self, row, record):
        for mine, its in (("orig", "client"), ("resp", "server")):
            self.assertEqual(row[f"id.{mine}_h"], record[its]["ip"])
            self.assertEqual(int(row[f"id.{mine}_p"]), record[its]["port"])
        for mine, its in (("orig", "to_server"), ("resp", "to_client")):
            self.assertEqual(int(row[f"{mine}_pkts"]), record[its]["packets"])
            counted = record[its]
            if row[f"{mine}_bytes"] is not None and row["missed_bytes"] == "0":
                self.assertLessEqual(int(row[f"{mine}_bytes"]), counted["payload_bytes"])
                if counted["retransmitted"] + counted["duplicate"] + counted["keepalive"] + counted["rst"] == 0 \
                        and record["handshake"]["result"] != "unseen":
                    self.assertEqual(int(row[f"{mine}_bytes"]), counted["payload_bytes"])
            self.assertIsNone(row[f"{mine}_ip_bytes"])
        self.assertEqual(row["community_id"], record["community_id"])
        codes = sorted({finding["code"] for finding in record["findings"]})
        self.assertEqual(sorted(row["findings"].split(",")), codes or ["(empty)"])
        self.assertRegex(row["uid"], r"^C[0-9A-Za-z]{17}$")
        self.assertEqual(row["ts"].split(".")[1], record["start"].split(".")[1][:6])
        self.assertLessEqual(float(row["duration"] or 0), record["duration_s"] + 1e-6)
        self.assertIn(row["conn_state"], STATES)
        history = row["history"] or ""
        self.assertRegex(history, r"^\^?[SHADFRCGTWIQshadfrcgtwiq]*$")
        for letter, side, flag in (("S", "to_server", "syn"), ("F", "to_server", "fin"), ("f", "to_client", "fin"),
                                   ("R", "to_server", "rst"), ("r", "to_client", "rst")):
            if letter in history:
                self.assertGreater(record[side][flag], 0, history)
            elif record[side][flag] > 0 and not set("IQiqCc") & set(history):
                self.assertEqual(letter, "S", history)  # a client's SYN-ACK
        if record["teardown"]["result"] == "fin":
            self.assertEqual(row["conn_state"], "SF")
        if record["handshake"]["result"] == "unanswered":
            self.assertIn(row["conn_state"], ("S0", "SH", "RSTOS0"))
        if record["handshake"]["result"] == "refused":
            self.assertEqual(row["conn_state"], "REJ")

    def test_samples_by_hand(self):
        self.assertEqual(sorted(BY_HAND), sorted(path.stem for path in pathlib.Path(SAMPLES).glob("*.pcapng")))
        for name, expected in BY_HAND.items():
            rows = sorted(read(pathlib.Path(SAMPLES) / f"{name}.pcapng").rows, key=lambda row: float(row["ts"]))
            self.assertEqual([f"{row['conn_state']} {row['history'].replace('a', '')}" for row in rows], expected, name)

    def test_traces(self):
        for name, packets, state, history, orig, resp, missed in TRACES:
            with self.subTest(trace=name):
                rows = self.trace(packets).rows
                self.assertEqual(len(rows), 1)
                row = rows[0]
                self.assertEqual(row["conn_state"], state)
                self.assertRegex(row["history"], "^" + history.replace("^", r"\^").replace("*", "[aAgGtT]*") + "$")
                amounts = [row[name] and int(row[name]) for name in ("orig_bytes", "resp_bytes", "missed_bytes")]
                self.assertEqual(amounts, [orig, resp, missed])

    def test_amounts(self):
        row = read(pathlib.Path(SAMPLES) / "clean-close.pcapng").rows[0]
        self.assertEqual((row["ts"], row["orig_bytes"], row["resp_bytes"]), ("1795226400.000000", "10", "14"))
        self.assertEqual((row["duration"], row["service"], row["tunnel_parents"]), ("2.424702", None, None))

    def test_one_packet_has_no_length(self):
        row = self.trace(" 0.000 C>S S 0(0)\n").rows[0]
        self.assertEqual((row["duration"], row["orig_bytes"], row["resp_bytes"], row["conn_state"]), (None, None, None, "S0"))

    def test_letters_again(self):
        """A SYN with another number is told again, the same one is not; retransmissions at the first and the tenth."""
        row = self.trace(" 0.000 C>S S 0(0)\n+1 C>S S 0(0)\n").rows[0]
        self.assertEqual(row["history"], "S")
        again = "".join(f"+{0.2 * (1 + i):.1f} C>S P. 1(100) ack 1\n" for i in range(11))
        self.assertEqual(self.trace(OPEN + "+0.1 C>S P. 1(100) ack 1\n" + again).rows[0]["history"], "ShADTT")

    def test_thousand(self):
        text = "for i 1 1000\nX{i} = 192.0.2.10:{20000+i}\n{i*0.01} X{i}>S S 0(0)\n+0.001 S>X{i} S. 0(0) ack 1\n" \
               "+0.001 X{i}>S . 1(0) ack 1\n+0.001 X{i}>S F. 1(0) ack 1\n+0.001 S>X{i} F. 1(0) ack 2\n+0.001 X{i}>S . 2(0) ack 2\ndone\n"
        rows = self.trace(text).rows
        self.assertEqual(len(rows), 1000)
        self.assertEqual({(row["conn_state"], row["history"]) for row in rows}, {("SF", "ShAFf")})
        self.assertEqual(len({row["uid"] for row in rows}), 1000)

    def test_nothing(self):
        """No connection: a head with the capture's times. No packet: there is no time to tell."""
        log = self.trace(" 0.000 C>S udp 10\n+5 C>S udp 10\n")
        self.assertEqual((log.rows, log.head["#open"], log.head["#close"]), ([], "2026-11-21-02-00-00", "2026-11-21-02-00-05"))
        with tempfile.TemporaryDirectory() as folder:
            empty = os.path.join(folder, "empty.pcap")
            pathlib.Path(empty).write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
            log = read(empty)
            self.assertEqual((log.rows, log.head["#open"], log.head["#close"]), ([], "-", "-"))
            self.assertEqual(log.head["#fields"], COLUMNS)

    def test_same_bytes(self):
        capture = pathlib.Path(SAMPLES) / "port-reuse.pcapng"
        self.assertEqual(run("-o", "zeek", capture), run("-o", "zeek", "--utc", "-j", "2", capture))

    def test_uids_differ(self):
        """The same four-tuple, id and time in two files are two connections."""
        capture = pathlib.Path(SAMPLES) / "refused.pcapng"
        self.assertEqual(len({row["uid"] for row in read(capture, capture).rows}), 2)

    def test_selected(self):
        rows = read(pathlib.Path(SAMPLES) / "client-reboot-same-port.pcapng", "-Y", 'teardown == "rst"').rows
        self.assertEqual([row["conn_state"] for row in rows], ["RSTO"])

    def test_several_and_hostile_names(self):
        with tempfile.TemporaryDirectory() as folder:
            capture = os.path.join(folder, "a\tb\n#close\x1b[31m.pcapng")
            os.symlink(pathlib.Path(SAMPLES).resolve() / "clean-close.pcapng", capture)
            path = os.path.join(folder, "conn.log")
            text = run("-o", "text", "--color=never", "-o", f"zeek:{path}", capture)
            self.assertIn("in 1 connection", text)
            self.assertEqual(pathlib.Path(path).read_text(encoding="utf-8"),
                             run("-o", "zeek", pathlib.Path(SAMPLES) / "clean-close.pcapng"))

    def test_under_check(self):
        capture = pathlib.Path(SAMPLES) / "close-wait-leak.pcapng"
        self.assertEqual(run("check", "-o", "zeek", capture, code=1), run("-o", "zeek", capture))

    def test_not_for_diff_and_sockets(self):
        capture = pathlib.Path(SAMPLES) / "refused.pcapng"
        for arguments in (["diff", capture, capture], ["sockets"]):
            done = run(*arguments, "-o", "zeek", code=2, text=False)
            self.assertRegex(done.stderr.decode(), r"^lastack: .*zeek.*\n$")


if __name__ == "__main__":
    LASTACK, LA_TRACE, SAMPLES, CAPTURES = sys.argv[1:5]
    del sys.argv[1:5]
    unittest.main()
