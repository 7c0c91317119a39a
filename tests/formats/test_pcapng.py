#!/usr/bin/env python3
"""`-o pcapng`: the packets again, with comments. Read by a reader of its own (nothing here knows lastack's code) and, where they are
installed, by Wireshark's programs.

    test_pcapng.py LASTACK SAMPLES_FOLDER CLI_TESTS_FOLDER
"""
import gzip
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

LASTACK = SAMPLES = None
COMMENT, FLAGS, DROPS, CUSTOM = 1, 2, 4, 2988


class Packet:
    def __init__(self, interface, time, wire, data, options):
        self.interface, self.time, self.wire, self.data, self.options = interface, time, wire, data, options
        self.comments = [value.decode() for code, value in options if code == COMMENT]


class Interface:
    def __init__(self, link_type, snaplen, options):
        self.link_type, self.snaplen, self.options = link_type, snaplen, dict(options)
        self.name = self.options.get(2, b"").decode()
        resolution = self.options.get(9, b"\6")[0]
        self.tick = 10**9 // (2 ** (resolution & 127) if resolution & 128 else 10**resolution)
        self.statistics = []


class Capture:
    """All that a pcapng file holds; anything that is not as it should be is an error."""

    def __init__(self, data):
        self.interfaces, self.packets, self.kinds = [], [], []
        at = 0
        while at < len(data):
            order = "<" if data[at : at + 4] != b"\n\r\r\n" or data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            kind, total = struct.unpack_from(order + "II", data, at)
            assert total % 4 == 0 and total >= 12 and at + total <= len(data), (at, total)
            assert struct.unpack_from(order + "I", data, at + total - 4)[0] == total
            self.block(order, kind, data[at + 8 : at + total - 4])
            at += total
        assert self.kinds.count(0x0A0D0D0A) == 1 and self.kinds[0] == 0x0A0D0D0A

    def options(self, order, data):
        found, at = [], 0
        while at < len(data):
            code, length = struct.unpack_from(order + "HH", data, at)
            if code == 0:
                assert at + 4 == len(data), "the end of options is not at the end"
                return found
            assert at + 4 + length <= len(data)
            found.append((code, data[at + 4 : at + 4 + length]))
            at += 4 + length + -length % 4
        assert not found, "options without an end"
        return found

    def block(self, order, kind, body):
        self.kinds.append(kind)
        if kind == 1:
            link_type, _, snaplen = struct.unpack_from(order + "HHI", body)
            self.interfaces.append(Interface(link_type, snaplen, self.options(order, body[8:])))
        elif kind == 6:
            interface, high, low, captured, wire = struct.unpack_from(order + "IIIII", body)
            behind = body[20 + captured + -captured % 4 :]
            time = (high << 32 | low) * self.interfaces[interface].tick
            self.packets.append(Packet(interface, time, wire, body[20 : 20 + captured], self.options(order, behind)))
        elif kind == 5:
            interface = struct.unpack_from(order + "I", body)[0]
            self.interfaces[interface].statistics.append(dict(self.options(order, body[12:])))
        else:
            assert kind == 0x0A0D0D0A, hex(kind)

    def bare(self):
        return [(self.interfaces[p.interface].name, p.time, p.wire, p.data) for p in self.packets]


def needs(program):
    return unittest.skipIf(shutil.which(program) is None, f"there is no {program}")


class PcapngTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def run_lastack(self, *arguments, code=0, said=b"", **more):
        environment = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")
        done = subprocess.run([LASTACK, *map(str, arguments)], capture_output=True, timeout=60, check=False, env=environment,
                              cwd=self.dir, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        if said is not None:
            self.assertEqual(done.stderr, said)
        return done

    def file(self, name, data):
        (self.dir / name).write_bytes(data)
        return name

    def sample(self, name):
        return pathlib.Path(SAMPLES) / f"{name}.pcapng"

    def annotated(self, *arguments, **more):
        return Capture(self.run_lastack("-o", "pcapng", *arguments, **more).stdout)

    def records(self, *arguments):
        return [json.loads(line) for line in self.run_lastack("-o", "ndjson", *arguments).stdout.splitlines()]

    def said(self, capture):
        """What each packet that has a comment says."""
        return {number: p.comments for number, p in enumerate(capture.packets, 1) if p.comments}


class TheSamePackets(PcapngTest):
    def test_nothing_changes_but_comments(self):
        for path in sorted(pathlib.Path(SAMPLES).glob("*.pcapng")):
            with self.subTest(path.name):
                before, after = Capture(path.read_bytes()), self.annotated(path)
                self.assertEqual(after.bare(), before.bare())
                self.assertEqual([(i.link_type, i.snaplen, i.name) for i in after.interfaces],
                                 [(i.link_type, i.snaplen, i.name) for i in before.interfaces])

    def test_its_analysis_says_the_same(self):
        def without_path(records):
            return [dict(record, path="") if record["type"] == "capture" else record for record in records]

        for path in sorted(pathlib.Path(SAMPLES).glob("*.pcapng")):
            with self.subTest(path.name):
                self.run_lastack("-o", "pcapng:out.pcapng", path)
                self.assertEqual(without_path(self.records("out.pcapng")), without_path(self.records(path)))

    def test_from_pcap_compressed_and_a_pipe(self):
        frames = cli.clean_connection() + cli.clean_connection(40002)
        data = cli.pcap(frames)
        self.file("plain.pcap", data)
        self.file("packed", gzip.compress(data))
        plain = self.annotated("plain.pcap")
        self.assertEqual([p.data for p in plain.packets], frames)
        self.assertEqual(plain.packets[3].time, (cli.EPOCH + 3) * 10**9)
        self.assertEqual(self.annotated("packed").bare(), plain.bare())
        self.assertEqual(self.annotated("-", input=data).bare(), plain.bare())
        self.run_lastack("-o", "pcapng", "--spool-limit", "100", "-", input=data, code=3, said=None)

    def test_what_options_select(self):
        """-f and -c leave packets out, -Y and --from only comments."""
        self.file("in.pcap", cli.pcap(cli.clean_connection() + cli.clean_connection(40002)))
        self.assertEqual(len(self.annotated("-f", "port 40002", "in.pcap").packets), 9)
        self.assertEqual(len(self.annotated("-c", "4", "in.pcap").packets), 4)
        chosen = self.annotated("-Y", "id == 2", "in.pcap")
        self.assertEqual(len(chosen.packets), 18)
        self.assertEqual(self.annotated("-Y", "id == 9", "in.pcap").packets[0].comments, [])
        self.assertTrue(self.said(chosen))
        self.assertTrue(all(number > 9 for number in self.said(chosen)))
        self.assertEqual(self.said(self.annotated("--from", str(cli.EPOCH + 3600), "in.pcap")), {})

    def test_a_cut_capture(self):
        data = self.sample("close-wait-leak").read_bytes()
        self.file("cut.pcapng", data[: data.rindex(b"\x06\0\0\0") + 40])
        self.assertEqual(len(self.annotated("cut.pcapng", code=4, said=None).packets), 6)


class WhatPacketsCarry(PcapngTest):
    """Interfaces, drops and the packets' own options, in both byte orders."""

    def capture(self, order):
        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)

        def option(code, value):
            return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

        def packet(number, interface, options):
            ticks, frame = (cli.EPOCH + number) * 10**6, cli.clean_connection()[number] + b"FCS."
            return block(6, struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)) +
                         frame + b"\0" * (-len(frame) % 4) + options)

        number = lambda form, value: struct.pack(order + form, value)
        own = option(COMMENT, "schön".encode()) + option(FLAGS, number("I", 2)) + option(DROPS, number("Q", 3)) + b"\0\0\0\0"
        end = (cli.EPOCH + 400) * 10**6
        statistics = struct.pack(order + "III", 1, end >> 32, end & 0xFFFFFFFF)
        return (block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)) +
                block(1, struct.pack(order + "HHI", 1, 0, 9000) + option(2, b"quiet0") + b"\0\0\0\0") +
                block(1, struct.pack(order + "HHI", 1, 0, 262144) + option(2, b"eth7") + option(3, b"to the switch") +
                      option(11, b"\0tcp") + option(13, b"\4") + b"\0\0\0\0") +
                packet(0, 1, b"") + packet(1, 1, own) + packet(2, 1, b"") +
                block(5, statistics + option(3, statistics[4:12]) + option(5, number("Q", 5)) + b"\0\0\0\0"))

    def test_kept(self):
        for order in "<>":
            with self.subTest(order):
                self.file("in.pcapng", self.capture(order))
                after = self.annotated("in.pcapng")
                self.assertEqual([i.name for i in after.interfaces], ["quiet0", "eth7"])
                self.assertEqual([p.interface for p in after.packets], [1, 1, 1])
                described = after.interfaces[1].options
                self.assertEqual([described[code] for code in (3, 11, 13)], [b"to the switch", b"\0tcp", b"\4"])
                options = after.packets[1].options
                self.assertEqual(options[:3], [(COMMENT, "schön".encode()), (FLAGS, struct.pack("=I", 2)), (DROPS, struct.pack("=Q", 3))])
                (statistics,) = after.interfaces[1].statistics
                self.assertEqual(statistics[5], struct.pack("=Q", 5))
                self.assertNotIn(7, statistics)  # the capture did not say what the kernel dropped
                self.assertEqual(statistics[3], struct.pack("=II", (cli.EPOCH + 400) * 10**9 >> 32, (cli.EPOCH + 400) * 10**9 & 0xFFFFFFFF))
                self.assertIn("[note] still-open", " ".join(sum((p.comments for p in after.packets), [])))

    def test_drops_stay_where_they_were_told(self):
        """A statistics block among the packets says when drops were: the analysis of the copy has to know it."""
        def statistics(seconds, drops):
            ticks = struct.pack("<II", (cli.EPOCH + seconds) * 10**6 >> 32, (cli.EPOCH + seconds) * 10**6 & 0xFFFFFFFF)
            return cli.block(5, struct.pack("<I", 0) + ticks + cli.option(3, ticks) + cli.option(5, struct.pack("<Q", drops)) +
                             cli.option(7, struct.pack("<Q", drops)) + b"\0\0\0\0")

        def half_closed(drops):
            packets = [cli.enhanced(f, i) for i, f in enumerate(cli.clean_connection()[:7])]
            return cli.SECTION + cli.interface() + b"".join([*packets[:4], statistics(4, 0), *packets[4:], statistics(9, drops), statistics(200, drops)])

        confidences = []
        for drops in (0, 2):
            self.file("in.pcapng", half_closed(drops))
            self.run_lastack("-o", "pcapng:out.pcapng", "in.pcapng")
            after = Capture((self.dir / "out.pcapng").read_bytes())
            self.assertEqual([kind for kind in after.kinds if kind in (5, 6)], [6] * 4 + [5] + [6] * 3 + [5, 5])
            self.assertEqual([(s[5], s[7]) for s in after.interfaces[0].statistics], [(struct.pack("=Q", n),) * 2 for n in (0, drops, drops)])
            before, copy = [[r["findings"] for r in self.records(name) if r["type"] == "connection"] for name in ("in.pcapng", "out.pcapng")]
            self.assertEqual(copy, before)
            confidences.append([f["confidence"] for f in before[0] if f["code"] == "close-wait-leak"])
        self.assertNotEqual(confidences[0], confidences[1])

    def test_kept_by_w_too(self):
        self.file("in.pcapng", self.capture("<"))
        self.run_lastack("-q", "-w", "out.pcapng", "in.pcapng")
        after = Capture((self.dir / "out.pcapng").read_bytes())
        self.assertEqual([i.name for i in after.interfaces], ["eth7"])  # only that one has packets
        self.assertEqual([[code for code, _ in p.options] for p in after.packets], [[], [COMMENT, FLAGS], []])

    def test_an_unknown_option(self):
        frame = cli.clean_connection()[0]
        body = struct.pack("<IIIII", 0, 0, 1000, len(frame), len(frame)) + frame + b"\0" * (-len(frame) % 4)
        custom = cli.option(CUSTOM, struct.pack("<I", 32473) + b"mine")
        self.file("in.pcapng", cli.SECTION + cli.interface() + cli.block(6, body + custom + b"\0\0\0\0"))
        self.assertIn((CUSTOM, struct.pack("<I", 32473) + b"mine"), self.annotated("in.pcapng").packets[0].options)


