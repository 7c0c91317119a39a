#!/usr/bin/env python3
"""test_load.py PROGRAM: the load generator's figures, and the server's limits."""
import json
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import chat
from chat import Peer, Server, frame, until


def load(program, *options, patience=60, code=0):
    """Runs it; the results as a list of objects."""
    done = subprocess.run([program, "load", "--json", *options], capture_output=True, text=True, timeout=patience)
    assert done.returncode == code, done
    assert "Sanitizer: " not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def sound(result):
    """What holds for every run without errors."""
    for key in ("connect_errors", "lost", "timeouts", "refused", "dropped"):
        assert result[key] == 0, result
    assert result["sent"] == result["answered"] > 0, result
    assert 0 < result["latency_p50_s"] <= result["latency_p99_s"] <= result["latency_max_s"] < 5, result
    assert 0 <= result["wait_p50_s"] <= result["wait_p99_s"] <= result["wait_max_s"] <= result["latency_max_s"], result


def test_modes(program):
    with Server(program, "epoll") as server:
        address = "%s:%d" % server.address()
        for mode, connections in (("long", 50), ("shared", 1), ("pool:7", 7), ("short", 200)):
            (result,) = load(program, address, "--mode", mode, "--rate", "400", "--duration", "500ms")
            sound(result)
            assert result["run"] == mode and result["sent"] == 200 and result["connections"] == connections, result
            if mode == "long":
                assert result["delivered"] == 200, result  # rooms of two: one other hears each
            if mode == "shared":
                assert result["delivered"] == 0, result
        with Peer(server.address(), "after") as peer:
            until(lambda: peer.ask({"type": "who"}, "who")["names"] == ["after"], "the load has left")
        server.signal()
        code, out = server.end()
        assert code == 0 and "in good order" in out, out


def test_as_fast_as_answered(program):
    with Server(program, "epoll") as server:
        address = "%s:%d" % server.address()
        for mode in ("long", "shared", "pool:5", "short"):
            (result,) = load(
                program, address, "--mode", mode, "--rate", "0", "--duration", "300ms", "--batch", "5", "--clients", "20", "--room-size", "20"
            )
            sound(result)
            assert result["sent"] % 5 == 0 and result["messages_per_s"] > 50, result


def test_a_slow_server_shows(program):
    """Every answer takes 100 ms. On one shared connection nobody waits for it (requests are pipelined); a pool of one does."""
    with Server(program, "epoll", "--fault", "delay-replies:100ms") as server:
        address = "%s:%d" % server.address()
        (own,) = load(program, address, "--rate", "40", "--duration", "1s", "--clients", "10")
        sound(own)
        assert 0.1 <= own["latency_p50_s"] < 1, own
        (pool,) = load(program, address, "--rate", "20", "--duration", "1s", "--clients", "10", "--mode", "pool:1")
        sound(pool)
        # 20 requests in a second through one connection that does ten: the last waits about a second.
        assert pool["wait_max_s"] > 0.7 and pool["latency_max_s"] > pool["wait_max_s"], pool


def test_errors_are_counted(program):
    with Server(program, "epoll", "--max-connections", "10") as server:
        address = "%s:%d" % server.address()
        (result,) = load(program, address, "--clients", "20", "--rate", "100", "--duration", "500ms", "--reply-timeout", "500ms")
        assert result["connect_errors"] >= 10 and result["answered"] >= 20 and result["timeouts"] >= 10, result
    with Server(program, "epoll", "--fault", "no-accept") as server:
        done = subprocess.run(
            [program, "load", "%s:%d" % server.address(), "--clients", "2", "--duration", "1s", "--connect-timeout", "300ms", "--reply-timeout", "300ms"],
            capture_output=True, text=True, timeout=30,
        )
        assert done.returncode == 5 and "cannot connect" in done.stderr, done
    with Server(program, "epoll", "--fault", "exit:20") as server:
        (result,) = load(program, "%s:%d" % server.address(), "--clients", "19", "--rate", "100", "--duration", "200ms")
        sound(result)


