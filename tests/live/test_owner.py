"""This machine's sockets beside the packets: who holds them, and whether kernel and packets agree."""
import os
import signal
import socket
import struct
import time

import live
from live import until


class Owner(live.LiveTest):
    def test_a_finding_names_its_owner(self):
        run = self.live("-i", "lo", "--owner", "-o", "ndjson", "-o", "text:text", "--threshold", "close-wait-leak=1s")
        server = self.half_closed(self.listen(7001), unread=b"12345")
        leak = until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"], 5)[0]
        told = leak["socket"]
        self.assertEqual((told["side"], told["state"], told["pid"], told["uid"]), ("server", "CLOSE_WAIT", os.getpid(), 0))
        self.assertEqual(told["unread_bytes"], 5)
        self.assertGreater(told["inode"], 0)
        self.assertGreater(told["descriptor_limit"], told["descriptors"])
        with open("/proc/%d/status" % run.process.pid, encoding="ascii") as f:
            self.assertIn("CapEff:\t0000000000000000", f.read())
        run.stop()
        with open(os.path.join(self.dir, "text"), encoding="utf-8") as f:
            text = f.read()
        self.assertRegex(" ".join(text.split()), r"Here pid %d \(\S+\) holds it, in CLOSE_WAIT, 5 unread bytes" % os.getpid())
        server.close()

    def test_without_owner_uid_and_inode(self):
        run = self.live("-i", "lo", "-o", "ndjson", "--threshold", "close-wait-leak=1s")
        server = self.half_closed(self.listen(7001), unread=b"12345")
        leak = until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"], 5)[0]
        self.assertNotIn("pid", leak["socket"])
        self.assertGreater(leak["socket"]["inode"], 0)
        run.stop()
        server.close()

    def test_sockets_that_pass_elsewhere_are_counted(self):
        listener = self.listen(7001)
        other = self.listen(7002)
        pairs = [self.pair(other) for _ in range(5)]
        run = self.live("-i", "lo", "-o", "ndjson", "port 7001")
        pairs += [self.pair(listener) for _ in range(2)]
        time.sleep(0.4)
        run.process.send_signal(signal.SIGUSR1)
        stats = until(lambda: run.records("stats"), 5)[0]
        self.assertEqual((stats["sockets_unseen"], stats["contradictions"]), (10, 0))
        self.assertGreaterEqual(stats["sockets"], 15)
        self.assertEqual(len(pairs), 7)
        run.stop()

    def test_a_forged_reset_is_contradicted(self):
        run = self.live("-i", "lo", "-o", "ndjson", "tcp")
        listener = self.listen(7001)
        client, server = self.pair(listener)
        client.sendall(b"x")
        server.recv(1)
        # with a wrong IP checksum: whoever listens sees it, the host drops it
        raw = self.keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        raw.bind(("lo", 0))
        seen = self.sniffed_numbers(client, server)
        raw.send(self.reset(client.getsockname(), server.getsockname(), seen))
        until(lambda: "although packets show" in run.message, 45)
        self.assertIn("in ESTABLISHED", run.message)
        run.stop()
        record = run.records("connection")[0]
        self.assertEqual(record["teardown"]["result"], "rst")

    def sniffed_numbers(self, client, server):
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(0x0800)) as tap:
            tap.bind(("lo", 0x0800))
            tap.settimeout(5)
            client.sendall(b"yz")
            server.recv(2)
            while True:
                data = tap.recv(2000)
                header = (data[0] & 15) * 4
                src, dst, seq = struct.unpack_from("!HHI", data, header)
                if src == client.getsockname()[1] and len(data) - header > 20 and data[header + 13] & 8:
                    return seq + 2

    @staticmethod
    def reset(src, dst, seq):
        tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, 0, 0x50, 4, 0, 0, 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0x1234, socket.inet_aton(src[0]), socket.inet_aton(dst[0]))
        return b"\0" * 12 + b"\x08\x00" + ip + tcp


if __name__ == "__main__":
    live.main()