class Comments(PcapngTest):
    def expected(self, records, where=""):
        """What the findings of NDJSON records make of one capture."""
        found = {}
        for record in records:
            if record["type"] not in ("connection", "host"):
                continue
            conn = f" (conn {record['id']}{where})" if record["type"] == "connection" else ""
            for finding in record["findings"]:
                for i, packet in enumerate(finding["packets"]):
                    text = f"[{finding['severity']}] {finding['code']}: {finding['summary']}{conn}"
                    found.setdefault(packet, []).append(text if i == 0 else f"{finding['code']}{conn}: see packet {finding['packets'][0]}")
        return found

    def test_each_packet_of_each_finding(self):
        loud = 0
        for path in sorted(pathlib.Path(SAMPLES).glob("*.pcapng")):
            with self.subTest(path.name):
                said = self.said(self.annotated(path))
                self.assertEqual({n: sorted(c) for n, c in said.items()}, {n: sorted(c) for n, c in self.expected(self.records(path)).items()})
                loud += sum(text.startswith("[error]") for texts in said.values() for text in texts)
        self.assertGreater(loud, 8)

    def test_hosts(self):
        """A finding about a service has no connection."""
        frames = [f for port in range(41000, 41012) for f in (cli.segment(0, cli.SYN, 1, 0, ports=(port, 81)),
                                                              cli.segment(1, cli.RST | cli.ACK, 0, 2, ports=(port, 81)))]
        self.file("in.pcap", cli.pcap(frames))
        texts = [text for texts in self.said(self.annotated("in.pcap")).values() for text in texts]
        (burst,) = [text for text in texts if text.startswith("[error] refused-burst: ")]
        self.assertNotIn("(conn", burst)

    def test_a_policy_suppresses_them(self):
        self.file("p.lastack", b"[allow connection-refused]\nreason = known\n")
        path = self.sample("refused")
        self.assertIn("connection-refused", str(self.said(self.annotated(path))))
        self.assertNotIn("connection-refused", str(self.said(self.annotated("--policy", "p.lastack", path))))

    def test_numbers_of_a_part(self):
        """With -f the output has other numbers than the input: pointers use the output's, and sentences say whose they use."""
        frames = cli.clean_connection(40001) + [cli.segment(0, cli.SYN, 1, 0, ports=(40002, 81)), cli.segment(1, cli.RST | cli.ACK, 0, 2, ports=(40002, 81))]
        self.file("in.pcap", cli.pcap(frames))
        said = self.said(self.annotated("-f", "port 81", "in.pcap"))
        self.assertTrue(said[1][0].endswith("(conn 1; numbers of packets are those of the input, where this was 10)"), said)
        self.assertEqual(said[2], ["connection-refused (conn 1): see packet 1"])

    def test_several_captures(self):
        self.run_lastack("-o", "pcapng:out.pcapng", self.sample("refused"), self.sample("close-wait-leak"))
        after = Capture((self.dir / "out.pcapng").read_bytes())
        self.assertEqual(len(after.interfaces), 2)
        self.assertEqual([p.interface for p in after.packets], [0, 0] + [1] * 7)
        said = self.said(after)
        self.assertEqual(said[2], ["connection-refused (conn 1 of file 1): see packet 1"])
        self.assertIn("(conn 1 of file 2; numbers of packets are those of the input, where this was 6)", said[8][0])
        self.assertEqual(said[9], ["close-wait-leak (conn 1 of file 2): see packet 8"])
        until = [interface.statistics[0][3] for interface in after.interfaces]
        self.assertNotEqual(until[0], until[1])

    def test_a_sequence(self):
        """One capture in two pieces has the comments of the whole."""
        frames = cli.clean_connection()[:8]
        self.file("whole.pcap", cli.pcap(frames))
        self.file("one.pcap", cli.pcap_header() + b"".join(cli.pcap_record(f, i) for i, f in enumerate(frames[:4])))
        self.file("two.pcap", cli.pcap_header() + b"".join(cli.pcap_record(f, i + 4) for i, f in enumerate(frames[4:])))
        whole, pieces = self.annotated("whole.pcap"), self.annotated("--sequence", "one.pcap", "two.pcap")
        self.assertEqual([p.data for p in pieces.packets], frames)
        self.assertEqual(self.said(pieces), self.said(whole))
        self.assertTrue(any(number > 4 for number in self.said(whole)))

    def test_a_missing_file_shifts_nothing(self):
        said = self.said(self.annotated("nowhere.pcap", self.sample("refused"), code=3, said=None))
        self.assertIn("connection-refused: ", said[1][0])

    def test_more_than_there_is_room_for(self):
        """Notes fill half of the room and no more: an error that comes behind them is told."""
        template = cli.segment(0, cli.RST, 7, 0)
        strays = [template[:26] + struct.pack("!I", 0x0B000000 + i) + template[30:] for i in range(125_400)]
        refused = [cli.segment(0, cli.SYN, 1, 0, ports=(40002, 81)), cli.segment(1, cli.RST | cli.ACK, 0, 2, ports=(40002, 81))]
        record = struct.pack("<IIII", cli.EPOCH, 0, len(template), len(template))
        self.file("in.pcap", cli.pcap_header() + b"".join(record + f for f in strays + refused))
        done = self.run_lastack("-o", "pcapng:out.pcapng", "in.pcap", said=None)
        self.assertRegex(done.stderr.decode(), r"\Alastack: -o pcapng writes at most 250000 comments \(notes: half of that\): 4\d\d were left out; [^\n]*\n\Z")
        packets = Capture((self.dir / "out.pcapng").read_bytes()).packets
        self.assertEqual(len(packets), 125_402)
        notes = [p for p in packets if any(c.startswith("[note] stray-segment") for c in p.comments)]
        self.assertEqual(len(notes), 125_000)
        self.assertIn("[error] connection-refused", packets[-2].comments[0])


