"""Under load: no packet is lost that could be read, memory stays within its bound, and what matters is still found. argv[2] is the sender."""
import os
import re
import signal
import subprocess
import sys
import time
import unittest

import live
from live import sh, until

SEND = os.path.abspath(sys.argv[2])


class Load(live.LiveTest):
    @classmethod
    def setUpClass(cls):
        if live.is_sanitized():
            raise unittest.SkipTest("the figures of a sanitized build mean nothing")
        sh("ip link add s0 type veth peer name s1; sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip link set s0 up; ip link set s1 up")

    def send(self, kind, count, rate, connections=1):
        done = subprocess.run([SEND, "s0", kind, str(count), str(rate), str(connections)], stdout=subprocess.PIPE, check=True)
        return float(re.search(rb"in ([0-9.]+) s", done.stdout).group(1))

    @staticmethod
    def resident(run):
        """Most memory so far in KiB, without the ring that the kernel shares with it."""
        with open("/proc/%d/status" % run.process.pid, encoding="ascii") as f:
            fields = dict(line.split(":", 1) for line in f)
        return int(fields["VmHWM"].split()[0])

    def test_a_hundred_thousand_packets_a_second(self):
        run = self.live("-i", "s1", "-o", "ndjson:/dev/null", "-o", "text", "-B", "64M")
        took = self.send("talk", 1000000, 100000, 10000)
        self.assertLess(took, 15)
        memory = self.resident(run)
        time.sleep(0.5)
        self.assertEqual(run.stop(), 130, run.message)
        self.assertIn("1,000,000 packets" if "1,000,000 packets" in run.text else "1000000 packets", run.text)
        self.assertNotIn("dropped", run.text)
        print("memory %d MiB, sent in %.1f s" % (memory // 1024, took))

    def test_a_flood_of_forged_syns(self):
        run = self.live("-i", "s1", "-i", "lo", "-o", "ndjson", "--max-connections", "20000", "-B", "32M",
                        "--threshold", "close-wait-leak=2s", "-Y", 'handshake == "complete"', "tcp")
        listener = self.listen(8888)
        client, server = self.pair(listener)
        client.sendall(b"x")
        server.recv(1)
        server.sendall(b"y")
        client.recv(1)
        time.sleep(0.3)
        self.send("flood", 1000000, 150000)
        time.sleep(1)
        first = self.resident(run)
        client.close()
        self.send("flood", 1000000, 150000)
        until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"], 20)
        last = self.resident(run)
        print("memory %d MiB after 1,000,000 and %d MiB after 2,000,000 SYNs" % (first // 1024, last // 1024))
        self.assertLess(last, first + 16 * 1024)
        self.assertLess(last, 300 * 1024)
        run.process.send_signal(signal.SIGUSR1)
        stats = until(lambda: run.records("stats"), 5)[-1]
        self.assertLessEqual(sum(stats["connections"].values()), 20000 + 256)
        self.assertGreater(stats["evicted"] + stats["dropped"]["kernel"], 1900000)
        self.assertGreater(stats["evicted"], 1000000)
        run.stop()
        connections = run.records("connection")
        self.assertEqual([(c["handshake"]["result"], c["ended_by"]) for c in connections], [("complete", "capture-end")])
        self.assertIn("close-wait-leak", [f["code"] for f in connections[0]["findings"]])
        self.assertTrue([f for f in run.findings("raised") if f["finding"]["code"] == "syn-flood"])


if __name__ == "__main__":
    live.main()
