"""What is left of its rights once it captures."""
import os
import shutil
import signal
import socket
import subprocess
import time

import live
from live import sh, until

NOBODY = 65534


class Rights(live.LiveTest):
    def status(self, run):
        with open("/proc/%d/status" % run.process.pid, encoding="ascii") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def has_nothing(self, run, uid=NOBODY):
        status = self.status(run)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "0" if live.is_sanitized() else "2")
        return status

    def test_root_becomes_nobody_with_nothing(self):
        run = self.live("-i", "lo", "-w", "t.pcapng", "-o", "ndjson")
        status = self.has_nothing(run)
        self.assertEqual(int(status["CapBnd"], 16), 0)
        self.assertEqual(status["Groups"].strip(), "")
        self.talk(self.listen(7001))
        time.sleep(0.3)
        self.assertEqual(run.stop(), 130)
        self.assertEqual(len(run.records("connection")), 1)
        file = os.stat(os.path.join(self.dir, "t.pcapng"))
        self.assertEqual((file.st_mode & 0o777, file.st_uid), (0o600, NOBODY))

    def test_another_user_by_name_and_by_sudo(self):
        run = self.live("-i", "lo", "-Z", "daemon")
        self.has_nothing(run, 1)
        run.stop()
        run = self.live("-i", "lo", env={"SUDO_UID": "1"})
        self.has_nothing(run, 1)
        run.stop()
        run = self.run_to_end("-i", "lo", "-Z", "no-such-user")
        self.assertEqual(run.process.returncode, 2)
        self.assertIn("no-such-user", run.message)

    def test_cap_net_raw_is_enough_and_is_given_up(self):
        binary = os.path.join(self.dir, "lastack-cap")
        shutil.copy(live.BINARY, binary)
        if subprocess.run(["setcap", "cap_net_raw+ep", binary], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("no file capabilities here")
        os.chmod(binary, 0o755)
        kept, live.BINARY = live.BINARY, binary
        try:
            run = self.live("-i", "lo", "-w", "t.pcapng", prefix=["setpriv", "--reuid", "1", "--regid", "1", "--clear-groups"])
        finally:
            live.BINARY = kept
        self.assertIn("listening", run.message)
        self.has_nothing(run, 1)
        self.assertEqual(run.stop(), 130)

    def test_rings_and_reopening_work_after_the_drop(self):
        run = self.live("-i", "lo", "-w", "r.pcapng", "-b", "filesize:8", "-b", "files:2", "-o", "ndjson:log")
        listener = self.listen(7001)
        for _ in range(60):
            self.talk(listener)
        time.sleep(0.3)
        os.rename(os.path.join(self.dir, "log"), os.path.join(self.dir, "log.1"))
        run.process.send_signal(signal.SIGHUP)
        until(lambda: os.path.exists(os.path.join(self.dir, "log")))
        self.assertEqual(run.stop(), 130)
        self.assertEqual(run.message.count("\n"), 1, run.message)
        files = [f for f in os.listdir(self.dir) if f.startswith("r_")]
        self.assertTrue(all(os.stat(os.path.join(self.dir, f)).st_mode & 0o777 == 0o600 for f in files))
        self.assertEqual(len(files), 2)

    def test_a_folder_that_is_closed_to_nobody(self):
        os.mkdir(os.path.join(self.dir, "own"), 0o755)
        run = self.live("-i", "lo", "-w", "own/t.pcapng")
        self.talk(self.listen(7001))
        time.sleep(0.2)
        self.assertEqual(run.stop(), 130)
        self.assertEqual(self.analyze("own/t.pcapng").returncode, 0)
        run = self.run_to_end("-i", "lo", "-w", "own/r.pcapng", "-b", "filesize:8")
        self.assertEqual(run.process.returncode, 6)
        self.assertIn("-Z USER", run.message)

    def test_nothing_can_be_written_elsewhere(self):
        """Landlock, seen from inside: the folder of -o is replaced by one outside after the start."""
        os.mkdir(os.path.join(self.dir, "in"), 0o777)
        os.chmod(os.path.join(self.dir, "in"), 0o777)
        os.mkdir(os.path.join(self.dir, "outside"))
        os.chmod(os.path.join(self.dir, "outside"), 0o777)
        run = self.live("-i", "lo", "-o", "ndjson:in/log")
        os.rename(os.path.join(self.dir, "in"), os.path.join(self.dir, "moved"))
        os.symlink("outside", os.path.join(self.dir, "in"))
        run.process.send_signal(signal.SIGHUP)
        if "landlock" in kernel_security():
            until(lambda: "cannot open" in run.message, 5)
            self.assertEqual(os.listdir(os.path.join(self.dir, "outside")), [])
        run.stop()


def kernel_security():
    probe = ("import ctypes; print(ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1))")
    done = subprocess.run(["python3", "-c", probe], stdout=subprocess.PIPE, check=False)
    return "landlock" if int(done.stdout or -1) > 0 else ""


if __name__ == "__main__":
    live.main()
