#!/usr/bin/env python3
"""test_model.py PROGRAM MODEL: the suite that every I/O model passes."""
import signal
import socket
import struct
import sys
import time

import chat
from chat import Peer, Server, frame, tcp_states, until


def test_conversation(program, io):
    with Server(program, io) as server, Peer(server.address(), "anna", "lobby") as anna, Peer(server.address()) as bert:
        welcome = bert.ask({"type": "login", "name": "bert", "id": 5}, "welcome")
        assert welcome["id"] == 5 and welcome["name"] == "bert" and welcome["max_frame"] == 1048576, welcome
        assert bert.ask({"type": "join", "room": "lobby", "id": 6}, "ok")["delivered"] == 2
        assert anna.wait_for("joined") == {"type": "joined", "room": "lobby", "name": "bert"}
        assert bert.ask({"type": "say", "room": "lobby", "text": "grüß dich €", "id": 7}, "ok")["delivered"] == 1
        message = anna.wait_for("message")
        assert message["from"] == "bert" and message["text"] == "grüß dich €" and message["room"] == "lobby"
        anna.ask({"type": "tell", "to": "bert", "text": "psst"}, "ok")
        assert bert.wait_for("private")["text"] == "psst"
        assert sorted(anna.ask({"type": "who"}, "who")["names"]) == ["anna", "bert"]
        assert sorted(anna.ask({"type": "who", "room": "lobby"}, "who")["names"]) == ["anna", "bert"]
        assert anna.ask({"type": "rooms"}, "rooms")["rooms"] == [{"room": "lobby", "members": 2}]
        pong = anna.ask({"type": "ping", "seq": 42, "time": 123456}, "pong")
        assert pong["seq"] == 42 and pong["time"] == 123456 and pong["server_time"] > 1e15
        bert.send({"type": "logout"})
        assert bert.wait_for("bye")["reason"] == "logout"
        bert.expect_end()  # the server's FIN comes first
        assert anna.wait_for("left")["name"] == "bert"
        with Peer(server.address(), "bert"):  # the name is free again
            pass


def test_byte_by_byte(program, io):
    with Server(program, io) as server, Peer(server.address()) as peer:
        for byte in frame({"type": "login", "name": "anna"}) + frame({"type": "ping", "seq": 9}):
            peer.raw(bytes([byte]))
        assert peer.receive()["type"] == "welcome"
        assert peer.receive()["seq"] == 9


def test_many_in_a_segment(program, io):
    with Server(program, io) as server, Peer(server.address()) as peer:
        peer.raw(b"".join(frame({"type": "ping", "seq": i}) for i in range(300)))
        assert [peer.receive()["seq"] for _ in range(300)] == list(range(300))


def test_one_over_many_segments(program, io):
    """A frame of exactly the longest length, sent in pieces."""
    with Server(program, io) as server, Peer(server.address()) as peer:
        body = b'{"type":"ping","seq":1,"pad":"'
        body += b"x" * (1048576 - len(body) - 2) + b'"}'
        data = frame(body.decode())
        for start in range(0, len(data), 100000):
            peer.raw(data[start : start + 100000])
            time.sleep(0.002)
        assert peer.wait_for("pong")["seq"] == 1


def test_a_long_message_to_a_room(program, io):
    with Server(program, io) as server, Peer(server.address(), "a", "r") as a, Peer(server.address(), "b", "r") as b:
        text = "long " * 150000
        a.ask({"type": "say", "room": "r", "text": text}, "ok")
        assert b.wait_for("message")["text"] == text
        # What does not fit with the sender's name around it is refused, and nothing is lost.
        body = '{"type":"say","room":"r","text":"'
        a.send(body + "y" * (1048576 - len(body) - 2) + '"}')
        a.expect_error("too-long", False)
        a.ping()


DEEP = '{"a":' + "[" * 100000 + "]" * 100000 + "}"
FATAL = [
    ("bad-length", b"\0\0\0\0"),
    ("bad-length", struct.pack(">I", 1048577)),
    ("bad-length", b"\xff\xff\xff\xff"),
    ("bad-length", b"GET / HTTP/1.1\r\n\r\n"),
    ("bad-utf8", frame(b'{"type":"ping","seq":1,"x":"\xff"}')),
    ("bad-utf8", frame(b'{"x":"\xc0\xaf"}')),
    ("bad-utf8", frame(b'{"x":"\xed\xa0\x80"}')),
    ("bad-json", frame("hello")),
    ("bad-json", frame("{}{}")),
    ("bad-json", frame("[1]")),
    ("bad-json", frame('{"type":"ping","seq":1,}')),
    ("bad-json", frame('{"type":"ping","seq":1} /* c */')),
    ("bad-json", frame('{"x":"\\ud800"}')),
    ("bad-json", frame(b"\0")),
    ("too-deep", frame(DEEP)),
]


