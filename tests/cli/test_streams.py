#!/usr/bin/env python3
"""The same capture through files, pipes and compressors gives the same records; signals end a run with a report."""
import os
import signal
import subprocess
import time

import cli
from cli import CliTest, clean_connection, pcap, pcapng

FRAMES = clean_connection() + clean_connection(40002)


def packed(tool, data, *options):
    return subprocess.run([tool, "-c", *options], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


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


class Signals(CliTest):
    def interrupted(self, number, code):
        program = self.start("-o", "ndjson", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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


if __name__ == "__main__":
    cli.main()
