#!/usr/bin/env python3
"""Options that are wrong, and outputs that cannot be written."""
import os
import re
import subprocess

import cli
from cli import CliTest, clean_connection, pcap, pcap_header, pcap_record

FRAMES = clean_connection()


class Usage(CliTest):
    def setUp(self):
        super().setUp()
        self.file("good.pcap", pcap(FRAMES))

    def refused(self, *args, words=()):
        """Exit code 2, nothing on standard output, a short message that has `words`."""
        result = self.expect(2, *args)
        self.assertEqual(result.out, b"", result)
        self.assertTrue(result.message.startswith("lastack: "), result)
        self.assertLessEqual(result.message.count("\n"), 4, result)
        for word in words:
            self.assertIn(word, result.message)

    def test_no_file(self):
        result = self.expect(2)
        self.assertEqual(result.out, b"")
        self.assertIn("usage: lastack", result.message)
        self.refused("analyze")

    def test_unknown_option(self):
        self.refused("--nosuch", "good.pcap", words=("--nosuch",))
        self.refused("-Z", "good.pcap", words=("-Z",))

    def test_missing_value(self):
        self.refused("good.pcap", "-o")

    def test_unknown_format(self):
        self.refused("-o", "ndjsn", "good.pcap", words=("ndjsn", "ndjson"))

    def test_two_reports_on_standard_output(self):
        self.refused("-o", "text", "-o", "ndjson", "good.pcap", words=("standard output",))
        self.refused("-o", "ndjson", "-o", "ndjson", "good.pcap", words=("standard output",))
        self.refused("-o", "ndjson:-", "-o", "text", "good.pcap", words=("standard output",))

    def test_bad_filter(self):
        self.refused("-f", "tcp prot 80", "good.pcap", words=("tcp prot 80",))

    def test_bad_filter_is_told_before_any_file_is_read(self):
        self.refused("-f", "tcp prot 80", "nowhere.pcap", words=("tcp prot 80",))

    def test_missing_filter_file(self):
        self.refused("-F", "nowhere.bpf", "good.pcap", words=("nowhere.bpf",))
        self.refused("-F", "@nosuch", "good.pcap", words=("nosuch",))

    def test_link_type_that_libpcap_cannot_filter(self):
        self.file("odd.pcap", pcap(FRAMES, link_type=cli.USB_LINUX))
        result = self.run_lastack("-f", "tcp port 8888", "odd.pcap")
        self.assertEqual(result.code, 2, result)
        self.assertIn("USB_LINUX", result.message)

    def test_bad_time(self):
        self.refused("--from", "yesterday", "good.pcap", words=("yesterday",))
        self.refused("--observed-until", "25:99", "good.pcap", words=("25:99",))

    def test_bad_threshold(self):
        self.refused("--threshold", "close-wait-leek=5s", "good.pcap", words=("close-wait-leek", "close-wait-leak"))
        self.refused("--threshold", "close-wait-leak=5%", "good.pcap", words=("5%",))
        self.refused("--threshold", "close-wait-leak", "good.pcap", words=("close-wait-leak",))

    def test_bad_colour(self):
        self.refused("--color=sometimes", "good.pcap", words=("sometimes",))

    def test_show_without_a_connection(self):
        self.expect(0, "show", "good.pcap")  # there is only one
        self.file("two.pcap", pcap(FRAMES + clean_connection(40002)))
        listed = self.expect_line(2, "show", "two.pcap", words=("--conn",))
        self.assertEqual(len(listed.text.splitlines()), 2)
        self.refused("show", "two.pcap", "--conn", "x", words=("x",))
        self.refused("show", words=("FILE",))

    def test_show_of_a_connection_that_is_not_there(self):
        result = self.run_lastack("show", "good.pcap", "--conn", "99")
        self.assertEqual(result.code, 2, result)
        self.assertIn("99", result.message)

    def test_threshold_without_a_code(self):
        for given in ("=3s", ".factor=3"):
            with self.subTest(given):
                self.refused("--threshold", given, "good.pcap", words=("no code", "CODE=VALUE"))

    def test_explain_of_an_unknown_word(self):
        self.refused("explain", "xyzzy", words=("xyzzy",))
        near = self.run_lastack("explain", "close-wait-leek")
        self.assertIn("close-wait-leak", near.text + near.message)


