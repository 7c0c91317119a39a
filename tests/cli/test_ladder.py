#!/usr/bin/env python3
"""What `lastack show` says of packets that no tidy sample has: time that steps back, a RST after the RST; and every header field."""
import gzip
import re
import struct

import cli
from cli import ACK, FIN, PSH, RST, SYN, CliTest, clean_connection, pcap, pcap_header, pcap_record, pcapng, segment


class Ladder(CliTest):
    def test_time_goes_back_once(self):
        """One step back is told once, at its packet, and the columns hold what comes before the beginning."""
        ticks = [10, 5, 6, 7, 8, 9, 10, 11, 12]
        self.file("back.pcap", pcap_header() + b"".join(pcap_record(f, t) for f, t in zip(clean_connection(), ticks)))
        text = self.expect(0, "show", "back.pcap").text
        self.assertEqual(text.count("time goes back here"), 1, text)
        rows = [line for line in text.splitlines() if "──" in line]
        self.assertTrue(rows[1].startswith("2 -5.000000  "), text)
        places = {min(i for i in (row.find("──"), row.find("◀──")) if i > 0) for row in rows}
        self.assertEqual(len(places), 1, text)

    def test_second_rst_ends_nothing(self):
        frames = clean_connection()[:5] + [segment(0, RST | ACK, 105, 306), segment(0, RST, 105, 0)]
        self.file("two.pcap", pcap(frames))
        text = self.expect(0, "show", "two.pcap").text
        self.assertEqual(text.count("ends the connection"), 1, text)
        self.assertIn("after the RST", text)

    def fields(self, *args, **more):
        """The lines of fields that -v prints below each row: {packet: {label: text}}."""
        found, now = {}, None
        for line in self.expect(0, "show", *args, "-v", **more).text.splitlines():
            label = re.match(r" +(link|IPv4|IPv6|TCP|opts|ICMP) +(.*)", line)
            if re.match(r" *\d+ [\d:.-]+  ", line):
                now, last = found.setdefault(int(line.split()[0]), {}), None
            elif label and now is not None:
                last = label.group(1)
                now[last] = label.group(2)
            elif not line:
                now = None
            elif now is not None and last is not None:
                now[last] += " " + line.strip()
        return found

    def test_every_field_however_it_comes(self):
        """From any kind of file, through a pipe, in pieces and through a filter: the fields are those of the packet's own bytes."""
        frames = clean_connection()
        self.file("plain.pcap", pcap(frames))
        plain = self.fields("plain.pcap")
        self.assertEqual(sorted(plain), list(range(1, 10)))
        self.assertEqual(plain[1], {
            "IPv4": "tos 0x00, ttl 64, id 7, DF, length 40, header 20, cksum 0x%04x right" % struct.unpack_from("!H", frames[0], 24),
            "TCP": "flags 0x002, window 64240, header 20, cksum 0x%04x right" % struct.unpack_from("!H", frames[0], 50)})
        for number, frame in enumerate(frames, 1):
            self.assertIn("cksum 0x%04x right" % struct.unpack_from("!H", frame, 50), plain[number]["TCP"])
        self.file("next.pcapng", pcapng(frames))
        self.file("zipped", gzip.compress(pcap(frames)))
        self.file("one.pcap", pcap(frames[:4]))
        self.file("two.pcap", pcap(frames[4:], first=4))
        self.assertEqual(self.fields("next.pcapng"), plain)
        self.assertEqual(self.fields("zipped"), plain)
        self.assertEqual(self.fields("-", stdin=pcap(frames)), plain)
        self.assertEqual(self.fields("--sequence", "one.pcap", "two.pcap"), plain)
        self.assertEqual(self.fields("-f", "tcp port 8888", "plain.pcap"), plain)
        self.file("tagged.pcap", pcap([frame[:12] + b"\x81\0\0\x0a" + frame[12:] for frame in frames]))
        self.assertEqual(self.fields("tagged.pcap"), {n: dict(f, link="vlan:10") for n, f in plain.items()})

    def test_many_packets_among_others(self):
        """The bytes are those of the packet also when the reader's block and batch change in the middle."""
        frames = [segment(0, SYN, 100, 0), segment(1, SYN | ACK, 300, 101), segment(0, ACK, 101, 301)]
        for i in range(400):
            frames += [segment(0, PSH | ACK, 101 + 1400 * i, 301, bytes([i % 251]) * 1400), segment(0, SYN, i, 0, ports=(50000, 80))]
        self.file("big.pcap", pcap(frames))
        fields = self.fields("big.pcap", "--conn", "1")
        self.assertEqual(len(fields), 403)
        for number, found in fields.items():
            self.assertIn("cksum 0x%04x right" % struct.unpack_from("!H", frames[number - 1], 50), found["TCP"], number)

    def test_cut_short_offloaded_and_wrong(self):
        """What the checksum is, with its value, and when nothing can be said of it."""
        frames = clean_connection()
        frames[3] = frames[3][:50] + struct.pack("!H", 0x1234) + frames[3][52:]
        length = len(frames[4]) - 34
        pseudo = 0xFFFF & ~cli.checksum(frames[4][26:34] + struct.pack("!HH", 6, length))
        frames[4] = frames[4][:50] + struct.pack("!H", pseudo) + frames[4][52:]
        records = [pcap_record(f, i) for i, f in enumerate(frames)]
        whole = frames[3]
        records[3] = pcap_record(whole, 3)
        request = segment(0, PSH | ACK, 105, 306, b"more")
        records.insert(5, pcap_record(request[:54], 4, lengths=(54, len(request))))
        self.file("odd.pcap", pcap_header() + b"".join(records))
        fields = self.fields("odd.pcap")
        self.assertRegex(fields[4]["TCP"], r"cksum 0x1234 WRONG \(0x[0-9a-f]{4} would be right\)$")
        self.assertIn("cksum 0x%04x offloaded" % pseudo, fields[5]["TCP"])
        self.assertIn("not verified (cut short)", fields[6]["TCP"])
        self.assertEqual(fields[6]["link"], "54 of 58 bytes captured")

    def test_options_as_they_stand(self):
        """Options that no host sends are shown as they are, and control characters of theirs do no harm."""
        plain = segment(0, SYN, 100, 0)
        options = bytes.fromhex("0101 fe04f989 1b031b 050300 0000 0000".replace(" ", ""))
        options += b"\0" * (-len(options) % 4)
        frame = bytearray(plain[:54] + options)
        frame[16:18] = struct.pack("!H", 40 + len(options))
        frame[46] = (20 + len(options)) // 4 << 4
        self.file("options.pcap", pcap([bytes(frame)]))
        self.assertEqual(self.fields("options.pcap")[1]["opts"].split(", "), [
            "nop", "nop", "fast open (experimental) request", "kind 27 length 3: 1b",
            "kind 5 (sack) length 3", "malformed: its kind has another length: 00", "end of options"])

    def test_icmp_error(self):
        syn = segment(0, SYN, 100, 0)
        icmp = struct.pack("!BBHI", 3, 1, 0, 0) + syn[14:]
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), 9, 0, 61, 1, 0) + bytes([192, 0, 2, 1, 192, 0, 2, 10])
        self.file("icmp.pcap", pcap([syn, syn[:14] + header + icmp]))
        self.assertEqual(self.fields("icmp.pcap")[2], {"ICMP": "ttl 61, quotes 192.0.2.10:40001 > 198.51.100.7:8888 seq 0"})


if __name__ == "__main__":
    cli.main()