def test_a_server_that_goes_away(program):
    with Server(program, "epoll") as server:
        process = subprocess.Popen(
            [program, "load", "%s:%d" % server.address(), "--json", "--duration", "1500ms", "--reply-timeout", "300ms"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        time.sleep(0.5)
        server.process.kill()
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, (out, err)
        result = json.loads(out)
        assert result["answered"] > 0 and result["connect_errors"] > 0, result


def test_comparisons(program):
    with Server(program, "epoll") as server:
        results = load(program, "%s:%d" % server.address(), "--compare-modes", "--rate", "200", "--duration", "200ms", "--clients", "10")
        assert [result["run"] for result in results] == ["short", "long", "shared", "pool:2"]
        for result in results:
            sound(result)
    results = load(program, "--compare-io", "--rate", "200", "--duration", "200ms", "--clients", "10")
    assert [result["run"] for result in results] == chat.MODELS
    for result in results:
        sound(result)
    done = subprocess.run(
        [program, "load", "--compare-io", "--rate", "100", "--duration", "100ms", "--clients", "3"], capture_output=True, text=True, timeout=30
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and len(lines) == 10 and "\r" not in done.stderr, done  # two lines of head; no bar in a pipe
    assert len({len(line) for line in lines}) == 1, lines


def test_the_progress_bar_is_for_terminals(program):
    with Server(program, "epoll") as server:
        command = [program, "load", "%s:%d" % server.address(), "--duration", "300ms"]
        for words, wanted in (([], True), (["--no-progress"], False)):
            ours, theirs = pty.openpty()
            done = subprocess.run(command + words, stdout=subprocess.PIPE, stderr=theirs, timeout=30)
            os.close(theirs)
            os.set_blocking(ours, False)
            try:
                shown = os.read(ours, 65536)
            except OSError:
                shown = b""
            os.close(ours)
            assert done.returncode == 0 and (b"answered" in shown and b"[#" in shown) is wanted, (words, shown)
            assert b"\r" not in done.stdout, done


def test_a_signal_ends_it_with_what_it_has(program):
    with Server(program, "epoll") as server:
        process = subprocess.Popen(
            [program, "load", "%s:%d" % server.address(), "--json", "--duration", "1h"], stdout=subprocess.PIPE, text=True
        )
        with Peer(server.address(), "watch") as peer:
            until(lambda: peer.ask({"type": "who"}, "who")["total"] == 51, "the clients are there")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130 and json.loads(out)["answered"] > 50, out


def test_a_thousand_clients(program):
    """Raw ones first: all are logged in at the same time and one message reaches all; then a thousand of the generator's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        print("      this system allows no 1000 connections (ulimit -Hn %d): only the refusal is tested" % hard)
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with Server(program, "epoll", "--max-connections", "1100", "--backlog", "1100") as server:
        peers = [Peer(server.address()) for _ in range(1000)]
        for i, peer in enumerate(peers):
            peer.raw(frame({"type": "login", "name": "p%d" % i}) + frame({"type": "join", "room": "all"}))
        for peer in peers:
            peer.wait_for("ok" if peer.wait_for("welcome") else None)
        assert peers[0].ask({"type": "who"}, "who")["total"] == 1000
        assert peers[0].ask({"type": "say", "room": "all", "text": "everybody"}, "ok")["delivered"] == 999
        for peer in peers[1:]:
            assert peer.wait_for("message")["text"] == "everybody"
        for peer in peers:
            peer.close()
        with Peer(server.address(), "last") as peer:
            until(lambda: peer.ask({"type": "who"}, "who")["total"] == 1, "all are gone")
        (result,) = load(
            program, "%s:%d" % server.address(), "--clients", "1000", "--rate", "2000", "--duration", "1s", "--connect-timeout", "20s"
        )
        sound(result)
        assert result["connections"] == 1000 and result["sent"] == 2000, result


def limit_to(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_descriptor_limit(program):
    # The soft limit is raised as far as is needed.
    with Server(program, "epoll", "--max-connections", "300", "--status=50ms", limits=limit_to(64, 1024)) as server:
        peers = [Peer(server.address(), "p%d" % i) for i in range(100)]
        peers[0].ping()
        for peer in peers:
            peer.close()
        until(lambda: re.search(r" of (3\d\d|4\d\d) descriptors", server.stderr()), "the raised limit")
    # Where the hard limit is too low, the server says so and does not start.
    server = Server(program, "epoll", "--max-connections", "1000", limits=limit_to(256, 256))
    assert server.process.wait(chat.PATIENCE) == 5 and not server.addresses
    assert "1000 connections need 1" in server.stderr() and "256" in server.stderr(), server.stderr()
    server.__exit__()
    done = subprocess.run(
        [program, "load", "--clients", "1000", "127.0.0.1:1"], capture_output=True, text=True, timeout=30, preexec_fn=limit_to(256, 256)
    )
    assert done.returncode == 5 and "1000 connections need" in done.stderr, done


def test_select_ends_at_fd_setsize(program):
    server = Server(program, "select", "--max-connections", "1000")
    assert server.process.wait(chat.PATIENCE) == 2 and "select" in server.stderr() and "1024" in server.stderr(), server.stderr()
    server.__exit__()


def test_running_out_of_descriptors(program):
    """Descriptors end while the server runs (someone else took them): it goes on when there are some again."""
    with Server(program, "epoll", "--max-connections", "50") as server:
        pid = server.process.pid
        used = len(os.listdir("/proc/%d/fd" % pid))
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 2, old[1]))
        first, second = Peer(server.address(), "a"), Peer(server.address(), "b")
        third = Peer(server.address())
        third.send({"type": "ping", "seq": 1})
        third.silent(0.3)
        first.ping()
        assert "accepting pauses" in server.stderr()
        second.close()
        assert third.wait_for("pong")["seq"] == 1
        first.close(), third.close()


if __name__ == "__main__":
    tests = [value for name, value in list(globals().items()) if name.startswith("test_")]
    if len(sys.argv) > 2:
        tests = [test for test in tests if test.__name__ in sys.argv[2:]]
    sys.exit(chat.run(tests, sys.argv[1]))
