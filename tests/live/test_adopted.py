"""Sockets that were there before the capture are connections of it: their state is the kernel's until packets say more."""
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import live
from live import until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import records  # noqa: E402
import schema_check  # noqa: E402
import json  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TALKS_A_SECOND = 1500  # a fast machine makes more than a build with sanitizers follows
MANY = 20000


def known(connections):
    return [c for c in connections if c["roles_from"] == "kernel"]


class Adopted(live.LiveTest):
    def half_closed(self, listener, count):
        held = []
        for _ in range(count):
            client, server = self.pair(listener)
            client.close()
            held.append(server)
        return held

    def valid(self, run):
        with open(os.path.join(ROOT, "src", "report", "lastack-1.schema.json"), encoding="utf-8") as f:
            schema = json.load(f)
        found = run.records()
        for record in found:
            self.assertEqual(schema_check.errors(schema, record), [], record)
        problems = []
        for record in found:
            if record["type"] == "connection":
                records._check_connection(record, problems)
        self.assertEqual(problems, [])
        return [r for r in found if r["type"] == "connection"]

    def stats(self, run):
        before = len(run.records("stats"))
        run.process.send_signal(signal.SIGUSR1)
        return until(lambda: run.records("stats")[before:], 5)[0]

    def test_what_was_there_is_in_stats_metrics_and_records(self):
        listener = self.listen(7001)
        pairs = [self.pair(listener) for _ in range(5)]
        held = self.half_closed(listener, 3)
        run = self.live("-i", "lo", "-o", "ndjson", "--metrics", "127.0.0.1:7090", "not port 7090")
        self.assertIn("8 connections were there already", run.message)
        stats = self.stats(run)
        self.assertEqual({k: v for k, v in stats["connections"].items() if v}, {"ESTABLISHED": 5, "CLOSE_WAIT": 3})
        self.assertEqual((stats["sockets_unseen"], stats["contradictions"]), (0, 0))
        with urllib.request.urlopen("http://127.0.0.1:7090/metrics", timeout=5) as answer:
            text = answer.read().decode()
        self.assertIn('lastack_open_connections{service="127.0.0.1:7001",state="ESTABLISHED"} 5\n', text)
        self.assertIn('lastack_open_connections{service="127.0.0.1:7001",state="CLOSE_WAIT"} 3\n', text)
        run.stop()
        connections = self.valid(run)
        self.assertEqual(len(connections), 8)
        self.assertEqual(len(known(connections)), 8)
        for record in connections:
            self.assertEqual(record["server"], {"ip": "127.0.0.1", "port": 7001})
            self.assertEqual((record["to_server"]["packets"], record["handshake"]["result"]), (0, "unseen"))
            self.assertNotIn("first_packet", record)
            self.assertTrue(record["final"]["server"]["certain"] and record["final"]["client"]["certain"])
        states = sorted((r["final"]["client"]["state"], r["final"]["server"]["state"]) for r in connections)
        self.assertEqual(states, [("ESTABLISHED", "ESTABLISHED")] * 5 + [("FIN_WAIT_2", "CLOSE_WAIT")] * 3)
        self.assertEqual((len(pairs), len(held)), (5, 3))

    def test_the_text_says_so(self):
        listener = self.listen(7001)
        self.pair(listener)
        run = self.live("-i", "lo", "-v")
        run.stop()
        self.assertIn("there before the capture", run.text)
        self.assertNotRegex(run.text, r"packet 0\b")

    def test_packets_go_on_and_close_it(self):
        listener = self.listen(7001)
        client, server = self.pair(listener)
        late = self.half_closed(listener, 1)[0]
        aborted, peer = self.pair(listener)
        run = self.live("-i", "lo", "-o", "ndjson", "--time-wait", "1s")
        client.sendall(b"question")
        server.recv(100)
        client.close()
        server.recv(100)
        server.close()
        late.close()
        aborted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        aborted.close()
        until(lambda: len(run.records("connection")) >= 2, 10)
        run.stop()
        connections = {c["client"]["port"]: c for c in self.valid(run)}
        self.assertEqual(len(connections), 3)
        self.assertEqual({c["roles_from"] for c in connections.values()}, {"kernel"})
        ends = sorted((c["teardown"]["result"], c["ended_by"], "first_packet" in c) for c in connections.values())
        self.assertEqual([e for e in ends if e[0] == "fin"], [("fin", "closed", True)] * 2, ends)
        self.assertEqual([e[0] for e in ends], ["fin", "fin", "rst"])
        whole = [c for c in connections.values() if c["to_server"]["payload_bytes"] == 8][0]
        self.assertEqual([s["state"] for s in whole["path"]["client"]], ["ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"])
        self.assertEqual([s["state"] for s in whole["path"]["server"]], ["ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"])
        closed_late = [c for c in connections.values() if c["to_client"]["fin"] == 1 and c["to_server"]["fin"] == 0][0]
        self.assertEqual(closed_late["teardown"]["first"], "client")
        self.assertEqual([s["state"] for s in closed_late["path"]["server"]], ["CLOSE_WAIT", "LAST_ACK", "CLOSED"])
        peer.close()

    def test_the_file_says_the_same_of_all_others(self):
        listener = self.listen(7001)
        pairs = [self.pair(listener) for _ in range(4)]
        run = self.live("-i", "lo", "-o", "ndjson", "-o", "zeek:conn.log", "-o", "csv:table", "-o", "text:report", "-w", "w.pcapng")
        self.talk(listener)
        pairs[0][0].sendall(b"x")
        pairs[0][1].recv(1)
        time.sleep(0.2)
        self.talk(listener)
        time.sleep(0.2)
        run.stop()
        live_ones = {c["id"]: c for c in self.valid(run)}
        self.assertEqual(len(live_ones), 6)
        offline = {c["id"]: c for c in self.analyze("w.pcapng", "-o", "ndjson").records if c["type"] == "connection"}
        self.assertEqual({i for i in offline if offline[i]["roles_from"] == "syn"}, {i for i in live_ones if i < 3 * 10 ** 9})
        self.assertEqual(len(offline), 3)
        for number in set(offline) & set(live_ones):
            for key in ("client", "server", "handshake", "teardown", "path", "final", "findings", "first_packet", "last_packet"):
                self.assertEqual(live_ones[number][key], offline[number][key])
        with open(os.path.join(self.dir, "conn.log"), encoding="utf-8") as f:
            silent = [line.split("\t") for line in f if "\t-\t0\t-\t0\t-\t" in line]
        self.assertEqual([row[8] for row in silent], ["-"] * 3)
        with open(os.path.join(self.dir, "report"), encoding="utf-8") as f:
            self.assertNotIn("--conn 3000", f.read())

    def test_a_pile_up_and_leaks_from_before(self):
        held = self.half_closed(self.listen(7001), 40)
        run = self.live("-i", "lo", "-o", "ndjson", "--threshold", "close-wait-leak=2s", "--threshold", "close-wait-pileup.held=1s",
                        "--realarm", "0")
        until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-pileup"], 10)
        until(lambda: len([f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"]) == 40, 10)
        leak = [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"][0]
        self.assertEqual((leak["finding"]["blame"], leak["finding"]["confidence"]), ("server-application", "certain"))
        self.assertEqual(leak["finding"]["packets"], [])
        self.assertIn("when the capture began", leak["finding"]["summary"])
        self.assertEqual(leak["socket"]["state"], "CLOSE_WAIT")
        held[0].close()  # draws nothing but a FIN and the end of the finding
        until(lambda: [f for f in run.findings("ended") if f["finding"]["code"] == "close-wait-leak"], 10)
        run.stop()
        self.assertEqual(len(known(self.valid(run))), 40)
        pile = [h for h in run.records("host") if h["findings"][0]["code"] == "close-wait-pileup"][0]
        self.assertEqual(pile["findings"][0]["facts"]["peak"], 40)

    def end_unseen(self, *sockets):
        """Aborted while no packet can pass."""
        live.sh("ip link set lo down")
        try:
            for s in sockets:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
        finally:
            live.sh("ip link set lo up")

    def test_gone_although_packets_show_no_end(self):
        client, server = self.pair(self.listen(7001))
        run = self.live("-i", "lo", "-o", "ndjson")
        client.sendall(b"x")
        server.recv(1)
        time.sleep(0.2)
        self.end_unseen(client, server)
        self.assertEqual(self.stats(run)["contradictions"], 0)  # its end may be on its way
        stats = until(lambda: [s for s in [self.stats(run)] if s["contradictions"] == 1], 15)
        self.assertEqual(len(stats), 1)
        self.assertRegex(run.message, r"the kernel no longer holds 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:7001, although packets show no end")
        run.stop()
        self.assertEqual([(c["ended_by"], c["first_packet"]) for c in self.valid(run)], [("gone", 1)])

    def test_gone_without_a_packet(self):
        listener = self.listen(7001)
        client, server = self.pair(listener)
        kept = self.pair(listener)
        run = self.live("-i", "lo", "-o", "ndjson")
        self.end_unseen(client, server)
        until(lambda: self.stats(run) and run.records("connection"), 10)
        gone = run.records("connection")[0]
        self.assertEqual((gone["ended_by"], gone["teardown"]["result"], gone["roles_from"]), ("gone", "open", "kernel"))
        self.assertEqual(gone["client"]["port"] != kept[0].getsockname()[1], True)
        run.stop()
        self.assertEqual([c["ended_by"] for c in self.valid(run)], ["gone", "capture-end"])

    def test_only_what_the_capture_would_see(self):
        live.sh("ip link add v0 type veth peer name v1 && ip addr add 10.9.0.1/24 dev v0 && ip link set v0 up && ip link set v1 up")
        self.addCleanup(live.sh, "ip link del v0")
        self.addCleanup(self.close_all)  # while there is a way for their last packets
        first, second = self.listen(7001), self.listen(7002)
        pairs = [self.pair(first), self.pair(second), self.pair(self.listen(7003, address="10.9.0.1"))]
        for args, ports in ((("-i", "lo", "port", "7002"), {7002}), (("-i", "lo"), {7001, 7002, 7003}), (("-i", "v0"), set()),
                            (("-i", "any", "dst", "port", "7001"), {7001}), (("-i", "lo", "tcp[tcpflags] & tcp-syn != 0"), set())):
            run = self.live("-o", "ndjson", *args)
            run.stop()
            self.assertEqual({c["server"]["port"] for c in run.records("connection")}, ports, args)
        self.assertEqual(len(pairs), 3)

    def test_the_interface_that_has_the_address(self):
        live.sh("ip link add w0 type veth peer name w1 && ip addr add 10.9.1.1/24 dev w0 && ip link set w0 up")
        listener = self.listen(7003, address="10.9.1.1")
        far = subprocess.Popen(
            ["unshare", "-n", sys.executable, "-c",
             "import socket, sys\nprint('ready', flush=True)\nsys.stdin.readline()\n"
             "s = socket.create_connection(('10.9.1.1', 7003))\nsys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(far.wait)
        self.addCleanup(far.stdin.close)
        self.addCleanup(far.stdout.close)
        far.stdout.readline()
        live.sh("ip link set w1 netns %d && nsenter -t %d -n sh -c 'ip addr add 10.9.1.2/24 dev w1 && ip link set w1 up'" %
                (far.pid, far.pid))
        far.stdin.write(b"go\n")
        far.stdin.flush()
        server = self.keep(listener.accept()[0])
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # nobody will be there to close it with
        self.pair(self.listen(7001))
        for interface, ports in (("w0", {7003}), ("lo", {7001}), ("any", {7001, 7003})):
            run = self.live("-o", "ndjson", "-i", interface)
            run.stop()
            self.assertEqual({c["server"]["port"] for c in run.records("connection")}, ports, interface)
        record = [c for c in run.records("connection") if c["server"]["port"] == 7003][0]
        self.assertEqual(record["client"]["ip"], "10.9.1.2")
        self.assertEqual({side: record["final"][side]["certain"] for side in record["final"]}, {"client": False, "server": True})

    def test_ipv4_in_an_ipv6_socket(self):
        listener = self.keep(socket.create_server(("::", 7003), family=socket.AF_INET6, dualstack_ipv6=True))
        client = self.keep(socket.create_connection(("127.0.0.1", 7003)))
        server = self.keep(listener.accept()[0])
        run = self.live("-i", "lo", "-o", "ndjson")
        self.assertEqual(self.stats(run)["sockets_unseen"], 0)
        client.sendall(b"x")
        server.recv(1)
        time.sleep(0.2)
        run.stop()
        self.assertEqual([(c["server"], c["roles_from"]) for c in self.valid(run)], [({"ip": "127.0.0.1", "port": 7003}, "kernel")])

    def test_opened_while_it_starts(self):
        """Whatever the moment of the reading: a connection whose SYN is in the capture is none that was there before."""
        listener = self.listen(7001, backlog=128)
        stop = threading.Event()

        def work():
            while not stop.is_set():
                self.talk(listener)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for _ in range(3):
                run = self.live("-i", "lo", "-o", "ndjson", "--time-wait", "1s")
                time.sleep(0.3)
                run.stop()
                connections = self.valid(run)
                self.assertGreater(len(connections), 5)
                self.assertEqual([c for c in connections if c["roles_from"] == "syn" and c["handshake"]["result"] == "unseen"], [])
                self.assertLessEqual(len(known(connections)), 1)
                self.assertEqual([c for c in connections if c["ended_by"] == "gone"], [])
        finally:
            stop.set()
            worker.join()

    def test_bounds(self):
        listener = self.listen(7001, backlog=128)
        pairs = [self.pair(listener) for _ in range(110)]
        run = self.live("-i", "lo", "-o", "ndjson", "--max-connections", "100")
        self.assertIn("100 connections were there already", run.message)
        self.assertIn("found no room", run.message)
        stats = self.stats(run)
        self.assertEqual((sum(stats["connections"].values()), stats["evicted"]), (100, 0))
        self.assertEqual(stats["sockets_unseen"], 20)
        pairs[0][0].sendall(b"x")
        fresh = [self.pair(listener) for _ in range(10)]
        stats = until(lambda: [s for s in [self.stats(run)] if s["evicted"] >= 10], 10)[0]
        self.assertLessEqual(sum(stats["connections"].values()), 100)
        run.stop()
        evicted = [c for c in self.valid(run) if c["ended_by"] == "evicted"]
        self.assertEqual({(c["roles_from"], c["to_server"]["packets"]) for c in evicted}, {("kernel", 0)})
        self.assertEqual(len([c for c in run.records("connection") if c["roles_from"] == "syn"]), len(fresh))

    def test_many(self):
        """Twenty thousand leaked sockets before the start: bounded memory, and packets are read all the while."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(MANY, hard - 500)
        if count < MANY / 2:
            self.skipTest("so many descriptors are not allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        live.sh("sysctl -qw net.ipv4.ip_local_port_range='10000 65000'")
        listener = self.listen(7001, backlog=1024)
        held = self.half_closed(listener, count)
        begin = time.monotonic()
        run = self.live("-i", "lo", "-o", "ndjson", "--threshold", "close-wait-leak=3s")
        started = time.monotonic() - begin
        self.assertIn("%d connections were there already" % count, run.message)
        other = self.listen(7002)
        end = time.monotonic() + 6
        talks = 0
        while (now := time.monotonic()) < end:
            self.talk(other)
            talks += 1
            time.sleep(max(0, end - 6 + talks / TALKS_A_SECOND - now))
        until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"], 20)
        until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-pileup"], 20)
        begin = time.monotonic()
        stats = self.stats(run)
        answered = time.monotonic() - begin
        with open("/proc/%d/status" % run.process.pid, encoding="ascii") as f:
            memory = [int(line.split()[1]) for line in f if line.startswith("VmHWM")][0] // 1024
        print("%d sockets: started in %.2f s, %.2f s for stats, %d MiB, %d connections meanwhile" %
              (count, started, answered, memory, talks), file=sys.stderr)
        self.assertEqual((stats["sockets_unseen"], stats["connections"]["CLOSE_WAIT"]), (0, count))
        if not live.is_sanitized():
            self.assertLess(memory, 256)  # with what was opened meanwhile
        run.stop()
        connections = run.records("connection")
        self.assertEqual(len(known(connections)), count)
        self.assertEqual(len([c for c in connections if c["server"]["port"] == 7002 and c["teardown"]["result"] == "fin"]), talks)
        self.assertEqual(run.records("capture")[0]["quality"]["kernel_drops"], 0)
        self.assertEqual(len(held), count)


if __name__ == "__main__":
    live.main()