def test_bad_clients_are_closed_and_others_notice_nothing(program, io):
    with Server(program, io) as server, Peer(server.address(), "witness", "r") as witness:
        for code, data in FATAL:
            with Peer(server.address(), "bad") as bad:
                # What came before in the same segment is answered, what comes after is not.
                bad.raw(frame({"type": "ping", "seq": 1}) + data)
                assert bad.wait_for("pong")["seq"] == 1
                bad.expect_error(code, True)
                bad.expect_end()
            witness.ping()
        witness.silent(0.05)
        until(lambda: witness.ask({"type": "who"}, "who")["names"] == ["witness"], "the bad are gone")


def test_mistakes_are_answered_and_forgiven(program, io):
    mistakes = [
        ("bad-message", {}),
        ("bad-message", {"type": 1}),
        ("unknown-type", {"type": "fly", "id": 3}),
        ("bad-message", {"type": "say", "room": "r"}),
        ("no-such-room", {"type": "say", "room": "none", "text": "x"}),
        ("no-such-user", {"type": "tell", "to": "none", "text": "x"}),
        ("already-logged-in", {"type": "login", "name": "b"}),
        ("bad-room", {"type": "join", "room": "a b"}),
    ]
    with Server(program, io, "--max-errors", "10") as server, Peer(server.address(), "a") as peer:
        for code, body in mistakes:
            error = peer.ask(body, "error")
            assert error["code"] == code and error["fatal"] is False and error.get("id") == body.get("id"), error
        peer.ping()
        peer.ask({"type": "fly"}, "error")
        peer.send({"type": "fly"})
        peer.expect_error("unknown-type", False)
        peer.expect_error("too-many-errors", True)
        peer.expect_end()
    with Server(program, io) as server, Peer(server.address()) as peer:
        assert peer.ask({"type": "join", "room": "r"}, "error")["code"] == "not-logged-in"
        peer.ping()


def test_cut_off_in_a_frame(program, io):
    with Server(program, io) as server, Peer(server.address(), "witness") as witness:
        with Peer(server.address()) as peer:
            peer.raw(frame({"type": "ping", "seq": 1}) + b"\0\0\1\0half")
            peer.half_close()
            assert peer.wait_for("pong")["seq"] == 1
            peer.expect_error("truncated", True)
            peer.expect_end()
        peer = Peer(server.address(), "gone")
        peer.raw(b"\0\0\1\0half")
        peer.abort()
        until(lambda: witness.ask({"type": "who"}, "who")["names"] == ["witness"], "the reset is noticed")


def test_answers_after_the_clients_fin(program, io):
    with Server(program, io, "--grace", "60s") as server, Peer(server.address()) as peer:
        peer.raw(b"".join(frame({"type": "ping", "seq": i}) for i in range(50)))
        peer.half_close()
        assert [peer.receive()["seq"] for _ in range(50)] == list(range(50))
        peer.expect_end()  # long before the grace time


def test_fifty_at_once(program, io):
    with Server(program, io) as server, Peer(server.address(), "witness") as witness:
        peers = [Peer(server.address()) for _ in range(50)]
        for i, peer in enumerate(peers):
            peer.raw(frame({"type": "login", "name": "p%d" % i}) + frame({"type": "join", "room": "all"}))
        for peer in peers:
            peer.wait_for("welcome")
            peer.wait_for("ok")
        for i, peer in enumerate(peers):
            peer.send({"type": "say", "room": "all", "text": "from %d" % i, "id": 1})
        for i, peer in enumerate(peers):
            texts, answered = set(), 0
            while len(texts) < 49 or not answered:
                message = peer.receive()
                if message["type"] == "message":
                    texts.add(message["text"])
                elif message["type"] == "ok":
                    assert message["delivered"] == 49
                    answered += 1
            assert answered == 1 and texts == {"from %d" % k for k in range(50) if k != i}
        assert witness.ask({"type": "who"}, "who")["total"] == 51
        # All close at the same time, every other one with a RST.
        for i, peer in enumerate(peers):
            peer.abort() if i % 2 else peer.close()
        until(lambda: witness.ask({"type": "who"}, "who")["names"] == ["witness"], "all fifty are gone")
        witness.ask({"type": "rooms"}, "rooms")


def test_a_slow_reader_is_cut_off(program, io):
    options = ("--send-queue", str(2 << 20), "--sndbuf", "65536")
    with Server(program, io, *options) as server:
        with Peer(server.address(), "fast", "r") as fast, Peer(server.address(), "talker", "r") as talker:
            slow = Peer(server.address(), "slow", "r", receive_buffer=4096)
            fast.wait_for("joined"), fast.wait_for("joined"), talker.wait_for("joined")
            text = "z" * 60000
            gone = False
            for _ in range(200):
                talker.send({"type": "say", "room": "r", "text": text})
                while (message := talker.receive())["type"] != "ok":
                    gone |= message["type"] == "left"
                while (message := fast.receive())["type"] != "message":
                    gone |= message["type"] == "left"
                assert len(message["text"]) == 60000
                if gone:
                    break
            assert gone, "the slow reader is still there after 12 MB"
            fast.ping()
            slow.expect_reset()
            slow.close()


