#!/usr/bin/env python3
"""la-trace against a decoder of its own, written here from the RFCs: test_la_trace.py LA_TRACE."""
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

LA_TRACE = "la-trace"
BASE = 1795226400 * 10**9  # 2026-11-21T02:00:00Z
HEAD = "C = 192.0.2.10:40001  S = 198.51.100.7:8888\nX = [2001:db8::1]:50000  Y = [2001:db8::2]:443  R = 203.0.113.9\n"


def run(text, suffix=".pcapng"):
    """The frames of a trace as (time ns, interface, captured bytes, wire length), the tool's facts, and the file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "t.trace", pathlib.Path(folder) / ("t" + suffix)
        source.write_text(text, encoding="utf-8")
        done = subprocess.run([LA_TRACE, source, target], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise ValueError(done.stderr)
        data = target.read_bytes()
    facts = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    return (read_pcapng if data[:4] == b"\x0a\x0d\x0d\x0a" else read_pcap)(data), facts, data


def read_pcap(data):
    magic, _, _, _, _, _, _ = struct.unpack_from("<IHHIIII", data)
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    frames, at = [], 24
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from("<IIII", data, at)
        frames.append((seconds * 10**9 + fraction * unit, 0, data[at + 16:at + 16 + captured], length))
        at += 16 + captured
    return frames


def read_pcapng(data):
    frames, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length and length % 4 == 0
        if kind == 6:
            iface, high, low, captured, wire = struct.unpack_from("<IIIII", data, at + 8)
            frames.append((high << 32 | low, iface, data[at + 28:at + 28 + captured], wire))
        at += length
    return frames


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parse_ip(data):
    """(protocol, source, destination, ttl, id, body), with the header checksum verified."""
    if data[0] >> 4 == 4:
        assert checksum(data[:20]) == 0 and struct.unpack_from(">H", data, 2)[0] == len(data)
        return data[9], data[12:16], data[16:20], data[8], struct.unpack_from(">H", data, 4)[0], data[20:]
    assert struct.unpack_from(">H", data, 4)[0] == len(data) - 40
    return data[6], data[8:24], data[24:40], data[7], 0, data[40:]


def parse_tcp(data):
    protocol, source, destination, ttl, ip_id, body = parse_ip(data)
    assert protocol == 6
    pseudo = source + destination + struct.pack(">HH", 6, len(body))
    sport, dport, seq, ack, offset, window = struct.unpack_from(">HHIIHH", body)
    header = (offset >> 12) * 4
    return {"ports": (sport, dport), "seq": seq, "ack": ack, "flags": offset & 0x1FF, "window": window, "ttl": ttl, "id": ip_id,
            "options": parse_options(body[20:header]), "payload": body[header:], "checksum_good": checksum(pseudo + body) == 0}


def parse_options(data):
    found = []
    while data and data[0] != 0:
        size = 1 if data[0] == 1 else data[1]
        if data[0] != 1:
            found.append((data[0], data[2:size]))
        data = data[size:]
    return found


class Tool(unittest.TestCase):
    def segments(self, text):
        frames, _, _ = run("link raw\n" + HEAD + text)
        parsed = [parse_tcp(frame[2]) for frame in frames]
        self.assertTrue(all(one["checksum_good"] for one in parsed))
        return parsed

    def test_handshake(self):
        syn, syn_ack, ack = self.segments("0 C>S S 0(0)\n+0.010 S>C S. 0(0) ack 1 id 0\n+0.010 C>S . 1(0) ack 1\n")
        self.assertEqual((syn["ports"], syn["flags"], syn["seq"], syn["window"]), ((40001, 8888), 2, 1000000000, 64240))
        self.assertEqual([kind for kind, _ in syn["options"]], [2, 4, 8, 3])
        self.assertEqual(syn["options"][2][1], struct.pack(">II", 1000000, 0))
        self.assertEqual((syn_ack["flags"], syn_ack["seq"], syn_ack["ack"], syn_ack["id"]), (0x12, 1100000000, 1000000001, 0))
        self.assertEqual(ack["options"], [(8, struct.pack(">II", 1000020, 2000010))])
        self.assertEqual((ack["seq"], ack["ack"], ack["window"], ack["id"]), (1000000001, 1100000001, 502, syn["id"] + 1))

    def test_timestamps_need_both_ends(self):
        _, syn_ack, ack = self.segments("0 C>S S 0(0) <mss 536>\n+1 S>C S. 0(0) ack 1\n+1 C>S . 1(0) ack 1\n")
        self.assertEqual([kind for kind, _ in syn_ack["options"]], [2])
        self.assertEqual((ack["options"], ack["window"]), ([], 64240))

    def test_flags_numbers_options(self):
        everything, nothing, reset = self.segments(
            "isn C 4294967290\n0 C>S SFRP.UEWe 10(3) ack =7 win 9 ttl 3 id 77 <sack 1:5 =2:=3,tfo 0102,md5,raw fd04aabb,TS val 5 ecr 6> "
            "data \"a\\012b\"\n0 C>S - -1(1) <>\n0 C>S R =5(0)\n".replace(",md5", ""))
        self.assertEqual((everything["flags"], everything["seq"], everything["ack"], everything["window"]), (0x1FF, 4, 7, 9))
        self.assertEqual((everything["ttl"], everything["id"], everything["payload"]), (3, 77, b"a\nb"))
        self.assertEqual(everything["options"], [(5, struct.pack(">4I", 1100000001, 1100000005, 2, 3)), (34, b"\1\2"), (253, b"\xaa\xbb"),
                                                 (8, struct.pack(">II", 5, 6))])
        self.assertEqual((nothing["flags"], nothing["seq"], len(nothing["payload"]), nothing["options"]), (0, 4294967289, 1, []))
        self.assertEqual((reset["flags"], reset["seq"], reset["window"]), (4, 5, 0))

    def test_missing_copy_cut(self):
        frames, facts, _ = run("link raw\n" + HEAD + "0 C>S S 0(0)\n+1 S>C S. 0(0) ack 1 missing\n"
                               "+1 C>S . 1(0) ack 1 dup 0.0005 ttl 60 dup 0.1 cut 30\n+1 C>S P. 1(100) ack 1\nend +5\n")
        self.assertEqual([frame[0] - BASE for frame in frames], [0, 2 * 10**9, 2000500000, 21 * 10**8, 3 * 10**9])
        self.assertEqual([len(frame[2]) for frame in frames], [60, 30, 30, 30, 152])
        self.assertEqual([frame[3] for frame in frames], [60, 52, 52, 52, 152])
        self.assertEqual([frame[2][8] for frame in frames], [64, 64, 60, 64, 64])
        self.assertEqual(frames[1][2][4:6], frames[2][2][4:6])
        self.assertEqual((facts["packets"], facts["observed-until"], facts["stated"]), ("5", str(BASE + 8 * 10**9), "in-file"))

    def test_loops_and_sorting(self):
        frames, _, _ = run("link raw\nsort\nS = 198.51.100.7:80\nfor i 1 3\nC{i} = 192.0.2.{i}:{40000+i*2}\n{i*0.5} C{i}>S S 0(0)\n"
                           "{i*0.5+1} C{i}>S S 0(0)  # again\ndone\n")
        self.assertEqual([(frame[0] - BASE) // 10**8 for frame in frames], [5, 10, 15, 15, 20, 25])
        self.assertEqual(sorted({parse_tcp(frame[2])["ports"][0] for frame in frames}), [40002, 40004, 40006])

    def test_icmp(self):
        frames, _, _ = run("link raw\n" + HEAD + "0 C>S S 0(0)\n+1 R>C icmp 3/4 quoting 1 mtu 1400\n+1 X>Y P. 1(9) ack 1\n"
                           "+1 Y>X icmp6 1/4 quoting 3\n+1 R>C icmp 3/1 quoting 1 quote 8\n")
        protocol, _, _, _, _, body = parse_ip(frames[1][2])
        self.assertEqual((protocol, body[:2], checksum(body), struct.unpack_from(">I", body, 4)[0]), (1, b"\3\4", 0, 1400))
        self.assertEqual(body[8:], frames[0][2])
        protocol, source, destination, _, _, body = parse_ip(frames[3][2])
        self.assertEqual((protocol, body[:2], body[8:]), (58, b"\1\4", frames[2][2][:60]))
        self.assertEqual(checksum(source + destination + struct.pack(">IHH", len(body), 0, 58) + body), 0)
        self.assertEqual(len(parse_ip(frames[4][2])[5]), 8 + 28)

    def test_layers(self):
        def ethernet(encap):
            return run(HEAD + f"encap {encap}\n0 C>S S 0(0) <>\n")[0][0][2]

        inner = run("link raw\n" + HEAD + "0 C>S S 0(0) <>\n")[0][0][2]
        self.assertEqual(ethernet("none")[12:], b"\x08\x00" + inner)
        self.assertEqual(ethernet("svlan:5 vlan:7")[12:], bytes.fromhex("88a8000581000007 0800".replace(" ", "")) + inner)
        self.assertEqual(ethernet("mpls:3")[12:], bytes.fromhex("884700003140") + inner)
        self.assertEqual(ethernet("pppoe")[12:], bytes.fromhex("8864110000010 02a0021".replace(" ", "")) + inner)
        for encap, protocol, rest in [("ipip", 4, b""), ("gre", 47, bytes.fromhex("00000800")),
                                      ("gre-key:7", 47, bytes.fromhex("2000080000000007"))]:
            self.assertEqual((parse_ip(ethernet(encap)[14:])[0], parse_ip(ethernet(encap)[14:])[5]), (protocol, rest + inner))
        protocol, _, _, _, _, body = parse_ip(ethernet("vxlan:42")[14:])
        self.assertEqual((protocol, body[2:4], body[8:16], body[28:]), (17, b"\x12\xb5", bytes.fromhex("0800000000002a00"), b"\x08\x00" + inner))

    def test_links(self):
        inner = run("link raw\n" + HEAD + "0 C>S S 0(0) <>\n")[0][0][2]
        for link, number, header in [("null", 0, 4), ("sll", 113, 16), ("sll2", 276, 20), ("ppp", 9, 4), ("fddi", 10, 21), ("ipoib", 242, 44),
                                     ("802.11", 105, 32), ("radiotap", 127, 40), ("c-hdlc", 104, 4), ("nflog", 239, 8)]:
            frames, _, data = run(f"link {link}\n" + HEAD + "0 C>S S 0(0) <>\n", ".pcap")
            self.assertEqual((struct.unpack_from("<I", data, 20)[0], frames[0][2][header:]), (number, inner), link)

    def test_formats(self):
        text = HEAD + "0.000001 C>S S 0(0)\n"
        self.assertEqual(run(text, ".pcap")[0], run(text)[0])
        self.assertEqual(run("format pcap-nsec\n" + text.replace("0.000001", "0.000000001"), ".pcap")[0][0][0], BASE + 1)
        frames, _, data = run("interfaces 2\nifname 1 \"e\\033\"\n" + HEAD + "0 C>S S 0(0) iface 1\nend 9\n")
        self.assertEqual(frames[0][1], 1)
        self.assertIn(b"\x02\x00\x02\x00e\x1b\x00\x00", data)
        self.assertTrue(run("snaplen 40\n" + text, ".pcap")[0][0][2:4][0].__len__() == 40)

    def test_bad_checksum(self):
        frames, _, _ = run("link raw\n" + HEAD + "0 C>S S 0(0) bad-checksum\n")
        self.assertFalse(parse_tcp(frames[0][2])["checksum_good"])

    def test_fragments(self):
        frames, _, _ = run("link raw\n" + HEAD + "0 C>S P. 1(30) ack 1 <> fragment 3\n")
        places = [(int.from_bytes(data[6:8], "big"), int.from_bytes(data[2:4], "big")) for data in (frame[2] for frame in frames)]
        self.assertEqual(places, [(0x2000, 44), (0x2003, 44), (6, 22)])

    def test_mistakes_name_their_line(self):
        for text, line in [("0 C>S S 0(0) win x\n", 3), ("\n0 C>Q S 0(0)\n", 4), ("0 C>X S 0(0)\n", 3), ("0 C>S . 1(0)\n", 3),
                           ("0 C>S S 0(0) colour 1\n", 3), ("0 C>S S 0(0) <mss>\n", 3), ("link token-ring\n", 3), ("frobnicate\n", 3),
                           ("for i 1 2\n", 3), ("done\n", 3), ("{1/0} C>S S 0(0)\n", 3), ("0 C>S S 0(70000)\n", 3),
                           ("0 R>C icmp 3/1 quoting 1\n", 3), ("C = 192.0.2.1:1\n", 3), ("0 C>S S 0(0) <raw 0\n", 3),
                           ("0 C>S S 0(0) iface 1\n", 3), ("0 C>S S 0(0) fragment 2000000\n", 3), ("link raw\nencap vlan:1\n0 C>S S 0(0)\n", 5), ("end soon\n", 3)]:
            with self.subTest(text), self.assertRaisesRegex(ValueError, rf"t\.trace:{line}: "):
                run(HEAD + text)


if __name__ == "__main__":
    LA_TRACE = sys.argv.pop(1)
    unittest.main()
