"""`lastack check --run`: a command is captured while it runs, and what it did to its connections is judged. And the whole way of a CI
job: the chat server with and without a leak, recorded, checked, reported."""
import glob
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as ET

import live

# A server that keeps PORT open for CLIENTS connections, of which it closes none before it ends; its clients leave at once.
LEAK = """
import socket, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", {port})); s.listen()
held = []
for _ in range({clients}):
    c = socket.create_connection(s.getsockname()); a, _ = s.accept()
    c.sendall(b"hello"); a.recv(10); a.sendall(b"hello"); c.recv(10); c.close(); held.append(a)
time.sleep({hold})
"""
CLEAN = """
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", {port})); s.listen()
c = socket.create_connection(s.getsockname()); a, _ = s.accept()
c.sendall(b"hello"); a.recv(10); a.sendall(b"hello"); c.recv(10); c.close(); a.recv(10); a.close()
"""


class RunTest(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.tmp = os.path.join(self.dir, "tmp")
        os.mkdir(self.tmp, 0o777)

    def run_check(self, *args, command, settle="300ms", code=None, prefix=()):
        environment = dict(os.environ, TMPDIR=self.tmp, TZ="UTC", LC_ALL="C.UTF-8", LASTACK=live.BINARY)
        done = subprocess.run([*prefix, live.BINARY, "check", "--run", "--color=never", "--settle", settle, *args, "--", *command], cwd=self.dir,
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=live.SECONDS, check=False)
        done.text, done.message = done.stdout.decode(), done.stderr.decode()
        self.assertNotIn("Sanitizer", done.message)
        if code is not None:
            self.assertEqual(done.returncode, code, done.text + done.message)
        return done

    def python(self, text, **values):
        return ["python3", "-c", text.format(**values)]

    def left_behind(self):
        return glob.glob(os.path.join(self.tmp, "lastack-run-*"))


class Verdicts(RunTest):
    def test_clean(self):
        done = self.run_check("--policy", "@strict", command=self.python(CLEAN, port=7001), code=0)
        self.assertIn("PASS", done.text)
        self.assertIn("The command ended with code 0", " ".join(done.text.split()))
        self.assertEqual(self.left_behind(), [])

    def test_what_a_process_leaked_is_closed_by_its_exit(self):
        """Ordinary FINs, all at once: only the strict policy makes an error of that."""
        leak = self.python(LEAK, port=7001, clients=3, hold=0.8)
        done = self.run_check("--policy", "@strict", "-o", "junit", command=leak, code=1)
        tree = ET.fromstring(done.text)
        (failure,) = tree.findall(".//testcase[@name='closed-by-exit']/failure")
        self.assertIn("forbidden by @strict", failure.text)
        self.assertRegex(failure.text, r"connection: 127\.0\.0\.1:\d+ > 127\.0\.0\.1:7001")
        self.assertRegex(failure.text, r"packets?: \d+")
        self.run_check(command=leak, code=0)

    def test_a_leak_that_outlives_the_command(self):
        listener = self.listen(7001)
        held = []
        done = self.run_check(command=self.python("import socket; s = socket.create_connection(('127.0.0.1', 7001)); s.close()"), code=1)
        self.assertIn("BROKEN   unclosed on 127.0.0.1:7001", done.text)
        self.assertIn("server in CLOSE_WAIT", " ".join(done.text.split()))
        self.assertRegex(done.text, r"sockets  (client python3 \(\d+\), )?server python3(\.\d+)? \(%d\)" % os.getpid())
        held.append(listener.accept())
        for one, _ in held:
            one.close()

    def test_the_capture_of_a_failure_is_kept(self):
        self.listen(7001)
        done = self.run_check(command=self.python("import socket; s = socket.create_connection(('127.0.0.1', 7001)); s.close()"), code=1)
        (path,) = self.left_behind()
        self.assertIn("the capture was kept: " + path, done.message)
        shown = re.search(r"show +lastack (show .*)", done.text)[1].split()
        self.assertIn("CLOSE_WAIT", self.analyze(*shown).stdout.decode())

    def test_closing_packets_are_waited_for(self):
        """The peer closes a moment after the command has ended."""
        listener = self.listen(7001)
        later = ("import socket, subprocess, sys; s = socket.create_connection(('127.0.0.1', 7001)); s.sendall(b'x')\n"
                 "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(0.4)'], pass_fds=[s.fileno()])")
        closer = subprocess.Popen(["python3", "-c", "import socket, time\ns = socket.socket(fileno=%d); a, _ = s.accept()\nwhile a.recv(10): pass\na.close()"
                                   % listener.fileno()], pass_fds=[listener.fileno()])
        self.addCleanup(closer.wait)
        self.run_check(command=self.python(later), settle="1s", code=0)

    def test_as_long_as_the_policy_wants(self):
        """A policy with a longer settle waits longer: else a leak would be too young to be judged."""
        self.listen(7001)
        with open(os.path.join(self.dir, ".lastack"), "w", encoding="utf-8") as f:
            f.write("[policy]\nsettle = 3s\n")
        environment = dict(os.environ, TMPDIR=self.tmp)
        script = "import socket; s = socket.create_connection(('127.0.0.1', 7001)); s.close()"
        done = subprocess.run([live.BINARY, "check", "--run", "--", "python3", "-c", script], cwd=self.dir, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=live.SECONDS, check=False)
        self.assertEqual(done.returncode, 1, done.stdout.decode())

    def test_nothing_captured(self):
        done = self.run_check(command=["true"], code=1)
        self.assertIn("There is no packet", " ".join(done.text.split()))
        self.run_check("--allow-empty", command=["true"], code=0)

    def test_marks_of_the_run(self):
        """A file that the command itself writes while it runs."""
        self.listen(7001)
        script = "import socket, time; open('marks', 'w').write('%.6f test_leaks\\n' % time.time()); s = socket.create_connection(('127.0.0.1', 7001)); s.close()"
        done = self.run_check("--marks", "marks", command=self.python(script), code=1)
        self.assertIn("test     test_leaks", done.text)


class Commands(RunTest):
    def test_own_failure_comes_first(self):
        self.run_check(command=["sh", "-c", "exit 7"], code=7)
        self.run_check("--allow-empty", command=["sh", "-c", "kill -9 $$"], code=137)
        self.listen(7001)
        leak = self.python("import socket, sys; s = socket.create_connection(('127.0.0.1', 7001)); s.close(); sys.exit(3)")
        done = self.run_check(command=leak, code=3)
        self.assertIn("FAIL", done.text)

    def test_no_such_command(self):
        done = self.run_check(command=["no-such-command-here"], code=127)
        self.assertEqual(done.message.count("\n"), 1, done.message)
        self.assertIn("cannot run no-such-command-here", done.message)
        self.run_check(command=["/"], code=126)
        self.assertEqual(self.left_behind(), [])

    def test_signals_are_handed_on(self):
        """The command is told, what it did is reported, and nothing of it is left."""
        for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            environment = dict(os.environ, TMPDIR=self.tmp)
            process = subprocess.Popen([live.BINARY, "check", "--run", "--settle", "200ms", "--", "sh", "-c", "echo $$ > pid; exec sleep 30"],
                                       cwd=self.dir, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            path = os.path.join(self.dir, "pid")
            live.until(lambda: os.path.exists(path) and os.path.getsize(path) > 0)
            with open(path, encoding="utf-8") as f:
                pid = int(f.read())
            process.send_signal(number)
            out, _ = process.communicate(timeout=live.SECONDS)
            self.assertEqual(process.returncode, code, out.decode())
            self.assertFalse(os.path.exists("/proc/%d" % pid))
            os.unlink(path)

    def test_no_such_interface(self):
        done = self.run_check("-i", "nowhere0", command=["true"], code=5)
        self.assertIn("nowhere0", done.message)

    def test_no_permission(self):
        done = self.run_check(command=["touch", "ran"], code=5, prefix=["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all",
                                                                          "--bounding-set=-all"])
        self.assertEqual(done.message.count("\n"), 1, done.message)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "ran")))

    def test_standard_output_is_the_commands_own(self):
        done = self.run_check("--allow-empty", "-o", "junit:r.xml", command=["echo", "hello"], code=0)
        self.assertEqual(done.text, "hello\n")


