#!/usr/bin/env python3
"""Packets that the kernel dropped on their way to lastack live make what rests on silence then less certain, and nothing else; an analysis
of its -w file says the same."""
import signal
import socket
import struct
import time
import unittest

import live

LEAK = ("--threshold", "close-wait-leak=2s")


class Drops(live.LiveTest):
    def leak(self, listener):
        """A client that closes and a server that does not. Returns the client's port."""
        client, server = self.pair(listener)
        client.sendall(b"question")
        server.recv(100)
        server.sendall(b"answer")
        client.recv(100)
        port = client.getsockname()[1]
        client.shutdown(socket.SHUT_WR)
        server.recv(100)
        return port

    def abort(self, listener):
        client, server = self.pair(listener)
        client.sendall(b"question")
        server.recv(100)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        port = client.getsockname()[1]
        client.close()
        return port

    def flood(self, run):
        """More than the small ring holds passes while nobody reads it."""
        sender = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        run.process.send_signal(signal.SIGSTOP)
        for _ in range(30000):
            sender.sendto(b"x" * 200, ("127.0.0.1", 9))
        run.process.send_signal(signal.SIGCONT)

    def leaks(self, records):
        """{client port: (confidence, facts)} of what the connections' own records say."""
        found = {}
        for record in records:
            for finding in record.get("findings", ()) if record["type"] == "connection" else ():
                if finding["code"] in ("close-wait-leak", "rst-abort"):
                    found[record["client"]["port"]] = (finding["confidence"], finding["facts"], finding["summary"])
        return found

    def test_a_drop_touches_what_was_silent_then(self):
        listener = self.listen(8888)
        run = self.live("-i", "lo", "-B", "64k", "-o", "ndjson", "-w", "all.pcapng", *LEAK)
        before = self.leak(self.listen(8887))
        live.until(lambda: run.findings("raised"))  # decided: what is dropped later takes nothing back
        touched = self.leak(listener)
        aborted = self.abort(listener)
        time.sleep(0.6)
        self.flood(run)
        time.sleep(1.5)  # the drops are read, and the interval ends
        untouched = self.leak(self.listen(8889))
        live.until(lambda: len(run.findings("raised")) >= 4)
        time.sleep(0.5)
        self.assertEqual(run.stop(), 130)

        capture = run.records("capture")[0]
        drops = capture["quality"]["kernel_drops"]
        self.assertGreater(drops, 0)
        raised = {r["connection"]["client"]["port"]: r["finding"] for r in run.findings("raised")}
        self.assertEqual(raised[touched]["confidence"], "possible")
        self.assertEqual(raised[touched]["facts"]["dropped_packets"], drops)
        self.assertIn("dropped %d packets meanwhile" % drops, raised[touched]["summary"])
        self.assertEqual(raised[untouched]["confidence"], "likely")
        self.assertNotIn("dropped_packets", raised[untouched]["facts"])

        told = self.leaks(run.records())
        self.assertEqual(told[touched][0], "possible")
        self.assertEqual(told[untouched][0], "likely")
        self.assertEqual(told[before][0], "likely")
        self.assertNotIn("dropped_packets", told[aborted][1])

        # The file says when it was: two blocks around the loss, and one at the end.
        done = self.analyze("all.pcapng", "-o", "ndjson", *LEAK)
        self.assertEqual(done.returncode, 0, done.stderr)
        again = self.leaks(done.records)
        self.assertEqual({port: told[port][0] for port in told}, {port: again[port][0] for port in again})
        self.assertEqual(again[touched][1]["dropped_packets"], drops)
        self.assertEqual([r["quality"]["kernel_drops"] for r in done.records if r["type"] == "capture"], [drops])
        # So does a file that a part of the connections is written to.
        self.analyze("all.pcapng", "-q", "-Y", "server.port in {8887, 8888}", "-w", "part.pcapng", *LEAK)
        part = self.leaks(self.analyze("part.pcapng", "-o", "ndjson", *LEAK).records)
        self.assertEqual({port: again[port] for port in (before, touched, aborted)}, part)
        with open(self.dir + "/all.pcapng", "rb") as f:
            piped = live.subprocess.run(
                ["sh", "-c", 'cat "$0" | "$1" -o ndjson --threshold close-wait-leak=2s -', f.name, live.BINARY],
                stdout=live.subprocess.PIPE, check=True,
            )
        through = self.leaks([live.json.loads(line) for line in piped.stdout.decode().splitlines()])
        self.assertEqual({port: again[port][0] for port in again}, {port: through[port][0] for port in through})

    def test_the_files_of_a_ring_each_tell_their_own(self):
        run = self.live("-i", "lo", "-B", "64k", "-o", "ndjson", "-w", "ring.pcapng", "-b", "files:9", "-b", "duration:3")
        time.sleep(0.5)
        self.flood(run)
        time.sleep(4)
        self.flood(run)
        time.sleep(1)
        self.assertEqual(run.stop(), 130)
        total = run.records("capture")[0]["quality"]["kernel_drops"]
        files = sorted(live.os.path.join(self.dir, n) for n in live.os.listdir(self.dir) if n.startswith("ring_"))
        self.assertGreaterEqual(len(files), 2)
        done = self.analyze(*files, "-o", "ndjson")
        each = [r["quality"]["kernel_drops"] for r in done.records if r["type"] == "capture"]
        self.assertGreater(total, 0)
        self.assertEqual(sum(each), total, each)
        self.assertLess(max(each), total)


if __name__ == "__main__":
    live.main()