class Words(CliTest):
    """What is asked for is printed on standard output, with exit code 0."""

    def test_version(self):
        self.assertRegex(self.expect(0, "--version").text, r"\Alastack \d+\.\d+\.\d+")

    def test_help(self):
        for args in (("--help",), ("help",), ("-h",), ("help", "show"), ("show", "--help")):
            with self.subTest(args):
                result = self.expect(0, *args)
                self.assertIn("lastack", result.text)
                self.assertEqual(result.message, "")

    def test_explain(self):
        listing = self.expect(0, "explain").text
        for code in ("close-wait-leak", "missing-final-ack", "rst-abort"):
            self.assertIn(code, listing)
        for word in ("close-wait-leak", "TIME_WAIT", "CLOSE-WAIT", "RST", "fin-rst", "half-closed", "ECONNRESET"):
            with self.subTest(word):
                self.assertGreater(len(self.expect(0, "explain", word).text.splitlines()), 1)

    def test_every_listed_word_is_reached(self):
        """Each word of the list, written as there, is explained itself: the flag FIN and the result fin are two."""
        listing = self.expect(0, "explain").text
        kinds = {"States": "state of RFC 9293", "Flags": "flag", "Results of opening": "result of opening",
                 "Results of closing": "result of closing", "Terms": "term"}
        reached = 0
        for block in listing.split("\n\n"):
            heading, _, words = block.partition("\n")
            for word in [] if heading not in kinds else " ".join(words.split()).split(", "):
                with self.subTest(word):
                    self.assertEqual(self.expect(0, "explain", word).text.splitlines()[0], "%s (%s)" % (word, kinds[heading]))
                    reached += 1
        self.assertGreater(reached, 30)
        self.assertIn("It may also mean: FIN (flag)", self.expect(0, "explain", "fin").text)
        self.assertIn("(state of", self.expect(0, "explain", "SYN-RECEIVED").text.splitlines()[0])

    def test_explain_of_what_a_ticket_says(self):
        for words, name in (("read tcp 192.0.2.1:80: use of closed network connection", "EBADF"),
                            ("too many open files", "EMFILE"),
                            ("accept4() failed (24: Too many open files)", "EMFILE"),
                            ("EOF", "EOF"),
                            ("Post http://a: unexpected EOF", "EOF"),
                            ("RemoteDisconnected", "EOF"),
                            ("org.apache.http.NoHttpResponseException: a:80 failed to respond", "EOF"),
                            ("context deadline exceeded", "ETIMEDOUT"),
                            ("write ECONNRESET", "ECONNRESET")):
            with self.subTest(words):
                self.assertEqual(self.expect(0, "explain", words).text.split()[0], name)
        for word in ("UH", "URX"):
            with self.subTest(word):
                text = self.expect(0, "explain", word).text
                self.assertIn("ECONNREFUSED", text)
                self.assertIn("ETIMEDOUT", text)
        # a word of everyday language inside a message names nothing
        self.assertIn("nothing is known", self.expect(2, "explain", "the network of the client is open").message)

    def test_notes_are_told(self):
        for code in ("closed-by-exit", "fin-retransmitted"):
            with self.subTest(code):
                self.assertRegex(self.expect(0, "explain", code).text, r"(?m)severity: *warning, note")

    def test_command_word_wins_over_a_file(self):
        self.file("explain", pcap(FRAMES))
        self.assertIn("close-wait-leak", self.expect(0, "explain").text)
        self.assertEqual(self.expect(0, "-o", "ndjson", "./explain").records("capture")[0]["packets"], 9)
        self.assertEqual(self.expect(0, "-o", "ndjson", "-r", "explain").records("capture")[0]["packets"], 9)

    def test_file_that_looks_like_an_option(self):
        self.file("-x.pcap", pcap(FRAMES))
        self.assertEqual(self.expect(0, "-o", "ndjson", "--", "-x.pcap").records("capture")[0]["packets"], 9)


