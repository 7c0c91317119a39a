"""What the tests of the chat share: a server process, a raw client, a runner. Only loopback, ports chosen by the kernel, every
wait bounded."""
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

MODELS = ["epoll", "epoll-et", "poll", "select", "nonblock", "threads", "fork", "coroutine"]
# The sanitizers and a busy machine make everything slower; nothing waits this long when all is well.
PATIENCE = 20.0


class Server:
    """`lastack chat server` on a free port. Used as a context: whatever happens, the process ends."""

    def __init__(self, program, io, *options, listen=("127.0.0.1:0",), limits=None):
        self.dir = tempfile.TemporaryDirectory()
        ready = os.path.join(self.dir.name, "ready")
        self.err = open(os.path.join(self.dir.name, "err"), "w+")
        command = [program, "server", "--io", io, "--ready-file", ready]
        for address in listen:
            command += ["--listen", address]

        def prepare():
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it does not outlive a test that is killed
            if limits:
                limits()

        # A session of its own, so that what is left of it can be found.
        self.process = subprocess.Popen(
            command + list(options), stdout=subprocess.PIPE, stderr=self.err, text=True, start_new_session=True, preexec_fn=prepare
        )
        self.addresses = []
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None and not os.path.exists(ready):
            time.sleep(0.005)
        if os.path.exists(ready):
            with open(ready) as f:
                self.addresses = f.read().split()

    def __enter__(self):
        assert self.addresses, "the server did not start: %s" % self.stderr()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        said = self.stderr()
        self.process.stdout.close()
        self.err.close()
        self.dir.cleanup()
        assert "Sanitizer: " not in said and "runtime error: " not in said, said

    def address(self, index=0):
        host, port = self.addresses[index].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def stderr(self):
        self.err.flush()
        with open(self.err.name) as f:
            return f.read()

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def end(self, patience=PATIENCE):
        """Waits for the end; the exit code and what was printed."""
        out, _ = self.process.communicate(timeout=patience)
        return self.process.returncode, out

    def left_over(self):
        """Processes of the server's session that are still there (zombies do not count)."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % name) as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[3] == str(self.process.pid) and fields[0] != "Z":
                found.append(name)
        return found


def frame(body):
    """A frame around an object, a text, or bytes."""
    if isinstance(body, dict):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    return struct.pack(">I", len(body)) + body


class Peer:
    """A raw client: sends what it is told, cuts what comes into frames."""

    def __init__(self, address, name=None, room=None, receive_buffer=None):
        self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if name:
            self.ask({"type": "login", "name": name}, "welcome")
        if room:
            self.ask({"type": "join", "room": room}, "ok")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def abort(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, body):
        self.sock.sendall(frame(body))

    def raw(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def receive(self, patience=PATIENCE):
        """The next message; None at the end of the connection; the exception for a reset."""
        end = time.monotonic() + patience
        while True:
            if len(self.buffer) >= 4:
                size = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + size:
                    body, self.buffer = self.buffer[4 : 4 + size], self.buffer[4 + size :]
                    return json.loads(body)
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no message")
            self.sock.settimeout(left)
            data = self.sock.recv(65536)
            if not data:
                assert not self.buffer, "the server closed in the middle of a frame"
                return None
            self.buffer += data

    def wait_for(self, kind, patience=PATIENCE):
        """The next message of that type, skipping news of others."""
        while True:
            message = self.receive(patience)
            assert message is not None, "closed while waiting for %s" % kind
            if message["type"] == kind:
                return message
            assert message["type"] in ("joined", "left", "message", "private", "notice"), message

    def ask(self, body, kind):
        self.send(body)
        return self.wait_for(kind)

    def ping(self, seq=1):
        assert self.ask({"type": "ping", "seq": seq, "time": 5}, "pong")["seq"] == seq

    def silent(self, span):
        """Asserts that nothing comes for a while."""
        try:
            message = self.receive(span)
        except TimeoutError:
            return
        raise AssertionError("expected silence, got %s" % message)

    def expect_error(self, code, fatal):
        message = self.wait_for("error")
        assert message["code"] == code and message["fatal"] is fatal, message

    def expect_end(self, patience=PATIENCE):
        """The server's FIN, after nothing but news."""
        while True:
            message = self.receive(patience)
            if message is None:
                return
            assert message["type"] in ("joined", "left", "message"), message

    def expect_reset(self, patience=PATIENCE):
        try:
            while self.receive(patience) is not None:
                pass
        except ConnectionResetError:
            return
        raise AssertionError("expected a RST, got a FIN")


def tcp_states(port):
    """The states (as numbers of /proc/net/tcp) of this host's IPv4 sockets whose local port this is, listeners left out."""
    states = []
    with open("/proc/net/tcp") as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port and fields[3] != "0A":
                states.append(int(fields[3], 16))
    return states


ESTABLISHED, CLOSE_WAIT = 1, 8


def until(condition, what, patience=PATIENCE):
    """Waits until the condition holds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "not in time: %s" % what
        time.sleep(0.01)


def run(tests, *arguments):
    """Runs each test function; the exit code."""
    failed = 0
    for test in tests:
        start = time.monotonic()
        try:
            test(*arguments)
            print("ok    %-45s %6.2f s" % (test.__name__, time.monotonic() - start))
        except Exception:
            failed += 1
            print("FAIL  %s" % test.__name__)
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
    return 1 if failed else 0