class EndToEnd(RunTest):
    """The chat server with and without a leak: recorded, checked, reported."""

    def record(self, name, *faults):
        """The server ends last, five seconds after its clients at most; what it did is recorded first."""
        script = self.dir + "/" + name + ".sh"
        with open(script, "w", encoding="utf-8") as f:
            f.write("set -e\n\"$LASTACK\" chat server -q --listen 127.0.0.1:8888 --ready-file %s.ready %s & server=$!\n"
                    "while [ ! -s %s.ready ]; do sleep 0.05; done\n"
                    "printf '/quit\\n' | \"$LASTACK\" chat client --name a --script - --drain 200ms 127.0.0.1:8888 >/dev/null || true\n"
                    "sleep 1.2; kill -9 $server; wait $server || true\n" % (name, " ".join(faults), name))
        self.run_check("-w", name + ".pcapng", "--allow-empty", command=["sh", script])
        return name + ".pcapng"

    def test_leak_and_no_leak(self):
        policy = "[policy]\nthreshold.close-wait-leak = 1s\n[service chat]\nwhere = server.port == 8888\n"
        with open(os.path.join(self.dir, ".lastack"), "w", encoding="utf-8") as f:
            f.write(policy)
        good, bad = self.record("good"), self.record("bad", "--fault", "no-close")
        self.assertEqual(self.analyze("check", good).returncode, 0, self.analyze("check", good).stdout.decode())
        done = self.analyze("check", "-o", "text", "-o", "junit:lastack.xml", bad)
        self.assertEqual(done.returncode, 1, done.stdout.decode())
        (failure,) = ET.parse(os.path.join(self.dir, "lastack.xml")).findall(".//testsuite[@name='chat']/testcase[@name='close-wait-leak']/failure")
        tuples = re.search(r"connection: (127\.0\.0\.1:\d+) > (127\.0\.0\.1:8888)", failure.text)
        self.assertTrue(tuples, failure.text)
        frames = re.search(r"packets: ([\d, ]+) of bad\.pcapng", failure.text)
        self.assertTrue(frames, failure.text)
        # the frames named are the FIN and its acknowledgment
        shown = self.analyze("show", "--color=never", bad, "--conn", "1").stdout.decode()
        lines = {m[1]: m[0] for m in re.finditer(r"^ *(\d+) .*$", shown, flags=re.M)}
        self.assertIn("FIN", lines[frames[1].split(",")[0].strip()])


if __name__ == "__main__":
    live.main()