class WhereItGoes(PcapngTest):
    def refuse(self, code, words, *arguments):
        done = self.run_lastack(*arguments, code=code, said=None)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(words, done.stderr.decode())
        self.assertEqual(done.stdout, b"")

    def test_refused(self):
        shutil.copy(self.sample("refused"), self.dir / "in.pcapng")
        before = (self.dir / "in.pcapng").read_bytes()
        self.refuse(2, "overwrite", "-o", "pcapng:in.pcapng", "in.pcapng")
        self.assertEqual((self.dir / "in.pcapng").read_bytes(), before)
        self.refuse(2, "twice", "-o", "pcapng:a", "-o", "pcapng:b", "in.pcapng")
        self.refuse(2, "into the same file", "-o", "pcapng:a", "-w", "a", "in.pcapng")
        self.refuse(2, "standard output", "-o", "pcapng", "-o", "text", "in.pcapng")
        self.refuse(2, "standard output", "-o", "pcapng", "-w", "-", "in.pcapng")
        self.refuse(2, "is no file", "-o", "pcapng:a", "/dev/zero")
        self.refuse(6, "nowhere/out", "-o", "pcapng:nowhere/out", "in.pcapng")
        self.refuse(2, "for analyze", "check", "-o", "pcapng:a", "in.pcapng")
        if os.path.exists("/dev/full"):
            self.refuse(6, "/dev/full", "-o", "pcapng:/dev/full", "in.pcapng")

    def test_a_terminal(self):
        import pty  # noqa: PLC0415
        parent, child = pty.openpty()
        try:
            done = subprocess.run([LASTACK, "-o", "pcapng", self.sample("refused")], stdout=child, stderr=subprocess.PIPE, timeout=60, check=False)
        finally:
            os.close(child)
            os.close(parent)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"terminal", done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_beside_other_reports(self):
        path = self.sample("close-wait-leak")
        alone = self.run_lastack("-o", "text", path).stdout
        done = self.run_lastack("-o", "text", "-o", "pcapng:out.pcapng", "-w", "some.pcapng", path)
        self.assertEqual(done.stdout, alone)
        self.assertEqual(len(Capture((self.dir / "some.pcapng").read_bytes()).packets), 7)
        self.assertEqual(len(self.said(Capture((self.dir / "out.pcapng").read_bytes()))), 2)

    def test_a_reader_that_goes_away(self):
        self.file("in.pcap", cli.pcap([f for i in range(500) for f in cli.clean_connection(20000 + i)]))
        with subprocess.Popen([LASTACK, "-o", "pcapng", "in.pcap"], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
            program.stdout.read(4)
            program.stdout.close()
            self.assertEqual(program.stderr.read(), b"")
            self.assertEqual(program.wait(60), 0)


class Wireshark(PcapngTest):
    @needs("tshark")
    def test_tshark_shows_them(self):
        path = self.sample("close-wait-leak")
        self.run_lastack("-o", "pcapng:out.pcapng", path)
        done = subprocess.run(["tshark", "-r", "out.pcapng", "-Y", 'frame.comment contains "[error]"', "-T", "fields", "-e", "frame.number",
                               "-e", "frame.comment"], cwd=self.dir, capture_output=True, timeout=60, check=True)
        number, comment = done.stdout.decode().strip().split("\t")
        self.assertEqual(number, "6")
        self.assertTrue(comment.startswith("[error] close-wait-leak: 10.9.0.2:8888 got the FIN"))

    @needs("capinfos")
    def test_capinfos_counts_them(self):
        self.run_lastack("-o", "pcapng:out.pcapng", self.sample("fast-open"))
        done = subprocess.run(["capinfos", "-c", "-M", "-T", "-r", "out.pcapng"], cwd=self.dir, capture_output=True, timeout=60, check=True)
        self.assertEqual(done.stdout.decode().split()[-1], "18")

    @needs("editcap")
    def test_editcap_reads_it_without_complaint(self):
        self.run_lastack("-o", "pcapng:out.pcapng", self.sample("refused"), self.sample("close-wait-leak"))
        done = subprocess.run(["editcap", "out.pcapng", "again.pcapng"], cwd=self.dir, capture_output=True, timeout=60, check=True)
        self.assertEqual(done.stderr, b"")
        before, after = self.dir / "out.pcapng", self.dir / "again.pcapng"
        self.assertEqual([p.comments for p in Capture(after.read_bytes()).packets], [p.comments for p in Capture(before.read_bytes()).packets])


if __name__ == "__main__":
    LASTACK, SAMPLES = os.path.abspath(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, sys.argv[3])
    import cli
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
