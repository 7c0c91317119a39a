#!/usr/bin/env python3
"""Several captures in one report: what belongs to one of them is not told of the others."""
import json

import cli
from cli import CliTest, clean_connection, pcap


class Several(CliTest):
    def setUp(self):
        super().setUp()
        frames = clean_connection()
        self.file("one.pcap", pcap(frames[:5]))
        self.file("two.pcap", pcap(clean_connection(40005), first=100))
        self.pieces = ("one.pcap", "rest.pcap", "two.pcap")
        self.file("rest.pcap", pcap(frames[5:], first=5))

    def timeline(self, *args):
        rows = [line.split("\t") for line in self.expect(0, "-o", "timeline", "--interval", "10s", *args).text.splitlines()]
        return [dict(zip(rows[0], row)) for row in rows[1:]]

    def test_open_until_its_own_capture_ends(self):
        rows = self.timeline("one.pcap")
        self.assertEqual([row["ESTABLISHED"] for row in rows], ["1"])
        rows = self.timeline("one.pcap", "two.pcap")
        self.assertEqual([(row["start"][14:19], row["opened"], row["ESTABLISHED"]) for row in rows], [("13:20", "1", "0"), ("15:00", "1", "0")])
        rows = self.timeline("two.pcap", "one.pcap")
        self.assertEqual([(row["start"][14:19], row["opened"], row["ESTABLISHED"]) for row in rows], [("13:20", "1", "0"), ("15:00", "1", "0")])

    def test_notes_say_of_which_capture(self):
        text = self.expect(0, *self.pieces).text
        self.assertIn("(midstream): 1 connection of 198.51.100.7:8888, lastack show rest.pcap --conn 1", " ".join(text.split()))
        self.assertIn("still-open): 1 connection of 198.51.100.7:8888, --conn 1", " ".join(self.expect(0, "one.pcap").text.split()))

    def test_a_sequence_is_one_capture(self):
        document = json.loads(self.expect(0, "-o", "json", "--sequence", *self.pieces).text)
        self.assertEqual([c["teardown"]["result"] for c in document["connections"]], ["fin", "fin"])
        self.assertEqual([(c["first_packet"], c["last_packet"]) for c in document["connections"]], [(1, 9), (10, 18)])


if __name__ == "__main__":
    cli.main()