def test_asking_without_reading(program, io):
    """A client that asks much and reads late gets every answer, in order."""
    with Server(program, io) as server, Peer(server.address(), "witness") as witness, Peer(server.address()) as peer:
        count, pad = 3000, "p" * 2000
        peer.sock.setblocking(False)
        data = b"".join(frame({"type": "ping", "seq": i, "pad": pad}) for i in range(count))
        sent, seen, buffer = 0, 0, b""
        end = time.monotonic() + chat.PATIENCE
        stalled = 0
        while seen < count:
            assert time.monotonic() < end
            try:
                sent += peer.sock.send(data[sent : sent + 65536]) if sent < len(data) else 0
                moved = sent < len(data)
            except BlockingIOError:
                moved = False
            if moved:
                continue
            if stalled < 20 and sent < len(data):  # wait a little before the first read
                stalled += 1
                time.sleep(0.005)
                continue
            try:
                buffer += peer.sock.recv(65536)
            except BlockingIOError:
                time.sleep(0.001)
            while len(buffer) >= 4 and len(buffer) >= 4 + struct.unpack(">I", buffer[:4])[0]:
                size = struct.unpack(">I", buffer[:4])[0]
                assert b'"seq":%d,' % seen in buffer[4 : 4 + size]
                buffer = buffer[4 + size :]
                seen += 1
        witness.ping()


def test_one_too_many(program, io):
    with Server(program, io, "--max-connections", "3") as server:
        peers = [Peer(server.address(), "p%d" % i) for i in range(3)]
        # More than are told in good order at one time, too.
        refused = [Peer(server.address()) for _ in range(40)]
        told = 0
        for peer in refused:
            try:
                peer.expect_error("too-many-connections", True)
                peer.expect_end()
                told += 1
            except ConnectionResetError:
                pass
            peer.close()
        assert told >= 32, told
        for peer in peers:
            peer.ping()
        peers.pop().close()

        def admitted():
            with Peer(server.address()) as peer:
                peer.send({"type": "ping", "seq": 1})
                return peer.receive()["type"] == "pong"

        until(admitted, "there is room again")
        for peer in peers:
            peer.close()


def test_idle_clients_are_sent_away(program, io):
    with Server(program, io, "--idle-timeout", "700ms") as server, Peer(server.address(), "busy") as busy:
        with Peer(server.address(), "idle") as idle, Peer(server.address()) as stranger:
            start = time.monotonic()
            stranger.raw(b"\0\0")  # bytes that are no frame are no sign of life
            while time.monotonic() - start < 1.0:
                busy.ping()
                time.sleep(0.1)
            for peer in (idle, stranger):
                assert peer.wait_for("bye")["reason"] == "idle"
                peer.expect_end()
            busy.ping()


def test_sigterm_drains(program, io):
    with Server(program, io) as server:
        peers = [Peer(server.address(), "p%d" % i, "r") for i in range(10)]
        stranger = Peer(server.address())
        stranger.ping()
        server.signal()
        for peer in peers + [stranger]:
            assert peer.wait_for("bye")["reason"] == "shutdown"
            peer.expect_end()
        try:
            Peer(server.address()).close()
            raise AssertionError("the server still accepts")
        except ConnectionRefusedError:
            pass
        assert server.process.poll() is None  # it waits for us
        # Late words are read, and do no harm.
        for peer in peers:
            peer.send({"type": "ping", "seq": 1})
        time.sleep(0.05)
        for peer in peers + [stranger]:
            peer.close()
        code, out = server.end()
        assert code == 0 and "in good order" in out, (code, out)
        until(lambda: not server.left_over(), "no process is left")


def test_sigterm_ends_those_who_stay(program, io):
    with Server(program, io, "--grace", "500ms") as server, Peer(server.address(), "stays") as peer:
        start = time.monotonic()
        server.signal()
        assert peer.wait_for("bye")["grace_s"] == 0.5
        code, out = server.end()
        assert 0.45 < time.monotonic() - start < 10
        assert code == 0 and "cut off" in out, (code, out)
        until(lambda: not server.left_over(), "no process is left")


def test_a_second_signal_ends_it_at_once(program, io):
    with Server(program, io, "--grace", "60s") as server, Peer(server.address(), "stays") as peer:
        server.signal()
        peer.wait_for("bye")
        server.signal(signal.SIGINT)
        code, _ = server.end()
        assert code == 0
        until(lambda: not server.left_over(), "no process is left")


def test_status(program, io):
    with Server(program, io, "--status=100ms") as server, Peer(server.address(), "a"):
        until(lambda: "1 connections (peak 1), 1 users" in server.stderr(), "a status line")
        assert " descriptors | " in server.stderr()


def test_ipv6(program, io):
    if not socket.has_ipv6:
        return
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return
    with Server(program, io, listen=("127.0.0.1:0", "[::1]:0")) as server:
        with Peer(server.address(0), "four", "r") as four, Peer(server.address(1), "six", "r") as six:
            four.wait_for("joined")
            six.ask({"type": "say", "room": "r", "text": "hello"}, "ok")
            assert four.wait_for("message")["from"] == "six"


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    if len(sys.argv) > 3:
        tests = [test for test in tests if test.__name__ in sys.argv[3:]]
    sys.exit(chat.run(tests, sys.argv[1], sys.argv[2]))
