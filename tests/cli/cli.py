"""What the tests of the program share: running it, and small captures made byte by byte (nothing here knows lastack's own code)."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

SECONDS = 60
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
EPOCH = 1790000000
BINARY = ""

EN10MB, RAW, USB_LINUX = 1, 101, 189


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def text(self):
        return self.out.decode("utf-8", "replace")

    @property
    def message(self):
        return self.err.decode("utf-8", "replace")

    def records(self, kind):
        return [r for r in map(json.loads, self.out.decode("utf-8").splitlines()) if r["type"] == kind]

    def __str__(self):
        return "exit code %d\n--- standard output\n%s\n--- standard error\n%s" % (self.code, self.text, self.message)


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LASTACK"))}
    kept.update(LC_ALL="C.UTF-8", TZ="UTC")
    return kept


class CliTest(unittest.TestCase):
    """A test in a folder of its own (self.dir), which is also where the program runs."""

    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)

    def file(self, name, data):
        path = os.path.join(os.fsencode(self.dir), os.fsencode(name))
        with open(path, "wb") as f:
            f.write(data)
        return os.fsdecode(path)

    def start(self, *args, **more):
        return subprocess.Popen([BINARY, *args], cwd=self.dir, env=environment(), **more)

    def run_lastack(self, *args, stdin=None, stdout=subprocess.PIPE):
        """Runs it; `stdin` is the bytes of its standard input (a pipe)."""
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run([BINARY, *args], cwd=self.dir, env=environment(), stdout=stdout, stderr=subprocess.PIPE, timeout=SECONDS, **given)
        result = Result(done.returncode, done.stdout or b"", done.stderr)
        self.assertGreaterEqual(result.code, 0, "ended by a signal\n%s" % result)
        self.assertNotEqual(result.code, 70, result)
        self.assertNotIn("Sanitizer", result.message)
        self.assertNotIn("runtime error", result.message)
        return result

    def expect(self, code, *args, **more):
        result = self.run_lastack(*args, **more)
        self.assertEqual(result.code, code, result)
        return result

    def expect_line(self, code, *args, words=(), **more):
        """Ends with `code` and one line on standard error, which begins with the program's name and has each of `words`."""
        result = self.expect(code, *args, **more)
        self.assert_line(result, words)
        return result

    def assert_line(self, result, words=()):
        self.assertEqual(result.message.count("\n"), 1, result)
        self.assertTrue(result.message.startswith("lastack: "), result)
        self.assertLess(len(result.message), 400, result)
        for word in words:
            self.assertIn(word, result.message)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data[: len(data) // 2 * 2])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(way, flags, seq, ack, payload=b"", ports=(40001, 8888)):
    """An Ethernet frame with a TCP segment: way 0 from 192.0.2.10, 1 from 198.51.100.7."""
    addresses = [bytes([192, 0, 2, 10]), bytes([198, 51, 100, 7])]
    src, dst = addresses[way], addresses[1 - way]
    tcp = struct.pack("!HHIIBBHHH", ports[way], ports[1 - way], seq, ack, 5 << 4, flags, 64240, 0, 0) + payload
    tcp = tcp[:16] + struct.pack("!H", checksum(src + dst + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0x4000, 64, 6, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + tcp


def clean_connection(port=40001):
    """Nine frames: opened by the client, one request, one answer, closed by the client first."""
    ports = (port, 8888)
    steps = [
        (0, SYN, 100, 0, b""), (1, SYN | ACK, 300, 101, b""), (0, ACK, 101, 301, b""), (0, PSH | ACK, 101, 301, b"ping"),
        (1, PSH | ACK, 301, 105, b"pong!"), (0, FIN | ACK, 105, 306, b""), (1, ACK, 306, 106, b""), (1, FIN | ACK, 306, 106, b""),
        (0, ACK, 106, 307, b""),
    ]
    return [segment(*step, ports=ports) for step in steps]


def pcap_header(link_type=EN10MB, magic=0xA1B2C3D4, order="<"):
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)


def pcap_record(frame, ticks, order="<", lengths=None, fraction=0):
    captured, wire = lengths or (len(frame), len(frame))
    return struct.pack(order + "IIII", EPOCH + ticks, fraction, captured, wire) + frame


def pcap(frames, link_type=EN10MB, first=0):
    return pcap_header(link_type) + b"".join(pcap_record(f, first + i) for i, f in enumerate(frames))


def block(kind, body, total=None):
    body += b"\0" * (-len(body) % 4)
    total = len(body) + 12 if total is None else total
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


SECTION = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def interface(link_type=EN10MB, options=b""):
    return block(1, struct.pack("<HHI", link_type, 0, 262144) + options)


def enhanced(frame, ticks, interface_id=0):
    time = (EPOCH + ticks) * 1000000
    return block(6, struct.pack("<IIIII", interface_id, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame)


def pcapng(frames):
    return SECTION + interface() + b"".join(enhanced(f, i) for i, f in enumerate(frames))


def main():
    """Each test program is given the binary as its first argument."""
    global BINARY
    BINARY = os.path.abspath(sys.argv[1])
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[2:])
