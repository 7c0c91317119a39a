#!/usr/bin/env python3
"""test_client.py PROGRAM: the client, by scripts and by hand, against the server and against servers that behave badly."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import chat
from chat import Peer, Server, frame, until


class Client:
    """A client process whose input is written to as the test goes."""

    def __init__(self, program, address, *options, name="anna"):
        self.process = subprocess.Popen(
            [program, "client", "%s:%d" % address, "--name", name, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(chat.PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def type(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def expect(self, text):
        until(lambda: any(text in line for line in self.lines), "%r in %s" % (text, self.lines))

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(chat.PATIENCE)
        self.reader.join(chat.PATIENCE)
        return code


def script(program, address, text, *options, name="anna", patience=chat.PATIENCE):
    """Runs a script; exit code and everything printed."""
    done = subprocess.run(
        [program, "client", "%s:%d" % address, "--name", name, "--script", "-", *options],
        input=text,
        capture_output=True,
        text=True,
        timeout=patience,
    )
    assert "Sanitizer: " not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


class BadServer:
    """A listener whose behaviour is a function of (connection, number of the connection from 0)."""

    def __init__(self, behave):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.behave, self.count = behave, 0
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def address(self):
        return self.listener.getsockname()

    def serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            number, self.count = self.count, self.count + 1
            sock.settimeout(chat.PATIENCE)
            threading.Thread(target=self.one, args=(sock, number), daemon=True).start()

    def one(self, sock, number):
        try:
            self.behave(sock, number)
        except OSError:
            pass
        finally:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def read_frame(sock):
    head = b""
    while len(head) < 4:
        data = sock.recv(4 - len(head))
        if not data:
            return None
        head += data
    body = b""
    while len(body) < struct.unpack(">I", head)[0]:
        body += sock.recv(65536)
    return json.loads(body)


def welcome(sock):
    request = read_frame(sock)
    assert request["type"] == "login"
    sock.sendall(frame({"type": "welcome", "name": request["name"], "id": request["id"]}))
    return request


def test_a_script(program):
    with Server(program, "epoll") as server:
        code, out = script(
            program,
            server.address(),
            "# a comment\n/join lobby\nhello\n/say lobby more\n/who lobby\n/rooms\n/ping\n/tell anna to myself\n/wait private 200ms\n/leave lobby\n",
        )
        # `private` came before /wait was reached: that wait must run out of time.
        assert code == 5 and "did not come in time" in out, (code, out)
        code, out = script(
            program, server.address(), "/join lobby\nhello\n/who lobby\n/rooms\n/ping\n/tell anna to myself\n/sleep 50ms\n/leave lobby\n"
        )
        assert code == 0, (code, out)
        for text in ("logged in as anna", "who lobby (1): anna", "rooms (1): lobby (1)", "pong 1 after", "(anna to you) to myself"):
            assert text in out, (text, out)


def test_a_script_stops_at_the_first_failure(program):
    with Server(program, "epoll") as server:
        for text, why in (
            ("/leave nowhere\n/who\n", "no-such-room"),
            ("/fly\n/who\n", "is no command"),
            ("text without a room\n/who\n", "no room to speak in"),
            ("/bytes 0\n/who\n", "hexadecimal"),
            ("/wait message 100ms\n/who\n", "did not come in time"),
        ):
            code, out = script(program, server.address(), text)
            assert code == 5 and why in out and "who (" not in out, (text, code, out)


def test_script_sees_ends(program):
    with Server(program, "epoll", "--fault", "linger0") as server:
        code, out = script(program, server.address(), "/half-close\n/wait reset 5s\n")
        assert code == 0, (code, out)
    with Server(program, "epoll") as server:
        code, out = script(program, server.address(), "/logout\n/sleep 10ms\n")
        assert code == 0 and "good-bye: logout" in out, (code, out)
        code, out = script(program, server.address(), "/half-close\n/wait eof\n")
        assert code == 0, (code, out)
        code, out = script(program, server.address(), "/bytes 00000000\n/wait eof\n")
        assert code == 0 and "bad-length" in out, (code, out)
        code, out = script(program, server.address(), '/send {"type":"fly"}\n/wait error\n/close\n/connect\n/who\n')
        assert code == 0 and "unknown-type" in out and "who (1): anna" in out, (code, out)
        code, out = script(program, server.address(), "/stop-reading\n/sleep 20ms\n/abort\n")
        assert code == 0, (code, out)


def test_login_refused(program):
    with Server(program, "epoll", "--max-connections", "1") as server, Peer(server.address(), "anna"):
        code, out = script(program, server.address(), "/who\n")
        assert code == 5 and "too-many-connections" in out, (code, out)
    with Server(program, "epoll") as server, Peer(server.address(), "anna"):
        code, out = script(program, server.address(), "/who\n")
        assert code == 5 and "name-taken" in out, (code, out)


def test_attempts_and_backoff(program):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    start = time.monotonic()
    code, out = script(program, address, "", "--backoff", "200ms")
    took = time.monotonic() - start
    assert code == 5 and "(3 attempts)" in out and "refused" in out.lower(), (code, out)
    assert "200 ms" in out and "400 ms" in out and 0.6 <= took < 10, (took, out)
    start = time.monotonic()
    code, out = script(program, address, "", "--attempts", "1")
    assert code == 5 and "(1 attempt)" in out and time.monotonic() - start < 5, out


def test_a_server_that_starts_late(program):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    client = Client(program, address, "--backoff", "300ms", "--attempts", "8")
    with client:
        client.expect("attempt 1 of 8")
        with Server(program, "epoll", listen=("%s:%d" % address,)):
            client.expect("logged in as anna")
            assert client.end() == 0


def test_connect_timeout(program):
    """A listener whose queue is full answers nothing: the attempt ends by the clock."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        time.sleep(0.1)
        start = time.monotonic()
        code, out = script(program, address, "", "--connect-timeout", "300ms", "--attempts", "2", "--backoff", "100ms")
        assert code == 5 and "timed out" in out and 0.6 <= time.monotonic() - start < 10, (code, out)
        for filler in fillers:
            filler.close()


