#!/usr/bin/env python3
"""Names that come from outside (of files, of a capture's interfaces) reach neither the terminal nor JSON raw."""
import json
import os

import cli
from cli import CliTest, clean_connection, enhanced, interface, option, pcap, SECTION

FRAMES = clean_connection()
NAMES = {
    "escape": b"a\x1b[31mred\x1b]0;title\x07.pcap",
    "lines": b"a\nlastack: all is well\r.pcap",
    "not UTF-8": b"a\xff\xfe\xc3.pcap",
    "C1 controls": "a\u009b31mred.pcap".encode(),
    "right to left": "a\u202egnp.pcap".encode(),
    "quotes": b"a\"',{}\\$(reboot)`id`.pcap",
    "delete": b"a\x7f\x08\x08.pcap",
}


class HostileNames(CliTest):
    def assert_harmless(self, data):
        """No control character but the end of a line, all valid UTF-8, and no character that turns text about."""
        text = data.decode("utf-8")
        for character in text:
            code = ord(character)
            self.assertFalse((code < 0x20 and character != "\n") or 0x7F <= code < 0xA0 or 0x202A <= code <= 0x202E, repr(text))

    def test_files_that_exist(self):
        for kind, name in NAMES.items():
            with self.subTest(kind):
                self.file(name, pcap(FRAMES))
                text = self.expect(0, os.fsdecode(name))
                self.assert_harmless(text.out)
                self.assert_harmless(text.err)
                records = self.expect(0, "-o", "ndjson", os.fsdecode(name))
                self.assert_harmless(records.out)
                self.assertEqual(len(records.records("capture")), 1)
                for line in records.out.splitlines():
                    json.loads(line)

    def test_plain_unicode_stays(self):
        name = "f\u00fcr \u65e5\u672c.pcap"
        self.file(name, pcap(FRAMES))
        self.assertIn(name, self.expect(0, name).text)
        self.assertEqual(self.expect(0, "-o", "ndjson", name).records("capture")[0]["path"], name)

    def test_files_that_do_not_exist(self):
        for kind, name in NAMES.items():
            with self.subTest(kind):
                result = self.expect_line(3, os.fsdecode(name))
                self.assert_harmless(result.err)

    def test_broken_files(self):
        for kind, name in NAMES.items():
            with self.subTest(kind):
                self.file(name, pcap(FRAMES)[:-1])
                result = self.expect(4, os.fsdecode(name))
                self.assert_harmless(result.out)
                self.assert_harmless(result.err)

    def test_outputs_that_cannot_be_written(self):
        self.file("good.pcap", pcap(FRAMES))
        for kind, name in NAMES.items():
            with self.subTest(kind):
                result = self.expect_line(6, "-o", "ndjson:nowhere/" + os.fsdecode(name), "good.pcap")
                self.assert_harmless(result.err)

    def test_options_and_filters(self):
        self.file("good.pcap", pcap(FRAMES))
        for args in (("-f", "tcp \x1b[31m"), ("-o", "te\x1bxt"), ("--thresh\x1bold",), ("--threshold", "\x1b=1"), ("--from", "\x1b")):
            with self.subTest(args):
                self.assert_harmless(self.expect(2, *args, "good.pcap").err)
        self.assert_harmless(self.expect(2, "explain", "\x1b[31m").err)

    def test_interface_names(self):
        for kind, name in NAMES.items():
            with self.subTest(kind):
                named = interface(options=option(2, name) + option(3, name) + option(11, b"\0" + name) + option(0, b""))
                self.file("named.pcapng", SECTION + named + b"".join(enhanced(f, i) for i, f in enumerate(FRAMES)))
                for args in (("named.pcapng",), ("-o", "ndjson", "named.pcapng"), ("-v", "named.pcapng"), ("show", "named.pcapng", "--conn", "1", "-v")):
                    result = self.expect(0, *args)
                    self.assert_harmless(result.out)
                    self.assert_harmless(result.err)


if __name__ == "__main__":
    cli.main()
