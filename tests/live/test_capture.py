"""Capturing itself: interfaces, files, limits, signals, and what goes wrong."""
import os
import re
import signal
import socket
import subprocess
import time

import live
from live import sh, until


class Capture(live.LiveTest):
    def test_what_is_written_is_what_was_analysed(self):
        run = self.live("-i", "lo", "-w", "t.pcapng", "-o", "ndjson")
        listener = self.listen(7001)
        for _ in range(20):
            self.talk(listener)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        time.sleep(0.3)
        self.assertEqual(run.stop(), 130, run.message)
        offline = self.analyze("t.pcapng", "-o", "ndjson")
        self.assertEqual(offline.returncode, 0)
        strip = lambda rs: [{k: v for k, v in r.items() if k not in ("host", "run_id", "written")} for r in rs]
        self.assertEqual(
            strip(run.records("connection")), strip(r for r in offline.records if r["type"] == "connection")
        )
        self.assertEqual(len(run.records("connection")), 21)
        capture = run.records("capture")[0]
        self.assertEqual(capture["quality"]["kernel_drops"], 0)
        self.assertEqual(capture["link_types"], ["EN10MB"])
        self.assertEqual(capture["snaplen"], 256)
        self.assertEqual(os.stat(os.path.join(self.dir, "t.pcapng")).st_mode & 0o777, 0o600)

    def test_every_captured_packet_is_written(self):
        # Fragments and packets that are no IP, too: the file has as many packets as were counted.
        sh("ip link set lo mtu 1500")
        self.addCleanup(sh, "ip link set lo mtu 65536")
        run = self.live("-i", "lo", "-w", "t.pcapng", "-o", "ndjson")
        sender = self.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: IP_PMTUDISC_DONT
        sender.sendto(b"x" * 4000, ("127.0.0.1", 9))
        raw = self.keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        raw.bind(("lo", 0))
        raw.send(bytes(12) + b"\x88\xb5" + bytes(50))
        self.talk(self.listen(7001))
        time.sleep(0.3)
        run.stop()
        live_says = run.records("capture")[0]
        self.assertGreaterEqual(live_says["skipped"]["not_tcp"], 3)
        file_says = [r for r in self.analyze("t.pcapng", "-o", "ndjson").records if r["type"] == "capture"][0]
        for key in ("packets", "tcp_segments", "skipped"):
            self.assertEqual(file_says[key], live_says[key])

    def test_any_and_lo(self):
        run = self.live("-i", "any", "-o", "ndjson", "-a", "duration:1")
        self.talk(self.listen(7001))
        self.assertEqual(run.wait(), 0)
        self.assertEqual(run.records("capture")[0]["link_types"], ["LINUX_SLL2"])
        self.assertEqual([c["teardown"]["result"] for c in run.records("connection")], ["fin"])

    def test_two_interfaces_are_merged_by_time(self):
        sh("ip link add v0 type veth peer name v1; ip netns add lt%d; ip link set v1 netns lt%d" % (os.getpid(), os.getpid()))
        self.addCleanup(sh, "ip netns del lt%d; ip link del v0 2>/dev/null || true" % os.getpid())
        sh("ip addr add 10.77.0.1/24 dev v0; ip link set v0 up")
        sh("ip -n lt%d addr add 10.77.0.2/24 dev v1; ip -n lt%d link set v1 up" % (os.getpid(), os.getpid()))
        run = self.live("-i", "lo", "-i", "v0", "-w", "t.pcapng", "-o", "ndjson", "tcp")
        listener = self.listen(7001)
        for _ in range(10):
            self.talk(listener)
            try:
                socket.create_connection(("10.77.0.2", 7000), timeout=5)
            except ConnectionRefusedError:
                pass
        time.sleep(0.4)
        self.assertEqual(run.stop(), 130)
        results = [c["handshake"]["result"] for c in run.records("connection")]
        self.assertEqual(sorted(results), ["complete"] * 10 + ["refused"] * 10)
        self.assertEqual(run.records("capture")[0]["quality"]["time_went_back"], 0)
        frames = subprocess.run(["tcpdump", "-tt", "-nr", os.path.join(self.dir, "t.pcapng")], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=False).stdout.decode().splitlines()
        times = [float(f.split()[0]) for f in frames]
        self.assertEqual(times, sorted(times))
        self.assertGreater(len(times), 100)

    def test_another_namespace_by_path_and_by_process(self):
        holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up; echo ready; exec sleep 60"],
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        holder.stdout.readline()
        self.addCleanup(holder.stdout.close)
        for netns in ("pid:%d" % holder.pid, "/proc/%d/ns/net" % holder.pid):
            run = live.Run(self, ["-i", "lo", "--netns", netns, "-c", "6", "-o", "ndjson"])
            until(lambda: "listening on" in run.message)
            subprocess.run(["nsenter", "-t", str(holder.pid), "-n", "python3", "-c",
                            "import socket\nfor i in range(3):\n try: socket.create_connection(('127.0.0.1', 9))\n"
                            " except OSError: pass"], check=True)
            self.assertEqual(run.wait(), 0, run.message)
            self.assertEqual([c["handshake"]["result"] for c in run.records("connection")], ["refused"] * 3)
        run = self.run_to_end("-i", "lo", "--netns", "pid:999999999")
        self.assertEqual(run.process.returncode, 5)
        self.assertIn("namespace", run.message)

    def test_count_and_duration(self):
        run = self.live("-i", "lo", "-c", "3", "-o", "ndjson")
        self.talk(self.listen(7001))
        self.assertEqual(run.wait(), 0)
        self.assertEqual(run.records("capture")[0]["packets"], 3)
        begin = time.monotonic()
        run = self.run_to_end("-i", "lo", "-a", "duration:1")
        self.assertEqual(run.process.returncode, 0)
        self.assertTrue(0.9 < time.monotonic() - begin < 5)

    def test_ring_of_files(self):
        run = self.live("-i", "lo", "-w", "r.pcapng", "-b", "filesize:8", "-b", "files:3", "-o", "ndjson")
        listener = self.listen(7001)
        for _ in range(60):
            self.talk(listener)
        time.sleep(0.3)
        self.assertEqual(run.stop(), 130)
        files = sorted(os.listdir(self.dir))
        files = [f for f in files if f.startswith("r_")]
        self.assertEqual(len(files), 3, files)
        for f in files:
            self.assertRegex(f, r"^r_\d{5}_\d{14}\.pcapng$")
            self.assertEqual(self.analyze(f).returncode, 0)

    def test_filter_by_words_option_and_file(self):
        with open(os.path.join(self.dir, "f.bpf"), "w", encoding="ascii") as f:
            f.write("# only this\ntcp port 7002\n")
        for arguments in (["tcp", "port", "7002"], ["-f", "tcp port 7002"], ["-F", "f.bpf"]):
            run = self.live("-i", "lo", "-o", "ndjson", *arguments)
            one, other = self.listen(7001), self.listen(7002)
            self.talk(one)
            self.talk(other)
            time.sleep(0.3)
            run.stop()
            self.assertEqual([c["server"]["port"] for c in run.records("connection")], [7002])
            one.close()
            other.close()

    def test_a_silent_filter_is_mentioned(self):
        run = self.live("-i", "lo", "port", "1")
        listener = self.listen(7001)
        for _ in range(40):
            self.talk(listener)
        until(lambda: "has let nothing through" in run.message, 14)
        run.stop()
        self.assertIn("VLAN", run.message)


