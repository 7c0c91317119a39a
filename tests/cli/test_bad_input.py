#!/usr/bin/env python3
"""Files that are no capture, or a broken one: the exit code, one clear line, and what was readable is reported."""
import os
import resource
import struct
import subprocess

import cli
from cli import CliTest, block, clean_connection, enhanced, interface, pcap, pcap_header, pcap_record, pcapng, SECTION

FRAMES = clean_connection()


class NoCapture(CliTest):
    def test_missing(self):
        self.expect_line(3, "nowhere.pcap", words=("nowhere.pcap", "No such file"))

    def test_directory(self):
        os.mkdir(os.path.join(self.dir, "folder"))
        self.expect_line(3, "folder", words=("folder", "directory"))

    def test_empty(self):
        self.file("empty.pcap", b"")
        self.expect_line(3, "empty.pcap", words=("empty.pcap", "empty"))

    def test_empty_standard_input(self):
        self.expect_line(3, "-", stdin=b"")

    def test_text(self):
        self.file("notes.txt", b"this is no capture\n" * 100)
        self.expect_line(3, "notes.txt", words=("notes.txt",))

    def test_a_few_bytes(self):
        for size in range(1, 24):
            with self.subTest(size):
                self.file("short.pcap", pcap_header()[:size])
                result = self.run_lastack("short.pcap")
                self.assertIn(result.code, (3, 4), result)
                self.assert_line(result, ("short.pcap",))

    def test_empty_inside_gzip(self):
        self.file("empty.pcap.gz", subprocess.run(["gzip", "-c"], input=b"", stdout=subprocess.PIPE, check=True).stdout)
        self.expect_line(3, "empty.pcap.gz", words=("empty.pcap.gz",))

    def test_compressed_text(self):
        self.file("notes.gz", subprocess.run(["gzip", "-c"], input=b"text\n" * 100, stdout=subprocess.PIPE, check=True).stdout)
        self.expect_line(3, "notes.gz", words=("notes.gz",))

    def test_no_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may read everything")
        os.chmod(self.file("secret.pcap", pcap(FRAMES)), 0)
        self.expect_line(3, "secret.pcap", words=("Permission denied",))


class HeaderOnly(CliTest):
    def test_pcap(self):
        self.file("header.pcap", pcap_header())
        self.no_packets("header.pcap")

    def test_pcapng_section(self):
        self.file("header.pcapng", SECTION)
        self.no_packets("header.pcapng")

    def test_pcapng_interface(self):
        self.file("header.pcapng", SECTION + interface())
        self.no_packets("header.pcapng")

    def no_packets(self, name):
        result = self.expect(0, "-o", "ndjson", name)
        capture = result.records("capture")[0]
        self.assertEqual((capture["packets"], capture["truncated"]), (0, False))
        self.assertEqual(result.records("summary")[0]["connections"], 0)
        self.assertEqual(result.message, "")
        self.assertIn("packet", self.expect(0, name).text)


