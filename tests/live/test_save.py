"""--save-on-finding: the packets of what went wrong, also those from before."""
import os
import socket
import struct
import time

import live
from live import until


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), bytes(data)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Save(live.LiveTest):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.dir, "saved")
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)

    def saved(self):
        return sorted(os.listdir(self.folder))

    def reset(self, listener, data=1):
        client, server = self.pair(listener)
        for _ in range(data):
            client.sendall(b"x")
            server.recv(1)
            server.sendall(b"y")
            client.recv(1)
        client.sendall(b"x")
        server.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def test_a_leak_from_its_first_packet(self):
        run = self.live("-i", "lo", "--save-on-finding", "saved", "--threshold", "close-wait-leak=1s", "-o", "ndjson")
        listener = self.listen(7001)
        for _ in range(5):
            self.talk(listener)
        client, server = self.pair(listener)
        port = client.getsockname()[1]
        client.sendall(b"x")
        server.recv(1)
        client.close()
        until(self.saved, 5)
        time.sleep(0.2)
        self.assertEqual(len(self.saved()), 1)
        name = self.saved()[0]
        self.assertRegex(name, r"^\d{8}T\d{6}\.\d{3}Z-close-wait-leak-127\.0\.0\.1\.%d-127\.0\.0\.1\.7001\.pcapng$" % port)
        path = os.path.join(self.folder, name)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        done = self.analyze(path, "-o", "ndjson", "--threshold", "close-wait-leak=1s")
        self.assertEqual(done.returncode, 0)
        connections = [r for r in done.records if r["type"] == "connection"]
        self.assertEqual(len(connections), 1)
        self.assertEqual(connections[0]["handshake"]["result"], "complete")
        self.assertIn("close-wait-leak", [f["code"] for f in connections[0]["findings"]])
        with open(path, "rb") as f:
            self.assertEqual(f.read().count(b"close-wait-leak: 127.0.0.1:7001 got the FIN"), 2)
        run.stop()
        server.close()

    def test_the_icmp_error_is_saved_with_its_connection(self):
        live.sh("ip link add d0 type veth peer name d1; ip address add 192.0.2.1/24 dev d0; ip link set d0 up; ip link set d1 up")
        live.sh("ip neighbour add 192.0.2.9 lladdr 02:00:00:00:00:09 dev d0")
        run = self.live("-i", "d0", "--save-on-finding", "saved", "-o", "ndjson")
        wire = self.keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))  # all, also what goes out
        wire.bind(("d0", 3))
        wire.settimeout(5)
        client = self.keep(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        client.setblocking(False)
        client.connect_ex(("192.0.2.9", 7005))
        syn = next(p for p in iter(lambda: wire.recv(2000), b"") if p[12:14] == b"\x08\x00" and p[23] == 6)
        self.send_error(wire, syn[:14], syn[14:])
        self.send_error(wire, syn[:14], bytes(12) + syn[26:30] + bytes((203, 0, 113, 7)) + syn[34:])  # of nobody's
        until(self.saved, 5)
        time.sleep(0.2)
        self.assertEqual(len(self.saved()), 1)
        self.assertIn("icmp-unreachable", self.saved()[0])
        done = self.analyze(os.path.join(self.folder, self.saved()[0]), "-o", "ndjson")
        connections = [r for r in done.records if r["type"] == "connection"]
        self.assertEqual([c["handshake"]["result"] for c in connections], ["unreachable"])
        self.assertIn("icmp-unreachable", [f["code"] for f in connections[0]["findings"]])
        capture = [r for r in done.records if r["type"] == "capture"][0]
        self.assertEqual(capture["packets"] - capture["tcp_segments"], 1)
        run.stop()

    @staticmethod
    def send_error(wire, link, quote):
        """A router's word that nobody is there: the quote is an IP header and eight bytes behind it."""
        icmp = bytearray(struct.pack("!BBHI", 3, 1, 0, 0) + quote[:28])
        icmp[2:4] = struct.pack("!H", checksum(icmp))
        ip = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 7, 0, 64, 1, 0,
                                   socket.inet_aton("192.0.2.254"), socket.inet_aton("192.0.2.1")))
        ip[10:12] = struct.pack("!H", checksum(ip))
        wire.send(link + bytes(ip) + bytes(icmp))

    def test_the_first_and_the_last_of_many_packets(self):
        run = self.live("-i", "lo", "--save-on-finding", "saved", "-o", "ndjson")
        self.reset(self.listen(7001), data=200)
        until(self.saved, 5)
        time.sleep(0.2)
        done = self.analyze(os.path.join(self.folder, self.saved()[0]), "-o", "ndjson")
        capture = [r for r in done.records if r["type"] == "capture"][0]
        self.assertEqual(capture["packets"], 48)
        connection = [r for r in done.records if r["type"] == "connection"][0]
        self.assertEqual((connection["handshake"]["result"], connection["teardown"]["result"]), ("complete", "rst"))
        self.assertEqual(capture["quality"]["time_went_back"], 0)
        run.stop()

    def test_the_folder_stays_within_its_limit(self):
        run = self.live("-i", "lo", "--save-on-finding", "saved", "--save-limit", "64k", "--realarm", "0", "-o", "ndjson")
        listener = self.listen(7001)
        for _ in range(60):
            self.reset(listener, data=8)
        until(lambda: len(run.findings("raised")) >= 60, 10)
        time.sleep(0.3)
        sizes = [os.stat(os.path.join(self.folder, n)).st_size for n in self.saved()]
        self.assertLessEqual(sum(sizes), 64 * 1024)
        self.assertGreater(len(sizes), 5)
        self.assertLess(len(sizes), 60)
        run.stop()

    def test_where_nothing_can_be_written(self):
        run = self.run_to_end("-i", "lo", "--save-on-finding", "nowhere")
        self.assertEqual((run.process.returncode, run.message.count("\n")), (6, 1))
        os.chmod(self.folder, 0o755)
        run = self.run_to_end("-i", "lo", "--save-on-finding", "saved")
        self.assertEqual(run.process.returncode, 6)
        self.assertIn("-Z USER", run.message)
        self.assertEqual(self.run_to_end("-i", "lo", "--save-limit", "1").process.returncode, 2)


if __name__ == "__main__":
    live.main()
