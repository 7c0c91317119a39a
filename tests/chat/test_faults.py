#!/usr/bin/env python3
"""test_faults.py PROGRAM MODEL: what a server does wrong on purpose, and that it does nothing else wrong."""
import sys
import time

import chat
from chat import CLOSE_WAIT, ESTABLISHED, Peer, Server, tcp_states, until


def elapsed_until_end(peer):
    start = time.monotonic()
    peer.expect_end()
    return time.monotonic() - start


def test_no_close(program, io):
    with Server(program, io, "--fault", "no-close") as server, Peer(server.address(), "a") as peer:
        port = server.address()[1]
        assert tcp_states(port) == [ESTABLISHED]
        peer.half_close()
        peer.silent(0.3)
        assert tcp_states(port) == [CLOSE_WAIT]
        # The name is free all the same, and a server that stops closes what it leaked.
        with Peer(server.address(), "a"):
            pass
        server.signal()
        peer.expect_end()
        assert server.end()[0] == 0


def test_late_close(program, io):
    with Server(program, io, "--fault", "late-close:400ms") as server, Peer(server.address(), "a") as peer:
        peer.half_close()
        assert 0.35 < elapsed_until_end(peer) < 5


def test_linger0(program, io):
    with Server(program, io, "--fault", "linger0") as server:
        with Peer(server.address(), "a") as peer:
            peer.half_close()
            peer.expect_reset()
        with Peer(server.address(), "a") as peer:
            peer.send({"type": "logout"})
            peer.expect_reset()  # the farewell itself may be read before it, or not


def test_unread_close(program, io):
    with Server(program, io, "--fault", "unread-close:200ms") as server, Peer(server.address(), "a") as peer:
        peer.silent(0.05)
        start = time.monotonic()
        peer.send({"type": "ping", "seq": 1})
        peer.expect_reset()
        assert 0.15 < time.monotonic() - start < 5
        # Without data there is nothing to leave unread.
        with Peer(server.address(), "b") as other:
            other.half_close()
            other.expect_end()


def test_half_close(program, io):
    with Server(program, io, "--fault", "half-close:700ms") as server, Peer(server.address(), "a") as peer:
        peer.half_close()
        start, notices = time.monotonic(), 0
        while (message := peer.receive()) is not None:
            assert message["type"] == "notice"
            notices += 1
        assert notices >= 2 and 0.6 < time.monotonic() - start < 5, notices


def test_stop_reading(program, io):
    with Server(program, io, "--fault", "stop-reading", "--rcvbuf", "8192") as server, Peer(server.address(), "a") as peer:
        peer.sock.settimeout(0.4)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += peer.sock.send(b"x" * 65536)
            raise AssertionError("64 MB were taken")
        except TimeoutError:
            pass
        with Peer(server.address()) as other:
            other.ping()  # the first frame is still answered


def test_no_pong(program, io):
    with Server(program, io, "--fault", "no-pong") as server, Peer(server.address(), "a") as peer:
        peer.send({"type": "ping", "seq": 1})
        peer.silent(0.2)
        assert peer.ask({"type": "who"}, "who")["total"] == 1


def test_delay_replies(program, io):
    with Server(program, io, "--fault", "delay-replies:300ms") as server, Peer(server.address()) as peer:
        start = time.monotonic()
        peer.ping()
        assert 0.28 < time.monotonic() - start < 5
        peer.send({"type": "logout"})  # a delayed farewell is still sent before the FIN
        assert peer.receive()["type"] == "bye"
        peer.expect_end()


def test_no_accept(program, io):
    with Server(program, io, "--fault", "no-accept") as server, Peer(server.address()) as peer:
        peer.send({"type": "ping", "seq": 1})
        peer.silent(0.3)
        server.signal()
        peer.expect_reset()  # the listener goes away with a connection waiting
        assert server.end()[0] == 0


def test_late_accept(program, io):
    with Server(program, io, "--fault", "late-accept:400ms") as server:
        for _ in range(2):
            with Peer(server.address()) as peer:
                start = time.monotonic()
                peer.ping()
                assert 0.35 < time.monotonic() - start < 5


def test_close_listener(program, io):
    with Server(program, io, "--fault", "close-listener:200ms") as server, Peer(server.address()) as peer:
        start = time.monotonic()
        peer.send({"type": "ping", "seq": 1})
        peer.expect_reset()
        assert 0.15 < time.monotonic() - start < 5
        try:
            Peer(server.address()).close()
            raise AssertionError("the listener is still there")
        except ConnectionRefusedError:
            pass
        server.signal()
        assert server.end()[0] == 0


def test_exit(program, io):
    with Server(program, io, "--fault", "exit:3") as server:
        peers = [Peer(server.address(), "p%d" % i) for i in range(2)]
        stranger = Peer(server.address())
        stranger.ping()
        last = Peer(server.address())
        last.send({"type": "login", "name": "last"})
        code, _ = server.end()
        assert code == 0, code
        until(lambda: not server.left_over(), "no process is left")
        for peer in peers + [stranger]:
            peer.expect_end()  # the kernel closes what the process left open
            peer.close()
        last.close()


def leaks(program, io, seed):
    """Which of 30 connections, one after another, are leaked."""
    leaked = []
    with Server(program, io, "--fault", "no-close@0.4", "--seed", str(seed)) as server:
        for _ in range(30):
            peer = Peer(server.address())
            peer.ping()
            peer.half_close()
            leaked.append(peer)
        time.sleep(0.3)
        result = []
        for peer in leaked:
            peer.sock.settimeout(0.01)
            try:
                result.append(peer.sock.recv(1) != b"")
            except TimeoutError:
                result.append(True)
            peer.close()
    return result


def test_probability(program, io):
    first = leaks(program, io, 7)
    assert 4 <= sum(first) <= 22, first
    if io == "epoll":
        assert leaks(program, io, 7) == first
        assert leaks(program, io, 8) != first


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    if len(sys.argv) > 3:
        tests = [test for test in tests if test.__name__ in sys.argv[3:]]
    sys.exit(chat.run(tests, sys.argv[1], sys.argv[2]))
