#!/usr/bin/env python3
"""Every filter of filters/ over every link type and every tagging that a frame can have there: exactly the right packets pass.

    test_filters.py LA_TRACE FILTER_MATCHES FILTERS_FOLDER
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

LA_TRACE = MATCHES = FOLDER = None

ENDS = """C4 = 192.0.2.10:40001     S4 = 198.51.100.7:8888
C6 = [2001:db8::1]:40001  S6 = [2001:db8::2]:8888
T4 = 198.51.100.7:443     T6 = [2001:db8::2]:443
A4 = 129.0.136.168:33024  B4 = 8.0.6.2:2048
"""
EVERY = "syn fin rst handshake teardown chat"
# A packet line ({n} is the address family), and the filters it has to pass.
PACKETS = [
    ("C{n}>S{n} S 0(0)", "syn handshake chat"),
    ("C{n}>S{n} S 0(10) <tfo 0102030405060708>", "syn handshake chat"),
    ("S{n}>C{n} S. 0(0) ack 1", "handshake chat"),
    ("C{n}>S{n} . 1(0) ack 1", "handshake teardown chat"),
    ("C{n}>S{n} . 1(0) ack 1 <>", "handshake teardown chat"),
    ("C{n}>S{n} . 1(0) ack 1 <nop,nop,TS,sack 1:5 7:9>", "handshake teardown chat"),
    ("C{n}>S{n} P. 1(10) ack 1", "chat"),
    ("C{n}>S{n} . 1(1) ack 1 <>", "chat"),
    ("S{n}>C{n} P. 1(1400) ack 11", "chat"),
    ("C{n}>S{n} F. 11(0) ack 1", "fin teardown chat"),
    ("C{n}>S{n} FP. 11(20) ack 1", "fin teardown chat"),
    ("S{n}>C{n} R. =0(0) ack 1 <>", "rst handshake teardown chat"),
    ("S{n}>C{n} R. 5(0) ack 1", "rst teardown chat"),
    ("S{n}>C{n} R 5(0)", "rst teardown chat"),
    ("C{n}>S{n} SF 0(0)", "syn fin handshake teardown chat"),
    ("C{n}>S{n} - 0(0)", "chat"),
    ("C{n}>T{n} S 0(0)", "syn handshake"),
    ("T{n}>C{n} S. 0(0) ack 1", "handshake"),
    ("C{n}>T{n} . 1(0) ack 1", "handshake teardown"),
    ("C{n}>T{n} P. 1(10) ack 1", ""),
    ("C{n}>T{n} F. 11(0) ack 1", "fin teardown"),
    ("T{n}>C{n} R 5(0)", "rst teardown"),
    ("C{n}>S{n} udp 60", ""),
]
# Addresses and ports that look like tags and ethertypes where a careless offset would find them.
TRICKS = [("A4>B4 . 1(3) ack 1 id 33024", ""), ("A4>B4 S 0(0) id 2048", "syn handshake"), ("B4>A4 P. 1(40) ack 1", "")]

PLAIN_LINKS = "ethernet sll sll2 null loop raw ppp ppp-serial c-hdlc fddi 802.11 radiotap ppi arcnet".split()
TAGS = {"ethernet": ["vlan:10", "svlan:10", "vlan:10 vlan:20", "svlan:10 vlan:20", "svlan:10 svlan:20"], "sll": ["vlan:10"], "sll2": ["vlan:10"]}
NOT_FILTERED = {"ipoib": "IPOIB", "nflog": "NFLOG"}


def packets_of(families):
    """(line, filters) of all packets for these families."""
    lines = [(line.format(n=family), words.split()) for family in families for line, words in PACKETS]
    return lines + [(line, words.split()) for line, words in TRICKS if 4 in families]


class Filters(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def capture(self, head, packets):
        source, target = pathlib.Path(self.folder.name) / "f.trace", pathlib.Path(self.folder.name) / "f.pcap"
        source.write_text(head + ENDS + "".join(f"+0.1 {line}\n" for line, _ in packets), encoding="utf-8")
        subprocess.run([LA_TRACE, source, target], check=True, stdout=subprocess.DEVNULL, timeout=60)
        return target

    def matches(self, name, capture):
        return subprocess.run([MATCHES, f"{FOLDER}/{name}.bpf", capture], capture_output=True, text=True, check=False, timeout=60)

    def check(self, head, packets):
        capture = self.capture(head, packets)
        for name in EVERY.split():
            with self.subTest(head=head.strip(), filter=name):
                done = self.matches(name, capture)
                self.assertEqual(done.returncode, 0, done.stderr)
                passed = {int(number) for number in done.stdout.split()}
                wanted = {number for number, (_, words) in enumerate(packets, 1) if name in words}
                wrong = sorted(passed ^ wanted)
                self.assertEqual(wrong, [], [packets[number - 1][0] for number in wrong])

    def test_every_filter_is_tested(self):
        self.assertEqual(sorted(path.stem for path in pathlib.Path(FOLDER).glob("*.bpf")), sorted(EVERY.split()))

    def test_untagged(self):
        for link in PLAIN_LINKS:
            self.check(f"link {link}\n", packets_of([4, 6]))

    def test_one_family(self):
        self.check("link ipv4\n", packets_of([4]))
        self.check("link ipv6\n", packets_of([6]))

    def test_tagged(self):
        for link, tags in TAGS.items():
            for tag in tags:
                self.check(f"link {link}\nencap {tag}\n", packets_of([4, 6]))

    def test_short_snaplen(self):
        """Frames cut behind the TCP header: 14 + 8 + 40 + 60 bytes at most."""
        self.check("snaplen 122\nencap svlan:1 vlan:2\n", packets_of([4, 6]))
        self.check("snaplen 114\n", packets_of([4, 6]))

    def test_fragments(self):
        """What looks like flags in a later fragment is payload."""
        capture = self.capture("", [("C4>S4 S 0(0)", "")])
        data = bytearray(capture.read_bytes())
        data[24 + 16 + 14 + 6:24 + 16 + 14 + 8] = b"\x20\x10"
        capture.write_bytes(data)
        for name in EVERY.split():
            self.assertEqual(self.matches(name, capture).stdout.strip(), "", name)

    def test_link_types_that_cannot_be_filtered(self):
        for link, name in NOT_FILTERED.items():
            capture = self.capture(f"link {link}\n", packets_of([4]))
            done = self.matches("syn", capture)
            self.assertEqual((done.returncode, name in done.stderr), (2, True), done.stderr)


if __name__ == "__main__":
    LA_TRACE, MATCHES, FOLDER = sys.argv[1:4]
    del sys.argv[1:4]
    unittest.main()