class Signals(live.LiveTest):
    def test_the_second_one_ends_at_once(self):
        run = self.live("-i", "lo", "-w", "t.pcapng")
        self.talk(self.listen(7001))
        time.sleep(1.3)
        os.kill(run.process.pid, signal.SIGTERM)
        os.kill(run.process.pid, signal.SIGTERM)
        self.assertIn(run.wait(), (-signal.SIGTERM, 143))
        self.assertIn(self.analyze("t.pcapng").returncode, (0,))

    def test_sigterm_ends_with_the_report(self):
        run = self.live("-i", "lo")
        self.talk(self.listen(7001))
        time.sleep(0.3)
        self.assertEqual(run.stop(signal.SIGTERM), 143)
        self.assertIn("complete", run.text)

    def test_sighup_opens_outputs_anew(self):
        run = self.live("-i", "lo", "-o", "ndjson:log", "-w", "t.pcapng")
        listener = self.listen(7001)
        self.talk(listener)
        time.sleep(0.3)
        for name in ("log", "t.pcapng"):
            os.rename(os.path.join(self.dir, name), os.path.join(self.dir, name + ".1"))
        run.process.send_signal(signal.SIGHUP)
        until(lambda: os.path.exists(os.path.join(self.dir, "log")) and os.path.exists(os.path.join(self.dir, "t.pcapng")))
        self.talk(listener)
        time.sleep(0.3)
        self.assertEqual(run.stop(), 130)
        for name in ("t.pcapng.1", "t.pcapng"):
            done = self.analyze(name, "-o", "ndjson")
            self.assertEqual(done.returncode, 0)
            self.assertEqual(len([r for r in done.records if r["type"] == "connection"]), 1, name)
        with open(os.path.join(self.dir, "log"), encoding="ascii") as f:
            self.assertEqual(len(re.findall('"type":"connection"', f.read())), 2)


