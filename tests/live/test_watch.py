"""The full-screen view, in a real terminal: tmux holds it, capture-pane reads it."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import live
from live import until

SERVERS = []


class Watch(live.LiveTest):
    def setUp(self):
        super().setUp()
        SERVERS.append(os.path.join(self.dir, "none"))
        if shutil.which("tmux") is None:
            self.skipTest("tmux is not installed")
        self.addCleanup(self.end)

    @staticmethod
    def end():
        subprocess.run(["tmux", "-S", SERVERS[-1], "kill-server"], stderr=subprocess.DEVNULL, check=False)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", SERVERS[-1], *args], stdout=subprocess.PIPE, check=True).stdout.decode()

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "watch")

    def keys(self, *keys):
        self.tmux("send-keys", "-t", "watch", *keys)

    def start(self, *args, width=80, height=24):
        SERVERS.append(os.path.join(self.dir, "tmux%d" % len(SERVERS)))  # a server that ends refuses sessions for a moment
        command = "exec env LC_ALL=C.UTF-8 TZ=UTC PS1='prompt> ' sh"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "watch", "-x", str(width), "-y", str(height), command)
        until(lambda: "prompt>" in self.screen())
        self.keys("cd %s; %s live -i lo --watch --threshold close-wait-leak=1s %s" % (self.dir, live.BINARY, " ".join(args)), "Enter")
        until(lambda: "SERVICE" in self.screen(), 10)

    def test_services_findings_ladder_and_quit(self):
        self.start()
        listener = self.listen(7001)
        for _ in range(3):
            self.talk(listener)
        server = self.half_closed(listener)
        pair = self.pair(self.listen(7003))
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        until(lambda: "close-wait-leak" in self.screen(), 10)
        text = self.screen()
        lines = text.splitlines()
        self.assertEqual(len(lines), 24)
        self.assertIn("lastack  lo", lines[0])
        self.assertIn("packets", lines[1])
        self.assertRegex(lines[2], r"connections \d+:.*1 ESTABLISHED.*1 CLOSE_WAIT")
        self.assertRegex(text, r"(?m)^127\.0\.0\.1:7001 +1 +1 ")
        self.assertIn("connection-refused", text)
        self.assertIn("q quit", lines[23])
        self.keys("s")
        until(lambda: "sort=CLOSE_WAIT" in self.screen())
        self.keys("/")
        self.keys("7003", "Enter")
        until(lambda: "filter=7003" in self.screen())
        self.assertNotIn("127.0.0.1:7001  ", self.screen())
        self.keys("/", "Escape")
        until(lambda: "filter=" not in self.screen() and "7001" in self.screen())
        self.open_the_leak()
        ladder = self.screen()
        self.assertRegex(ladder, r"connection \d+: 127\.0\.0\.1:\d+ FIN_WAIT_2 -> 127\.0\.0\.1:7001 CLOSE_WAIT")
        self.assertRegex(ladder, r"---->.*SYN")
        self.assertRegex(ladder, r"<----.*SYN ACK")
        self.keys("Escape")
        until(lambda: "SERVICE" in self.screen())
        self.keys("q")
        until(lambda: "prompt>" in self.screen().splitlines()[-1] or "prompt>" in self.screen()[-200:], 10)
        after = self.tmux("capture-pane", "-p", "-S", "-200", "-t", "watch")
        self.assertIn("CLOSE_WAIT leak (close-wait-leak)", after)
        self.assertNotIn("Enter connection", after)
        pair[0].close()
        server.close()

    def test_what_is_held_back_counts(self):
        self.start()
        listener = self.listen(7001)
        servers = [self.half_closed(listener) for _ in range(3)]
        # OPEN, C-WAIT, ENDED, RESET, ERR: one is told, and all count.
        until(lambda: re.search(r"(?m)^127\.0\.0\.1:7001 +3 +3 +0 +0 +3 ", self.screen()), 10)
        self.assertEqual(self.screen().count("close-wait-leak:"), 1, self.screen())
        for server in servers:
            server.close()

    def open_the_leak(self):
        """The findings come in any order: goes down until the leak's ladder is there."""
        for _ in range(10):
            self.keys("Enter")
            time.sleep(0.3)
            if "CLOSE_WAIT" in self.screen() and "---->" in self.screen():
                return
            self.keys("Escape")
            time.sleep(0.3)
            self.keys("Down")
            time.sleep(0.3)
        self.fail(self.screen())

    def test_it_follows_the_size(self):
        self.start(width=120, height=30)
        for width, height in ((80, 24), (60, 15), (20, 5), (100, 40)):
            self.tmux("resize-window", "-t", "watch", "-x", str(width), "-y", str(height))
            until(lambda: "q quit" in self.screen().splitlines()[height - 1])
        self.keys("q")
        until(lambda: "prompt>" in self.screen()[-200:], 10)

    def pid(self):
        shell = self.tmux("list-panes", "-t", "watch", "-F", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", shell], stdout=subprocess.PIPE, check=True).stdout.split()
        return int(found[0])

    def test_the_terminal_comes_back_whatever_happens(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            self.start()
            os.kill(self.pid(), number)
            until(lambda: "prompt>" in self.screen()[-300:], 10)
            self.keys("stty -a | tr ';' '\\n' | grep -c -w -e icanon -e echo; echo wor''ks", "Enter")
            until(lambda: "works" in self.screen(), 5)
            self.assertIn("alternate_on 0", "alternate_on " + self.tmux("display", "-p", "-t", "watch", "#{alternate_on}"))
            self.assertIn("cursor 1", "cursor " + self.tmux("display", "-p", "-t", "watch", "#{cursor_flag}"))
            self.end()

    def test_it_ends_with_its_terminal(self):
        self.start()
        process = "/proc/%d" % self.pid()
        self.end()
        until(lambda: not os.path.exists(process), 5)

    def test_without_a_terminal(self):
        run = self.run_to_end("-i", "lo", "--watch")
        self.assertEqual((run.process.returncode, run.message.count("\n")), (2, 1))
        self.assertIn("terminal", run.message)
        run = self.run_to_end("-i", "lo", "--watch", "-o", "ndjson")
        self.assertEqual(run.process.returncode, 2)


if __name__ == "__main__":
    live.main()