class Output(CliTest):
    def setUp(self):
        super().setUp()
        self.file("good.pcap", pcap(FRAMES))

    def test_into_a_file(self):
        result = self.expect(0, "-o", "ndjson:out.ndjson", "-o", "text", "good.pcap")
        with open(os.path.join(self.dir, "out.ndjson"), "rb") as f:
            self.assertEqual(f.read(), self.expect(0, "-o", "ndjson", "good.pcap").out)
        self.assertEqual(result.out, self.expect(0, "good.pcap").out)

    def test_unwritable_file(self):
        self.expect_line(6, "-o", "ndjson:nowhere/out", "good.pcap", words=("nowhere/out",))
        self.expect_line(6, "-o", "text:nowhere/out", "good.pcap", words=("nowhere/out",))
        self.expect_line(6, "-o", "ndjson:.", "good.pcap")

    def test_full_disk(self):
        for form in ("text", "ndjson"):
            with self.subTest(form):
                self.expect_line(6, "-o", form + ":/dev/full", "good.pcap", words=("/dev/full", "space"))
                with open("/dev/full", "wb") as full:
                    self.expect_line(6, "-o", form, "good.pcap", stdout=full, words=("space",))
        for command in (("explain",), ("help",), ("--version",), ("show", "good.pcap", "--conn", "1")):
            with self.subTest(command), open("/dev/full", "wb") as full:
                self.expect_line(6, *command, stdout=full)

    def test_closed_pipe_ends_quietly(self):
        frames = [f for port in range(20000, 26000) for f in clean_connection(port)]
        self.file("big.pcap", pcap_header() + b"".join(pcap_record(f, i // 100) for i, f in enumerate(frames)))
        for form in ("text", "ndjson"):
            with self.subTest(form):
                program = self.start("-o", form, "big.pcap", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.assertTrue(program.stdout.readline())
                program.stdout.close()
                error = program.stderr.read()
                program.stderr.close()
                code = program.wait(cli.SECONDS)
                self.assertEqual(error, b"")
                self.assertIn(code, (0, -13, 141))

    def test_pipe_that_nobody_reads(self):
        for command in (("good.pcap",), ("-o", "ndjson", "good.pcap"), ("explain",), ("help",), ("--version",), ("show", "good.pcap", "--conn", "1")):
            with self.subTest(command):
                read_end, write_end = os.pipe()
                os.close(read_end)
                program = self.start(*command, stdout=write_end, stderr=subprocess.PIPE)
                os.close(write_end)
                error = program.stderr.read()
                program.stderr.close()
                self.assertIn(program.wait(cli.SECONDS), (0, -13, 141))
                self.assertEqual(error, b"")

    def test_no_colour_without_a_terminal(self):
        self.assertNotIn("\x1b", self.expect(0, "good.pcap").text)
        self.assertIn("\x1b", self.expect(0, "--color=always", "good.pcap").text)
        self.assertNotIn("\x1b", self.expect(0, "--color=never", "good.pcap").text)

    def test_no_progress_without_a_terminal(self):
        self.assertEqual(self.expect(0, "good.pcap").message, "")

    def test_help_of_every_command(self):
        """Each command of the list has help, -o names what the command writes, and no line is too long for a terminal."""
        commands = re.findall(r"^  (\w+) ", self.expect(0, "help").text, re.M)
        self.assertIn("lab", commands)
        for command in commands:
            with self.subTest(command=command):
                text = self.expect(0, "help", command).text
                self.assertIn("usage: lastack", text)
                self.assertLessEqual(max(map(len, text.splitlines())), 130, text)
        def formats(command):
            lines = self.expect(0, "help", command).text.splitlines()
            at = next(i for i, line in enumerate(lines) if "--output" in line)
            words = []
            for line in lines[at + 1:]:
                if not line.startswith(" " * 30):
                    break
                words += line.replace(",", " ").split()
            return words
        self.assertEqual(formats("diff"), ["text", "ndjson"])
        self.assertEqual(formats("sockets"), ["text", "ndjson"])
        self.assertIn("pcapng", formats("analyze"))
        self.assertNotIn("pcapng", formats("live"))
        self.assertIn("junit", formats("live"))


if __name__ == "__main__":
    cli.main()