def test_no_retry_when_the_name_does_not_resolve(program):
    start = time.monotonic()
    done = subprocess.run([program, "client", "no-such-host.invalid:1"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and "does not resolve" in done.stderr and "attempt" not in done.stderr, done
    assert time.monotonic() - start < 50


def test_interactive(program):
    with Server(program, "epoll") as server, Client(program, server.address(), "--room", "lobby") as client:
        client.expect("logged in as anna")
        with Peer(server.address(), "bert", "lobby") as bert:
            client.expect("* bert joined lobby")
            client.type("hello from the keyboard")
            assert bert.wait_for("message")["text"] == "hello from the keyboard"
            bert.ask({"type": "say", "room": "lobby", "text": "evil \x1b[2J\u202e text"}, "ok")
            client.expect("[lobby] bert: evil \\x1b[2J\\u{202e} text")
            client.type("/fly")
            client.expect("is no command")
            client.type("/help")
            client.expect("/half-close")
            client.type("/who lobby")
            client.expect("who lobby (2)")
            assert client.end() == 0
            assert bert.wait_for("left")["name"] == "anna"


def test_info(program):
    with Server(program, "epoll") as server:
        code, out = script(program, server.address(), "", "--info", "--keepalive", "7:3:2", "--rcvbuf", "20000")
        assert code == 0
        assert "peer 127.0.0.1:%d" % server.address()[1] in out and out.count("state ESTABLISHED") == 2, out
        assert "keep-alive on (7 s, every 3 s, 2 times)" in out and "TCP_NODELAY on" in out and "receive 40000" in out, out


def test_json(program):
    with Server(program, "epoll") as server:
        code, out = script(program, server.address(), "/join r\n/ping\n", "--json")
        assert code == 0
        kinds = [json.loads(line)["type"] for line in out.split("\n") if line.startswith("{")]
        assert kinds == ["welcome", "ok", "pong"], kinds


def test_abort_and_graceful_end(program):
    ends = []

    def behave(sock, _):
        welcome(sock)
        try:
            ends.append(sock.recv(1))
        except ConnectionResetError:
            ends.append("reset")

    with BadServer(behave) as server:
        assert script(program, server.address(), "/sleep 50ms\n", "--abort")[0] == 0
        until(lambda: ends == ["reset"], "the RST")
        assert script(program, server.address(), "/sleep 50ms\n")[0] == 0
        until(lambda: ends == ["reset", b""], "the FIN")


def test_the_end_waits_for_the_servers_fin(program):
    closed = []

    def behave(sock, _):
        welcome(sock)
        assert sock.recv(1) == b""
        time.sleep(0.4)
        sock.sendall(frame({"type": "notice", "text": "late"}))
        closed.append(time.monotonic())

    with BadServer(behave) as server:
        assert script(program, server.address(), "")[0] == 0
        assert closed and time.monotonic() - closed[0] < 5

    def never(sock, _):
        welcome(sock)
        time.sleep(5)

    with BadServer(never) as server:
        start = time.monotonic()
        assert script(program, server.address(), "", "--drain", "300ms")[0] == 0
        assert 0.3 <= time.monotonic() - start < 4


def test_heartbeat_and_reconnect(program):
    """The first server connection answers no pings; the second does, and the client is back in its room."""
    pings, joins = [], []

    def behave(sock, number):
        welcome(sock)
        while (request := read_frame(sock)) is not None:
            if request["type"] == "join":
                joins.append((number, request["room"]))
                sock.sendall(frame({"type": "ok", "id": request["id"]}))
            if request["type"] == "ping":
                pings.append((number, request))
                if number > 0:
                    sock.sendall(frame({"type": "pong", "seq": request["seq"], "time": request["time"]}))

    options = ("--heartbeat", "150ms", "--heartbeat-timeout", "200ms", "--room", "lobby")
    with BadServer(behave) as server, Client(program, server.address(), *options) as client:
        client.expect("no answer to the heartbeat")
        client.expect("connected again")
        until(lambda: sum(number == 1 for number, _ in pings) >= 3, "heartbeats of the second connection")
        assert joins == [(0, "lobby"), (1, "lobby")], joins
        ping = [request for number, request in pings if number == 1][-1]
        assert ping["reconnects"] == 1 and ping["sent"] > 3 and ping["received"] > 1 and ping["time"] > 1e15, ping
        assert server.count == 2
        assert client.end() == 0


def test_reconnects_end(program):
    def behave(sock, _):
        welcome(sock)

    with BadServer(behave) as server, Client(program, server.address(), "--reconnects", "2") as client:
        until(lambda: client.process.poll() is not None, "the client gives up")
        assert client.process.returncode == 5 and server.count == 3, (client.process.returncode, server.count, client.lines)


def test_servers_that_do_not_speak_the_protocol(program):
    answers = [b"HTTP/1.1 400 Bad Request\r\n\r\n", frame("nonsense"), frame(b"\xff\xfe"), frame("{" * 100), b"\0\0\0\0"]
    for answer in answers:

        def behave(sock, _, answer=answer):
            sock.sendall(answer)
            sock.recv(1000)
            sock.recv(1000)

        with BadServer(behave) as server:
            code, out = script(program, server.address(), "/who\n")
            assert code == 5 and "does not speak the protocol" in out, (answer, code, out)
    with BadServer(lambda sock, _: time.sleep(2)) as server:
        code, out = script(program, server.address(), "/who\n", "--reply-timeout", "300ms")
        assert code == 5 and "login was not answered" in out, (code, out)


def test_no_login_and_bind(program):
    with Server(program, "epoll") as server:
        code, out = script(program, server.address(), "/ping\n", "--no-login", "--bind", "127.0.0.2:0", "--info")
        assert code == 0 and "logged in" not in out and "local 127.0.0.2:" in out, (code, out)


def test_signals(program):
    with Server(program, "epoll") as server:
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with Client(program, server.address()) as client:
                client.expect("logged in")
                client.process.send_signal(number)
                assert client.process.wait(chat.PATIENCE) == code


def test_usage(program):
    for words in (
        ["client", "--attempts", "0"],
        ["client", "--heartbeat", "soon"],
        ["client", "a:b:c"],
        ["client", "x", "y"],
        ["client", "--nope"],
        ["server", "--io", "epol"],
        ["server", "--fault", "nope"],
        ["server", "--listen", "localhost:1"],
        ["server", "--listen", "0.0.0.0:0"],
        ["server", "--listen", "[::]:0"],
        ["server", "--keepalive", "1"],
        ["server", "--max-connections", "0"],
        ["server", "--status=1ns"],
        ["server", "word"],
        ["load", "--rate", "-1"],
        ["load", "--mode", "pool"],
        ["load", "--duration", "0s"],
        ["load", "192.0.2.1:80"],
        ["load", "--compare-io", "127.0.0.1:1"],
        ["serve"],
        [],
    ):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        assert done.returncode == 2 and done.stderr and not done.stdout, (words, done)
    for words in (["--help"], ["server", "--help"], ["client", "--help"], ["load", "--help"], ["server", "--list-io"], ["server", "--list-faults"]):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and done.stdout, (words, done)


def test_an_address_in_use(program):
    with Server(program, "epoll") as server:
        done = subprocess.run([program, "server", "--listen", "%s:%d" % server.address()], capture_output=True, text=True, timeout=30)
        assert done.returncode == 5 and "in use" in done.stderr, done


def test_script_files(program):
    with Server(program, "epoll") as server:
        path = os.path.join(server.dir.name, "script")
        with open(path, "w") as f:
            f.write("/join r\nlast line without a newline")
        done = subprocess.run(
            [program, "client", "%s:%d" % server.address(), "--name", "x", "--script", path], capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done
        done = subprocess.run([program, "client", "--script", path + ".none"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 3, done


def test_the_manual_names_everything(program):
    """Each option, fault, model, command, and word of the protocol stands in the manual; and no option that is none."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "man", "lastack-chat.1")) as f:
        manual = f.read().replace("\\-", "-")

    def output(*words):
        return subprocess.run([program, *words], capture_output=True, text=True, timeout=30).stdout

    options = set()
    for command in ("server", "client", "load"):
        options |= set(re.findall(r"--([a-z][a-z-]+)", output(command, "--help"))) - {"help"}
    assert len(options) > 45, options
    for option in options:
        assert re.search(r"Fl -%s\b" % re.escape(option), manual), option
    for option in re.findall(r"Fl -([a-z][a-z-]+)", manual):
        assert option in options, option
    words = [line.split()[0] for line in output("server", "--list-faults").splitlines() + output("server", "--list-io").splitlines()]
    with open(os.path.join(root, "src", "chat", "protocol.c")) as f:
        source = f.read()
    words += re.findall(r'_REQUEST_\w+\] = {"([a-z-]+)"', source) + re.findall(r'_ERROR_\w+\] = {"([a-z-]+)"', source)
    with open(os.path.join(root, "src", "chat", "client_command.c")) as f:
        words += ["/" + name for name in re.findall(r'_COMMAND_\w+\] = {"([a-z-]+)"', f.read())]
    assert len(words) > 60, words
    for word in words:
        assert re.search(r"(Cm|,) %s\b" % re.escape(word), manual), word


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    if len(sys.argv) > 2:
        tests = [test for test in tests if test.__name__ in sys.argv[2:]]
    sys.exit(chat.run(tests, sys.argv[1]))
