"""What the tests of live capture share. Each test program runs in a network namespace of its own (it starts itself again in one), so
that several can run at once and nothing is left behind. Without root, or without namespaces, it exits with 77."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = ""
INSIDE = "LASTACK_TEST_NAMESPACE"
SECONDS = 30


def sh(command):
    subprocess.run(command, shell=True, check=True)


def until(what, seconds=SECONDS):
    """Waits until what() is true; returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen within %s s" % seconds)


class Run:
    """A running lastack live, its standard output and error in files."""

    def __init__(self, test, args, prefix=(), env=None):
        self.out_path = os.path.join(test.dir, "out%d" % test.runs)
        self.err_path = os.path.join(test.dir, "err%d" % test.runs)
        test.runs += 1
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "SUDO_"))}
        environment.update(LC_ALL="C.UTF-8", TZ="UTC")
        environment.update(env or {})
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(
                [*prefix, BINARY, "live", *args], cwd=test.dir, stdout=out, stderr=err, env=environment
            )
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def wait(self, seconds=SECONDS):
        return self.process.wait(seconds)

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.wait()

    @property
    def text(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    @property
    def message(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def records(self, kind=None):
        lines = self.text.split("\n")
        found = [json.loads(line) for line in lines[:-1]]
        return [r for r in found if kind is None or r["type"] == kind]

    def findings(self, event=None):
        return [r for r in self.records("finding") if event is None or r["event"] == event]


class LiveTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        os.chmod(self.dir, 0o777)
        self.addCleanup(shutil.rmtree, self.dir)
        self.runs = 0
        self.sockets = []
        self.addCleanup(self.close_all)

    def close_all(self):
        for s in self.sockets:
            s.close()

    def keep(self, s):
        self.sockets.append(s)
        return s

    def live(self, *args, **more):
        """Starts it and waits until it captures."""
        run = Run(self, args, **more)
        until(lambda: run.process.poll() is not None or "listening on" in run.message)
        return run

    def run_to_end(self, *args, **more):
        run = Run(self, args, **more)
        run.wait()
        return run

    def analyze(self, *args):
        done = subprocess.run(
            [BINARY, *args], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=SECONDS
        )
        done.records = [json.loads(line) for line in done.stdout.decode().splitlines()] if "ndjson" in args else []
        return done

    # ---- traffic ----

    def listen(self, port, backlog=16, address="127.0.0.1"):
        s = self.keep(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(backlog)
        return s

    def pair(self, listener):
        client = self.keep(socket.create_connection(listener.getsockname()[:2]))
        server, _ = listener.accept()
        return client, self.keep(server)

    def half_closed(self, listener, unread=b""):
        """A client that asks, is answered, sends what nobody reads and closes. Returns the server's socket, which stays in CLOSE_WAIT."""
        client, server = self.pair(listener)
        client.sendall(b"x")
        server.recv(1)
        server.sendall(b"y")
        client.recv(1)
        if unread:
            client.sendall(unread)
            time.sleep(0.05)
        client.close()
        return server

    def talk(self, listener):
        """A whole connection: opened, used, closed by both."""
        client, server = self.pair(listener)
        client.sendall(b"question")
        server.recv(100)
        server.sendall(b"answer")
        client.recv(100)
        client.close()
        server.recv(100)
        server.close()
        return client, server


def is_sanitized():
    with open(BINARY, "rb") as f:
        return b"__asan_init" in f.read()


def main():
    """To be called by each test program: argv[1] is lastack, argv[2] the program that sends packets, then names of tests."""
    global BINARY
    BINARY = os.path.abspath(sys.argv[1])
    if os.environ.get(INSIDE) is None:
        if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
            print("SKIPPED: needs root, unshare and ip")
            sys.exit(77)
        if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            print("SKIPPED: no network namespaces here")
            sys.exit(77)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, "-B", *sys.argv])
    sh("ip link set lo up")
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