class BrokenOff(CliTest):
    """Nine good frames of one connection, then the end of all."""

    def broken(self, name, data, packets=9):
        self.file(name, data)
        result = self.expect_line(4, "-o", "ndjson", name, words=(name,))
        capture = result.records("capture")[0]
        self.assertEqual((capture["packets"], capture["truncated"]), (packets, True), result)
        connections = result.records("connection")
        self.assertEqual(len(connections), 1 if packets else 0)
        if packets == 9:
            self.assertEqual(connections[0]["teardown"]["result"], "fin")
        text = self.expect_line(4, name, words=(name,)).text
        self.assertTrue("broke off" in text or "cut off" in text or "truncated" in text or "corrupt" in text, text)
        return result

    def test_pcap_at_every_byte_of_the_last_packet(self):
        whole = pcap(FRAMES)
        for size in range(len(pcap(FRAMES[:8])) + 1, len(whole)):
            with self.subTest(size):
                self.broken("cut.pcap", whole[:size], packets=8)

    def test_pcap_in_the_first_packet(self):
        self.broken("cut.pcap", pcap(FRAMES)[:50], packets=0)

    def test_pcapng_at_every_byte_of_the_last_packet(self):
        whole = pcapng(FRAMES)
        for size in range(len(pcapng(FRAMES[:8])) + 1, len(whole)):
            with self.subTest(size):
                self.broken("cut.pcapng", whole[:size], packets=8)

    def test_standard_input(self):
        self.expect(4, "-", stdin=pcap(FRAMES)[:-3])

    def test_compressed(self):
        # Random payload and small blocks, so that the cut lies behind many packets.
        frames = FRAMES + [cli.segment(0, cli.ACK, 106, 307, os.urandom(1400)) for _ in range(400)]
        for tool, name in (("gzip -c", "cut.gz"), ("zstd -c", "cut.zst"), ("lz4 -c -B4", "cut.lz4")):
            with self.subTest(tool):
                packed = subprocess.run(tool.split(), input=pcap(frames), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
                self.file(name, packed[: len(packed) // 2])
                result = self.expect_line(4, "-o", "ndjson", name, words=(name,))
                capture = result.records("capture")[0]
                self.assertTrue(capture["truncated"])
                self.assertGreater(capture["packets"], 100)

    def test_damaged_gzip(self):
        packed = bytearray(subprocess.run(["gzip", "-c"], input=pcap(FRAMES * 50), stdout=subprocess.PIPE, check=True).stdout)
        packed[len(packed) // 2] ^= 0x55
        self.file("bad.gz", bytes(packed))
        self.assertIn(self.run_lastack("bad.gz").code, (3, 4))

    def test_lengths_that_lie(self):
        for captured in (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x10000000):
            with self.subTest(captured):
                self.broken("lies.pcap", pcap(FRAMES) + pcap_record(FRAMES[0], 9, lengths=(captured, captured)))

    def test_block_of_4_gib(self):
        for total in (0xFFFFFFFC, 0x80000000, 0x7FFFFFFC):
            with self.subTest(total):
                self.broken("huge.pcapng", pcapng(FRAMES) + block(6, b"\0" * 64, total=total))

    def test_huge_section_and_interface_blocks(self):
        for kind in (0x0A0D0D0A, 1, 5, 0xBAD):
            with self.subTest(kind):
                body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) if kind == 0x0A0D0D0A else b"\0" * 64
                self.broken("huge.pcapng", pcapng(FRAMES) + block(kind, body, total=0xFFFFFFFC))

    def test_blocks_too_short(self):
        for total in (0, 4, 8, 11):
            with self.subTest(total):
                self.broken("short.pcapng", pcapng(FRAMES) + block(6, b"\0" * 64, total=total))

    def test_packet_longer_than_its_block(self):
        body = struct.pack("<IIIII", 0, 0, 0, 2000, 2000) + b"\0" * 60
        self.broken("long.pcapng", pcapng(FRAMES) + block(6, body))

    def test_interface_that_does_not_exist(self):
        for number in (1, 0xFFFF, 0xFFFFFFFF):
            with self.subTest(number):
                self.broken("interface.pcapng", pcapng(FRAMES) + enhanced(FRAMES[0], 9, interface_id=number))

    def test_packet_before_any_interface(self):
        self.broken("first.pcapng", SECTION + enhanced(FRAMES[0], 0), packets=0)

    def test_text_in_the_middle(self):
        result = self.run_lastack("-o", "ndjson", self.file("text.pcapng", pcapng(FRAMES) + b"and then there was text, not a block\n" * 9))
        self.assertEqual(result.code, 4, result)
        self.assertEqual(result.records("capture")[0]["packets"], 9)

    def test_memory_is_not_taken_by_a_number_from_the_file(self):
        name = self.file("huge.pcapng", pcapng(FRAMES) + block(6, b"\0" * 64, total=0x7FFFFFFC))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.expect(4, name)
        after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(max(after, before), 400 * 1024, "KiB of the largest child so far")


class StrangeButReadable(CliTest):
    def test_nanoseconds_out_of_range(self):
        data = pcap_header(magic=0xA1B23C4D) + b"".join(pcap_record(f, i, fraction=0xFFFFFFFF) for i, f in enumerate(FRAMES))
        self.file("nano.pcap", data)
        result = self.run_lastack("-o", "ndjson", "nano.pcap")
        self.assertIn(result.code, (0, 4), result)
        self.assertEqual(len(result.records("capture")), 1)

    def test_impossible_times_are_told(self):
        data = pcap_header() + b"".join(pcap_record(f, i, fraction=1000000 if i in (3, 5) else 0) for i, f in enumerate(FRAMES))
        self.file("times.pcap", data)
        result = self.expect(0, "-o", "ndjson", "times.pcap")
        self.assertEqual(result.records("capture")[0]["quality"]["times_out_of_range"], 2)
        self.assertIn("2 packets with impossible times", self.expect(0, "times.pcap").text)
        self.file("good.pcap", pcap(FRAMES))
        self.assertNotIn("times_out_of_range", self.expect(0, "-o", "ndjson", "good.pcap").records("capture")[0]["quality"])
        self.assertNotIn("impossible", self.expect(0, "good.pcap").text)

    def test_microseconds_out_of_range(self):
        data = pcap_header() + b"".join(pcap_record(f, i, fraction=1000000 + i) for i, f in enumerate(FRAMES))
        self.file("micro.pcap", data)
        result = self.run_lastack("-o", "ndjson", "micro.pcap")
        self.assertIn(result.code, (0, 4), result)

    def test_time_of_all_ones(self):
        body = struct.pack("<IIIII", 0, 0xFFFFFFFF, 0xFFFFFFFF, len(FRAMES[0]), len(FRAMES[0])) + FRAMES[0]
        self.file("time.pcapng", pcapng(FRAMES) + block(6, body))
        self.assertIn(self.run_lastack("-o", "ndjson", "time.pcapng").code, (0, 4))

    def test_longer_captured_than_on_the_wire(self):
        data = pcap_header() + b"".join(pcap_record(f, i, lengths=(len(f), 20)) for i, f in enumerate(FRAMES))
        self.file("wire.pcap", data)
        self.assertEqual(self.expect(0, "-o", "ndjson", "wire.pcap").records("capture")[0]["packets"], 9)

    def test_empty_packets(self):
        self.file("nothing.pcap", pcap([b""] * 5 + FRAMES))
        capture = self.expect(0, "-o", "ndjson", "nothing.pcap").records("capture")[0]
        self.assertEqual((capture["packets"], capture["tcp_segments"]), (14, 9))

    def test_unknown_blocks_are_skipped(self):
        data = SECTION + block(0xBAD, b"x" * 40) + interface() + b"".join(enhanced(f, i) + block(0x40000BAD, b"y" * i) for i, f in enumerate(FRAMES))
        self.file("unknown.pcapng", data)
        self.assertEqual(self.expect(0, "-o", "ndjson", "unknown.pcapng").records("capture")[0]["packets"], 9)

    def test_unknown_link_type(self):
        self.file("usb.pcap", pcap(FRAMES, link_type=cli.USB_LINUX))
        capture = self.expect(0, "-o", "ndjson", "usb.pcap").records("capture")[0]
        self.assertEqual((capture["packets"], capture["skipped"]["not_ip"]), (9, 9))


class SeveralFiles(CliTest):
    def setUp(self):
        super().setUp()
        self.file("good.pcap", pcap(FRAMES))
        self.file("cut.pcap", pcap(FRAMES)[:-1])
        self.file("text.pcap", b"no capture at all, but long enough to be one\n")

    def test_the_others_are_analysed(self):
        result = self.expect_line(3, "-o", "ndjson", "text.pcap", "good.pcap", words=("text.pcap",))
        self.assertEqual([c["path"] for c in result.records("capture") if c["packets"]], ["good.pcap"])
        self.assertEqual(len(result.records("connection")), 1)

    def test_highest_code(self):
        self.expect(4, "cut.pcap", "good.pcap")
        self.expect(4, "cut.pcap", "text.pcap")
        self.expect(4, "text.pcap", "cut.pcap", "nowhere.pcap")
        self.expect(3, "nowhere.pcap", "good.pcap")

    def test_each_file_has_its_own_numbers(self):
        result = self.expect(0, "-o", "ndjson", "good.pcap", "good.pcap")
        self.assertEqual([(c["file"], c["id"], c["first_packet"]) for c in result.records("connection")], [(1, 1, 1), (2, 1, 1)])
        self.assertEqual([c["file"] for c in result.records("capture")], [1, 2])
        self.assertEqual(result.records("summary")[0]["connections"], 2)


if __name__ == "__main__":
    cli.main()
