#!/usr/bin/env python3
"""The `lastack show` command that a report prints, run as it stands: it shows the connection that the report tells of."""
import re
import shlex

import cli
from cli import ACK, EPOCH, RST, SYN, CliTest, clean_connection, pcap, pcap_record, segment


def refused(port):
    return [segment(0, SYN, 100, 0, ports=(port, 81)), segment(1, RST | ACK, 0, 101, ports=(port, 81))]


class ShowCommand(CliTest):
    def shown(self, *args):
        """The commands that the text report prints, and all that they print."""
        report = self.expect(0, *args, "--utc").text
        commands = re.findall(r"^ *show +lastack (show .*)$", report, re.MULTILINE)
        self.assertTrue(commands, report)
        return commands, "".join(self.expect(0, *shlex.split(command), "--utc").text for command in commands)

    def test_sequence(self):
        """All pieces are named, each once and in order, whichever the connection began in."""
        pieces = [refused(40001), clean_connection(40002), clean_connection(40003)]
        for begins in range(3):
            names = []
            for i in range(3):
                names.append("piece%d.pcap" % i)
                self.file(names[i], pcap(pieces[(i - begins) % 3], first=20 * i))
            commands, ladder = self.shown("--sequence", *names)
            self.assertEqual(commands[0].split()[1:-2], ["--sequence"] + [w for n in names for w in ("-r", n)])
            self.assertIn("192.0.2.10:40001", ladder)
            self.assertIn("connection-refused", ladder)

    def test_folded_findings_are_counted_apart(self):
        """A burst counts what fell into it; what is folded under it is told of the whole capture, and says so."""
        burst = [frame for port in range(41000, 41012) for frame in refused(port)]
        for late, words in [([], None), (refused(42000), "connection-refused (13), counted over the whole capture")]:
            served = [[f[:36] + b"\0\x51" + f[38:] if f[26] == 192 else f[:34] + b"\0\x51" + f[36:] for f in clean_connection(port)]
                      for port in (40001, 40002)]
            frames = pcap(served[0]) + b"".join(pcap_record(f, 10 + i // 2) for i, f in enumerate(burst))
            frames += b"".join(pcap_record(f, 40) for f in served[1]) + b"".join(pcap_record(f, 600) for f in late)
            self.file("burst.pcap", frames)
            report = " ".join(self.expect(0, "burst.pcap", "--utc").text.split())
            self.assertIn("This sums up 12 findings of single connections.", report)
            self.assertIn(words or "connection-refused (12); --verbose", report)

    def test_names_with_a_dash(self):
        self.file("-dash.pcap", pcap(refused(40001)))
        self.assertIn("ECONNREFUSED", self.shown("-r", "-dash.pcap")[1])
        self.file("-x.pcap", pcap(clean_connection(40002)))
        commands, ladder = self.shown("--sequence", "-r", "-dash.pcap", "-r", "-x.pcap")
        self.assertIn("ECONNREFUSED", ladder)
        self.assertIn("-r -dash.pcap -r -x.pcap", commands[0])

    def test_thresholds_and_the_end_of_observation(self):
        """What the finding rests on stands in the command, also what a policy set."""
        frames = clean_connection()[:7]  # the client's FIN is acknowledged, the server's never comes
        self.file("held.pcap", pcap(frames))
        until = str(EPOCH + 40)
        for given in (("--threshold", "close-wait-leak=20s"), ("--policy", "p")):
            self.file("p", b"[policy]\nthreshold.close-wait-leak = 20s\n")
            commands, ladder = self.shown("held.pcap", "--observed-until", until, *given)
            self.assertIn("--threshold close-wait-leak=20s", commands[0])
            self.assertIn("--observed-until 20", commands[0])
            self.assertIn("close-wait-leak", ladder)

    def test_tracking(self):
        self.file("one.pcap", pcap(refused(40001)))
        words = ("-f", "port 81", "-c", "7", "--time-wait", "1500ms", "--port-range", "20000-30000", "--verify-checksums", "--by-tunnel")
        command = self.shown("one.pcap", *words)[0][0]
        for part in ("-f 'port 81'", "-c 7", "--time-wait 1500ms", "--port-range 20000-30000", "--verify-checksums", "--by-tunnel"):
            self.assertIn(part, command)

    def test_nothing_more_than_needed(self):
        self.file("one.pcap", pcap(refused(40001)))
        self.assertEqual(self.shown("one.pcap")[0], ["show one.pcap --conn 1"])


if __name__ == "__main__":
    cli.main()
