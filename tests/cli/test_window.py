#!/usr/bin/env python3
"""--from and --to, and -Y: the figures of a report are of what it reports, and say so when they are not of everything."""
import re

import cli
from cli import ACK, FIN, PSH, SYN, CliTest, pcap_header, pcap_record, segment


def connection(start, number, answer, held):
    """Opened after `answer` ms, closed `held` ms after it began: [(ms, frame)]."""
    ports = (40000 + number, 8888 if number % 2 else 9999)
    steps = [(0, 0, SYN, 100, 0, b""), (answer, 1, SYN | ACK, 300, 101, b""), (answer + 1, 0, ACK, 101, 301, b""),
             (answer + 2, 0, PSH | ACK, 101, 301, b"ping"), (answer + 3, 1, PSH | ACK, 301, 105, b"pong!"), (held, 0, FIN | ACK, 105, 306, b""),
             (held + 1, 1, ACK, 306, 106, b""), (held + 2, 1, FIN | ACK, 306, 106, b""), (held + 3, 0, ACK, 106, 307, b"")]
    return [(start + at, segment(*step, ports=ports)) for at, *step in steps]


class Window(CliTest):
    """40 connections in the first two minutes, slow to open; 20 in the tenth minute, fast; one that lasts from the first to the last."""

    def setUp(self):
        super().setUp()
        frames = connection(500, 99, 100, 700000)
        for i in range(40):
            frames += connection(1000 + 3000 * i, i, 100, 1000)
        for i in range(20):
            frames += connection(600000 + 1000 * i, 100 + i, 10, 300)
        frames.sort(key=lambda item: item[0])
        self.file("two.pcap", pcap_header() + b"".join(pcap_record(f, at // 1000, fraction=at % 1000 * 1000) for at, f in frames))

    def text(self, *args):
        return re.sub(r"\s+", " ", self.expect(0, "two.pcap", *args).text)

    def test_all(self):
        text = self.text()
        self.assertIn("rates and times rate", text)
        self.assertIn("SYN to SYN-ACK 100 ms, 100 ms, 100 ms", text)
        self.assertNotIn("reported from", text)

    def test_figures_are_of_the_window(self):
        text = self.text("--from", "1790000590", "--to", "1790000630")
        self.assertIn("reported from 14:23:10 to 14:23:50: what follows is of 21 connections that were there then", text)
        self.assertIn("rates and times of 21 connections, from 14:23:10 to 14:23:50 rate", text)
        self.assertRegex(text, r"opened 0\.5 a second, at most 1 at 14:23:20; closed 0\.5 a second, at most 1 at 14:23:20")
        self.assertIn("SYN to SYN-ACK 10 ms, 10 ms, 10 ms", text)
        self.assertRegex(text, r"at most 2 open at 14:23:20; 20 in TIME_WAIT at 14:23:39")  # the long one and the one of that second
        self.assertIn("counted over their whole lives", text)

    def test_time_wait_of_those_that_had_closed(self):
        text = self.text("--from", "1790000085", "--to", "1790000125")
        self.assertIn("what follows is of 13 connections", text)
        self.assertRegex(text, r"20 in TIME_WAIT at 14:14:4[56]")  # nearly all of them had closed before

    def test_open_ends(self):
        self.assertIn("reported up to 14:14:00: what follows is of 15 connections", self.text("--to", "1790000040"))
        self.assertIn("reported from 14:23:10 on: what follows is of 21 connections", self.text("--from", "1790000590"))

    def test_nothing_was_there(self):
        text = self.text("--from", "1790009000")
        self.assertIn("what follows is of 0 connections that were there then", text)
        self.assertNotIn("rates and times", text)

    def test_figures_are_of_the_selected(self):
        text = self.text("-Y", "server.port == 9999")
        self.assertIn("61 connections, 30 of them selected", text)
        self.assertIn("rates and times of 30 connections rate", text)
        self.assertIn("SYN to SYN-ACK 100 ms, 100 ms, 100 ms", text)
        self.assertIn("SYN to SYN-ACK 10 ms, 10 ms, 10 ms", self.text("-Y", "handshake.syn_to_syn_ack_s < 50ms"))

    def test_page(self):
        page = self.expect(0, "two.pcap", "-o", "html", "--from", "1790000590", "--to", "1790000630").text
        self.assertIn("21 of 61 connections are reported: those that were there from 14:23:10 to 14:23:50.", page)
        row = re.search(r"SYN to SYN-ACK</td>(.*)</tr>", page).group(1)
        self.assertEqual(re.findall(r">([^<>]+)</td>", row), ["20", "10 ms", "10 ms", "10 ms"])

    def test_timeline_ends_with_the_window(self):
        rows = [line.split("\t") for line in
                self.expect(0, "two.pcap", "-o", "timeline", "--interval", "10s", "--from", "1790000595", "--to", "1790000630").text.splitlines()]
        head, rows = rows[0], rows[1:]
        self.assertEqual(sorted({row[0][11:19] for row in rows}), ["14:23:10", "14:23:20", "14:23:30", "14:23:40", "14:23:50"])
        sums = {name: sum(int(row[i]) for row in rows) for i, name in enumerate(head) if name in ("opened", "closed", "failed")}
        self.assertEqual(sums, {"opened": 20, "closed": 20, "failed": 0})
        self.assertEqual([row[head.index("ESTABLISHED")] for row in rows if row[-1].endswith(":8888")], ["1"] * 5)

    def test_records_are_of_everything(self):
        """The summary of the records does not change its meaning."""
        records = self.expect(0, "two.pcap", "-o", "ndjson", "--from", "1790000590").records("summary")
        self.assertEqual(records[0]["rates"]["opened"], 61)


if __name__ == "__main__":
    cli.main()
