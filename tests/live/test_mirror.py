"""lastack lab run --mirror: what is recorded is on the interface, too, where a live capture takes it at the same moment."""
import json
import os
import struct
import subprocess
import time

import live
from live import sh, until

WHOLE = "close-by-client v6-close-by-client capture-holes capture-twice capture-late".split()
CUT = "capture-short"
MAC = b"\x02\x1a\x57\xac"  # of every host of the laboratory


def packets(path):
    """[(seconds, bytes)] of a pcapng file that lastack wrote: one section, little endian, nanoseconds."""
    with open(path, "rb") as f:
        data = f.read()
    at, found = 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            _, high, low, kept, _ = struct.unpack_from("<IIIII", data, at + 8)
            found.append((((high << 32) | low) / 1e9, data[at + 28:at + 28 + kept]))
        at += size
    return found


class Mirror(live.LiveTest):
    def setUp(self):
        super().setUp()
        sh("ip link add lab0 type veth peer name lab1 && ip link set lab0 up && ip link set lab1 up")
        self.addCleanup(subprocess.run, ["ip", "link", "del", "lab0"], stderr=subprocess.DEVNULL, check=False)

    def lab(self, *args):
        return subprocess.run([live.BINARY, "lab", *args], cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    def recorded(self, name):
        return packets(os.path.join(self.dir, name + ".pcapng"))

    def test_what_is_recorded_is_on_the_interface_at_that_moment(self):
        run = self.live("-i", "lab1", "-s", "0", "-w", "there.pcapng")
        done = self.lab("run", "-q", "--mirror", "lab0", *WHOLE, CUT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        time.sleep(0.5)
        self.assertEqual(run.stop(), 130)
        there = [(at, frame) for at, frame in self.recorded("there") if frame[:4] == MAC]
        for name in WHOLE + [CUT]:
            here = self.recorded(name)
            self.assertGreater(len(here), 5, name)
            length = max(len(frame) for _, frame in here)
            frames = {frame for _, frame in here}
            copies = [(at, frame) for at, frame in there if (frame[:length] if name == CUT else frame) in frames]
            there = [x for x in there if x not in copies]
            self.assertEqual([f for _, f in here], [f[:length] for _, f in copies], name)
            for (at, _), (seen, _) in zip(here, copies):
                self.assertLess(abs(seen - at), 0.05, name)
        self.assertEqual(there, [])

    def test_a_random_mix_is_mirrored(self):
        run = self.live("-i", "lab1", "-w", "there.pcapng")
        done = self.lab("random", "-q", "--connections", "3", "--mirror", "lab0", "-w", "mix.pcapng")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        time.sleep(0.5)
        run.stop()
        self.assertEqual(len([f for _, f in self.recorded("there") if f[:4] == MAC]), len(self.recorded("mix")))

    def test_runs_of_two_namespaces_have_different_addresses(self):
        first = subprocess.Popen([live.BINARY, "lab", "run", "-q", "still-open"], cwd=self.dir)
        until(lambda: os.path.exists(os.path.join(self.dir, "still-open.pcapng")))
        time.sleep(0.3)
        subprocess.run(["unshare", "-n", live.BINARY, "lab", "run", "-q", "refused"], cwd=self.dir, check=True, timeout=30)
        self.assertEqual(first.wait(30), 0)
        accounts = []
        for name in ("still-open", "refused"):
            with open(os.path.join(self.dir, name + ".json"), encoding="utf-8") as f:
                accounts.append(json.load(f))
        if all(a["clock"]["trace_clock"] for a in accounts):
            self.assertNotEqual(accounts[0]["addresses"], accounts[1]["addresses"])

    def test_an_interface_that_will_not_do_is_told_before_anything_runs(self):
        sh("ip link add down0 type veth peer name down1")
        self.addCleanup(sh, "ip link del down0")
        for name, code, text in (("lo", 2, "no dummy and no veth"), ("lab9", 5, "no such interface"), ("down0", 5, "ip link set down0 up")):
            done = self.lab("run", "refused", "--mirror", name)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (code, "", 1), done.stderr)
            self.assertIn("--mirror %s: " % name, done.stderr)
            self.assertIn(text, done.stderr)
        sh("ip link set down0 up")
        done = self.lab("run", "refused", "--mirror", "down0")
        self.assertEqual(done.returncode, 5)
        self.assertIn("the other end of this veth interface is down", done.stderr)
        self.assertEqual([f for f in os.listdir(self.dir) if f.endswith(".pcapng")], [])

    def test_an_interface_that_goes_away_ends_no_experiment(self):
        process = subprocess.Popen([live.BINARY, "lab", "run", "-q", "close-late-fin", "--mirror", "lab0"], cwd=self.dir,
                                   stderr=subprocess.PIPE, text=True)
        path = os.path.join(self.dir, "close-late-fin.pcapng")
        until(lambda: os.path.exists(path))
        time.sleep(1)
        sh("ip link del lab0")
        _, message = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 5)
        self.assertRegex(message, r"^lastack: --mirror lab0: \d+ packets? of close-late-fin could not be sent there: .*\n$")
        done = self.analyze("close-late-fin.pcapng", "-o", "ndjson")
        self.assertEqual([r["teardown"]["rst"]["from"] for r in done.records if r["type"] == "connection"], ["client"])


if __name__ == "__main__":
    live.main()