class Wrong(live.LiveTest):
    def fails(self, code, words, *args, **more):
        run = self.run_to_end(*args, **more)
        self.assertEqual(run.process.returncode, code, run.message)
        self.assertEqual(run.text, "")
        self.assertEqual(run.message.count("\n"), 1, run.message)
        for word in words:
            self.assertIn(word, run.message)

    def test_usage(self):
        self.fails(2, ["-i IFACE"])
        self.fails(2, ["port xx"], "-i", "lo", "port", "xx")
        self.fails(2, ["-b"], "-i", "lo", "-b", "files:3")
        self.fails(2, ["filesize"], "-i", "lo", "-w", "x", "-b", "files:3")
        self.fails(2, ["-a"], "-i", "lo", "-a", "sometimes")
        self.fails(2, ["-s"], "-i", "lo", "-s", "7")
        self.fails(2, ["-B"], "-i", "lo", "-B", "1")
        self.fails(2, ["exclude"], "-i", "lo", "-f", "tcp", "udp")
        self.fails(2, ["standard output"], "-i", "lo", "-w", "-")

    def test_no_interface_no_right_no_file(self):
        self.fails(5, ["no interface 'lx'", "did you mean 'lo'"], "-i", "lx")
        self.fails(5, ["no permission", "cap_net_raw"], "-i", "lo",
                   prefix=["setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"])
        self.fails(6, ["No such file"], "-i", "lo", "-w", "no/such/x.pcapng")

    def test_interface_down_and_up_and_deleted(self):
        sh("ip link add v2 type veth peer name v3; ip link set v2 up; ip link set v3 up; ip addr add 10.78.0.1/24 dev v2")
        run = self.live("-i", "v2", "-o", "ndjson", "tcp")
        sh("ip link set v2 down")
        until(lambda: "went down" in run.message, 5)
        sh("ip link set v2 up")
        until(lambda: "up again" in run.message, 5)
        sh("ip neigh replace 10.78.0.9 lladdr 02:00:00:00:00:09 dev v2")
        s = self.keep(socket.socket())
        s.setblocking(False)
        s.connect_ex(("10.78.0.9", 80))
        time.sleep(0.5)
        self.assertIsNone(run.process.poll())
        sh("ip link del v2")
        self.assertEqual(run.wait(), 5, run.message)
        self.assertIn("was deleted", run.message)
        self.assertEqual(len(run.records("connection")), 1)
        self.assertEqual(len(run.records("summary")), 1)

    def test_the_reader_is_gone(self):
        process = subprocess.Popen([live.BINARY, "live", "-i", "lo", "-o", "ndjson", "-w", "t.pcapng", "-q",
                                    "--time-wait", "1s"], cwd=self.dir,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        time.sleep(0.5)
        process.stdout.close()
        listener = self.listen(7001)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        self.talk(listener)
        self.assertEqual(process.wait(20), 0)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()
        self.assertEqual(self.analyze("t.pcapng").returncode, 0)

    def test_a_full_disk(self):
        os.mkdir(os.path.join(self.dir, "small"))
        sh("mount -t tmpfs -o size=64k,mode=777 none %s/small" % self.dir)
        self.addCleanup(sh, "umount %s/small" % self.dir)
        run = self.live("-i", "lo", "-w", "small/t.pcapng", "-o", "ndjson")
        listener = self.listen(7001)
        for _ in range(120):
            self.talk(listener)
        until(lambda: "No space left" in run.message, 5)
        self.talk(listener)
        time.sleep(0.3)
        self.assertEqual(run.stop(), 130)
        self.assertEqual(len(run.records("connection")), 121)
        done = self.analyze("small/t.pcapng", "-o", "ndjson")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(done.records), 50)


if __name__ == "__main__":
    live.main()
