"""What happens around a capture that runs for weeks: the clock is set, names are slow, the terminal goes away."""
import os
import pty
import struct
import sys
import time

import live
from live import until

SHIM = os.path.join(os.path.dirname(os.path.abspath(sys.argv[2])), "live_step_clock.so")


class Trouble(live.LiveTest):
    def shim(self):
        if live.is_sanitized() or not os.path.exists(SHIM):
            self.skipTest("a sanitizer wants to be the first library")
        self.words = os.path.join(self.dir, "words")
        with open(self.words, "wb") as f:
            f.write(bytes(16))
        os.chmod(self.words, 0o666)
        return {"LD_PRELOAD": SHIM, "STEP_CLOCK": self.words}

    def set_clock(self, seconds):
        with open(self.words, "r+b") as f:
            f.write(struct.pack("=q", seconds * 10**9))

    def asked_for_names(self):
        with open(self.words, "rb") as f:
            return struct.unpack("=qq", f.read(16))[1]

    def leak(self, port):
        client, server = self.pair(self.listen(port))
        client.sendall(b"x")
        server.recv(1)
        client.close()
        return server

    def stepped(self, first):
        """The clock is stepped by so much while a leak is open, and back again: it is told in good time, and nothing else is."""
        run = self.live("-i", "lo", "-o", "ndjson", "-w", "t.pcapng", "--threshold", "close-wait-leak=4s", env=self.shim())
        began = time.monotonic()
        self.leak(7001)
        time.sleep(0.7)
        self.set_clock(first)
        until(lambda: "the clock was stepped by %d s" % first in run.message, 5)
        open_pair = self.pair(self.listen(7002))
        time.sleep(1)
        self.assertEqual(run.findings(), [])
        self.set_clock(0)
        until(lambda: "the clock was stepped by %d s" % -first in run.message, 5)
        self.assertEqual(run.findings(), [])
        until(lambda: run.findings("raised"), 10)
        self.assertGreater(time.monotonic() - began, 3.9)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual([(r["finding"]["code"], r["connection"]["server"]["port"]) for r in run.findings("raised")],
                         [("close-wait-leak", 7001)])
        self.assertLess(run.findings("raised")[0]["finding"]["facts"]["held_s"], 20)
        self.assertEqual(run.stop(), 130)
        self.assertEqual(run.message.count("stepped"), 2, run.message)
        for record in run.records("connection"):
            self.assertEqual(record["ended_by"], "capture-end")
            for finding in record["findings"]:
                if finding["code"] == "still-open":
                    self.assertLess(finding["facts"]["idle_s"], 20)
        capture = run.records("capture")[0]
        self.assertEqual(capture["quality"]["time_went_back"], 0)
        self.assertEqual(len(self.analyze("t.pcapng", "-o", "ndjson").records), len(run.records("connection")) + 2)
        open_pair[0].close()

    def test_the_clock_is_set_an_hour_forward(self):
        self.stepped(3600)

    def test_the_clock_is_set_an_hour_back(self):
        self.stepped(-3600)

    def test_nobody_asks_for_names_unless_told_to(self):
        env = self.shim()
        leak = ("--threshold", "close-wait-leak=300ms")
        run = self.live("-i", "lo", "-o", "text", "-o", "ndjson:log", *leak, env=env)
        self.leak(7001)
        until(lambda: "127.0.0.1:7001" in run.text, 10)
        run.stop()
        self.assertEqual(self.asked_for_names(), 0)
        run = self.live("-i", "lo", "-N", *leak, env=env)
        self.leak(7002)
        until(lambda: "127.0.0.1:7002" in run.text, 10)  # an address is what remains
        run.stop()
        self.assertGreater(self.asked_for_names(), 0)  # so the test would see it

    def on_terminal(self, *args):
        """A run whose standard output is a terminal. Returns the process, what it has said, and the terminal's near end."""
        near, far = pty.openpty()
        path = os.path.join(self.dir, "message")
        with open(path, "wb") as err:
            process = live.subprocess.Popen([live.BINARY, "live", "-i", "lo", "-w", "t.pcapng", *args], cwd=self.dir, stdin=far, stdout=far,
                                            stderr=err, start_new_session=True)
        os.close(far)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait()))

        def said():
            with open(path, encoding="utf-8") as f:
                return f.read()

        until(lambda: "listening on" in said())
        return process, said, near

    def packets_of_the_file(self):
        done = self.analyze("t.pcapng", "-o", "ndjson")
        self.assertEqual(done.returncode, 0)
        return [r["packets"] for r in done.records if r["type"] == "capture"][0]

    def test_it_ends_with_the_terminal_that_it_was_for(self):
        process, said, near = self.on_terminal("-o", "text")
        self.talk(self.listen(7001))
        time.sleep(0.3)
        os.close(near)
        self.assertEqual(process.wait(20), 6, said())
        self.assertRegex(said(), r"^lastack: listening on .*\nlastack: cannot write standard output: Input/output error\n$")
        self.assertGreater(self.packets_of_the_file(), 8)

    def test_it_goes_on_when_there_is_a_log_beside_the_terminal(self):
        process, said, near = self.on_terminal("-o", "text", "-o", "ndjson:log", "--threshold", "close-wait-leak=300ms")
        os.close(near)
        process.send_signal(live.signal.SIGHUP)  # what a shell does, too: opens the log anew
        self.leak(7002)
        time.sleep(1.5)
        self.assertIsNone(process.poll(), said())
        process.send_signal(live.signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        with open(os.path.join(self.dir, "log"), encoding="utf-8") as f:
            records = [live.json.loads(line) for line in f]
        self.assertIn("raised", [r.get("event") for r in records])
        self.assertEqual([r["type"] for r in records[-2:]], ["capture", "summary"])
        self.assertGreater(self.packets_of_the_file(), 4)


if __name__ == "__main__":
    live.main()
