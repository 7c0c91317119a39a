"""bench_live.py LASTACK SEND: 300,000 packets a second of 10,000 connections for 60 s: no drop, in less than 60 MiB. Exit code 1 when not."""
import os
import re
import subprocess
import sys
import time

import live
from live import sh

SECONDS, RATE = 60, 300000


class Bench(live.LiveTest):
    def test_a_minute(self):
        sh("ip link add s0 type veth peer name s1; sysctl -qw net.ipv6.conf.all.disable_ipv6=1; ip link set s0 up; ip link set s1 up")
        run = self.live("-i", "s1")
        done = subprocess.run([os.path.abspath(sys.argv[2]), "s0", "data", str(SECONDS * RATE), str(RATE), "10000"],
                              stdout=subprocess.PIPE, check=True)
        took = float(re.search(rb"in ([0-9.]+) s", done.stdout).group(1))
        with open("/proc/%d/status" % run.process.pid, encoding="ascii") as f:
            memory = int(dict(line.split(":", 1) for line in f)["VmHWM"].split()[0])
        with open("/proc/%d/stat" % run.process.pid, encoding="ascii") as f:
            ticks = f.read().rsplit(")", 1)[1].split()
        time.sleep(0.5)
        run.stop()
        cpu = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
        print("%.0f packets/s, %.1f MiB, %.0f %% of one processor" % (SECONDS * RATE / took, memory / 1024, 100 * cpu / took))
        self.assertIn("{:,} packets".format(SECONDS * RATE), run.text)
        self.assertLess(took, SECONDS * 1.05)
        self.assertLess(memory, 60 * 1024)


if __name__ == "__main__":
    live.main()
