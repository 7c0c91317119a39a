#!/usr/bin/env python3
"""What `lastack show` says of packets that no tidy sample has: time that steps back, a RST after the RST."""
import cli
from cli import ACK, RST, CliTest, clean_connection, pcap, pcap_header, pcap_record, segment


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


if __name__ == "__main__":
    cli.main()
