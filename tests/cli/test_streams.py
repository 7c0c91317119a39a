#!/usr/bin/env python3
"""The same capture through files, pipes and compressors gives the same records; signals end a run with a report."""
import os
import signal
import struct
import subprocess
import time

import cli
from cli import CliTest, clean_connection, pcap, pcapng

FRAMES = clean_connection() + clean_connection(40002)


def packed(tool, data, *options):
    return subprocess.run([tool, "-c", *options], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


class NoTimes(CliTest):
    """Simple packet blocks have no time: no figure that would rest on one is told."""

    def test_only_simple_blocks(self):
        packets = [struct.pack("<I", len(frame)) + frame + b"\0" * (-len(frame) % 4) for frame in FRAMES]
        self.file("simple.pcapng", cli.SECTION + cli.block(1, struct.pack("<HHI", 1, 0, 262144))
                  + b"".join(cli.block(3, packet) for packet in packets))
        result = self.expect(0, "simple.pcapng", "-o", "ndjson", "--observed-until", "2026-11-21T00:00:00Z")
        for record in result.records("connection"):
            self.assertEqual(record["teardown"]["result"], "fin")
            self.assertEqual(record["findings"], [])
            self.assertNotIn("start", record)
            self.assertFalse([word for word in str(record).replace("'", " ").split() if word.endswith("_s") and word not in ("fin_to_ack_s", "close_wait_s")], record)
        capture, = result.records("capture")
        self.assertFalse({"start", "end", "observed_until"} & set(capture), capture)
        self.assertEqual(capture["vantage"], "unknown")
        self.assertEqual(result.records("summary")[0]["times"], {})
        text = self.expect(0, "simple.pcapng").out.decode()
        self.assertIn("its packets have no times", text)
        self.assertNotIn("1970", text)
        self.assertNotRegex(self.expect(0, "show", "simple.pcapng", "--conn", "1").out.decode(), "1970|0[.]0")


class SameRecords(CliTest):
    def records(self, *args, stdin=None):
        """The output without the name of the file."""
        result = self.expect(0, *args, "-o", "ndjson", stdin=stdin)
        self.assertEqual(result.message, "")
        lines = result.out.splitlines()
        return [line for line in lines if b'"type":"capture"' not in line], result.records("capture")[0]

    def setUp(self):
        super().setUp()
        self.data = pcap(FRAMES)
        self.file("plain.pcap", self.data)
        self.lines, self.capture = self.records("plain.pcap")
        self.assertEqual(self.capture["connections"], 2)

    def same(self, *args, stdin=None):
        lines, capture = self.records(*args, stdin=stdin)
        self.assertEqual(lines, self.lines)
        self.assertEqual(dict(capture, path=""), dict(self.capture, path=""))

    def test_options(self):
        self.same("-r", "plain.pcap")
        self.same("analyze", "plain.pcap")
        self.same("analyze", "-r", "plain.pcap")

    def test_compressed_whatever_the_name(self):
        for tool in ("gzip", "zstd", "lz4"):
            with self.subTest(tool):
                self.file("some.pcap", packed(tool, self.data))
                self.same("some.pcap")

    def test_several_members(self):
        for tool in ("gzip", "zstd", "lz4"):
            with self.subTest(tool):
                half = len(self.data) // 2
                self.file("two", packed(tool, self.data[:half]) + packed(tool, self.data[half:]))
                self.same("two")

    def test_standard_input(self):
        self.same("-", stdin=self.data)
        self.same("-r", "-", stdin=self.data)

    def test_compressed_standard_input(self):
        for tool in ("gzip", "zstd", "lz4"):
            with self.subTest(tool):
                self.same("-", stdin=packed(tool, self.data))

    def test_pipe_in_drops(self):
        program = self.start("-o", "ndjson", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for byte in range(0, len(self.data), 7):
            program.stdin.write(self.data[byte : byte + 7])
            program.stdin.flush()
        program.stdin.close()
        out = program.stdout.read()
        program.stdout.close()
        self.assertEqual(program.wait(cli.SECONDS), 0)
        self.assertEqual([line for line in out.splitlines() if b'"type":"capture"' not in line], self.lines)

    def test_named_pipe(self):
        path = os.path.join(self.dir, "pipe")
        os.mkfifo(path)
        program = self.start("-o", "ndjson", "pipe", stdout=subprocess.PIPE)
        with open(path, "wb") as pipe:
            pipe.write(self.data)
        out = program.stdout.read()
        program.stdout.close()
        self.assertEqual(program.wait(cli.SECONDS), 0)
        self.assertEqual([line for line in out.splitlines() if b'"type":"capture"' not in line], self.lines)

    def test_show_from_a_pipe(self):
        plain = self.expect(0, "show", "plain.pcap", "--conn", "2")
        piped = self.expect(0, "show", "-", "--conn", "2", stdin=self.data)
        self.assertEqual(piped.text.replace("standard input", "plain.pcap", 1), plain.text)

    def test_twice_the_same_bytes(self):
        for form in ("text", "ndjson"):
            with self.subTest(form):
                self.assertEqual(self.expect(0, "-o", form, "plain.pcap").out, self.expect(0, "-o", form, "plain.pcap").out)

    def test_pcapng(self):
        self.file("same.pcapng", pcapng(FRAMES))
        lines, _ = self.records("same.pcapng")
        self.assertEqual(lines, self.lines)


class Threads(CliTest):
    """-j changes when things happen, never what is said: many batches, several files, limits, filters, damage."""

    def setUp(self):
        super().setUp()
        many = [frame for i in range(300) for frame in clean_connection(20000 + i)]
        self.file("many.pcap", pcap(many))
        self.file("many.pcap.gz", packed("gzip", pcap(many)))
        self.file("cut.pcap", pcap(many)[:-5])
        self.file("few.pcap", pcap(FRAMES))
        self.file("empty.pcap", pcap([]))

    def same(self, code, *args, stdin=None):
        for form in ("text", "ndjson"):
            alone = self.expect(code, "-o", form, *args, stdin=stdin)
            for threads in ("2", "7"):
                beside = self.expect(code, "-j", threads, "-o", form, *args, stdin=stdin)
                self.assertEqual((beside.text, beside.message), (alone.text, alone.message))

    def test_whole_and_compressed(self):
        self.same(0, "many.pcap")
        self.same(0, "many.pcap.gz")
        self.same(0, "-", stdin=pcap(FRAMES))

    def test_several_files(self):
        self.same(0, "few.pcap", "many.pcap", "empty.pcap", "few.pcap")
        self.same(0, "--sequence", "few.pcap", "empty.pcap", "many.pcap", "few.pcap")
        self.same(3, "few.pcap", "missing.pcap", "many.pcap")

    def test_limits_and_filters(self):
        self.same(0, "-c", "1000", "many.pcap", "few.pcap")
        self.same(0, "--sequence", "-c", "1003", "many.pcap", "few.pcap")
        self.same(0, "-f", "port 20007 or port 20270", "many.pcap")

    def test_damage(self):
        self.same(4, "cut.pcap")
        self.same(4, "cut.pcap", "few.pcap")

    def test_packets_written(self):
        written = []
        for threads in ("1", "2"):
            self.expect(0, "-j", threads, "-Y", "client.port == 20100", "-w", "out", "many.pcap")
            with open(os.path.join(self.dir, "out"), "rb") as f:
                written.append(f.read())
        self.assertEqual(written[0], written[1])

    def test_bad_numbers(self):
        for word in ("0", "x", "-1", "257", ""):
            self.expect(2, "-j", word, "few.pcap")

    def test_unread_report_ends_a_run_that_waits_for_its_pipe(self):
        program = self.start("-j", "2", "-o", "ndjson", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        program.stdout.close()
        with open(os.path.join(self.dir, "many.pcap"), "rb") as f:
            program.stdin.write(f.read())
        program.stdin.flush()  # and stays open
        self.assertEqual(program.wait(cli.SECONDS), 0)
        program.stdin.close()


class Signals(CliTest):
    def interrupted(self, number, code, *options):
        program = self.start(*options, "-o", "ndjson", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        program.stdin.write(pcap(FRAMES))
        program.stdin.flush()
        time.sleep(1)  # it has read everything and waits for more
        program.send_signal(number)
        out, error = program.communicate(timeout=cli.SECONDS)
        result = cli.Result(program.returncode, out, error)
        self.assertEqual(result.code, code, result)
        self.assertEqual(len(result.records("connection")), 2, result)
        self.assertEqual(len(result.records("summary")), 1, result)

    def test_interrupt(self):
        self.interrupted(signal.SIGINT, 130)

    def test_terminate(self):
        self.interrupted(signal.SIGTERM, 143)

    def test_with_threads(self):
        self.interrupted(signal.SIGINT, 130, "-j", "2")
        self.interrupted(signal.SIGTERM, 143, "-j", "2")


if __name__ == "__main__":
    cli.main()
