"""lastack sockets: what it says of sockets that this test makes, with and without rights, of this namespace and of another."""
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import time

import live
from live import until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import schema_check  # noqa: E402

SO_ATTACH_FILTER = 26
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all"]


class Sockets(live.LiveTest):
    def tell(self, *args, prefix=(), code=0):
        done = subprocess.run([*prefix, live.BINARY, "sockets", *args], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=30, env=dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", COLUMNS="120"))
        self.assertEqual(done.returncode, code, done.stderr)
        done.text, done.message = done.stdout.decode(), done.stderr.decode()
        return done

    def records(self, *args, **more):
        with open(os.path.join(ROOT, "src", "report", "lastack-1.schema.json"), encoding="utf-8") as f:
            schema = json.load(f)
        found = [json.loads(line) for line in self.tell("-o", "ndjson", *args, **more).text.splitlines()]
        for record in found:
            self.assertEqual(list(schema_check.errors(schema, record)), [], record)
        self.assertEqual([r["type"] for r in found], ["socket"] * (len(found) - 1) + ["sockets"])
        return found[:-1], found[-1]

    def leak(self, listener, count):
        """So many connections whose client has closed, after 41 bytes that nobody reads."""
        held = []
        for _ in range(count):
            client, server = self.pair(listener)
            client.sendall(b"x" * 41)
            client.close()
            held.append(server)
        return held

    def test_close_wait_is_told_first_with_its_owner(self):
        listener = self.listen(7001)
        self.leak(listener, 12)
        self.pair(self.listen(7002))
        young = self.tell("7001", "7002")
        self.assertIn("12 CLOSE_WAIT", young.text)
        self.assertIn("Nothing piles up", young.text)
        time.sleep(5.2)
        told = self.tell("--owner", "7001", "7002")
        lines = told.text.splitlines()
        self.assertRegex(lines[0], r"^\d+ TCP sockets on .* UTC: 12 CLOSE_WAIT, ")
        self.assertIn("CLOSE_WAIT: the peer has closed", lines[2])
        self.assertRegex(lines[3], r"127\.0\.0\.1:7001: 12 of 12 sockets for more than 5 s, the longest for (5|6|7)\S* s or more; "
                                   r"492 bytes unread in 12")
        with open("/proc/self/comm", encoding="utf-8") as f:
            name = f.read().strip()
        self.assertRegex(lines[4], r"pid %d \(%s\), \d+ of [\d,]+ descriptors used" % (os.getpid(), name))
        self.assertNotIn("7002: ", told.text)
        quiet = self.tell("-q", "7001")
        self.assertTrue(quiet.text.startswith("CLOSE_WAIT: "), quiet.text)
        self.assertNotIn("Services", quiet.text)

    def test_records(self):
        listener = self.listen(7101)
        self.leak(listener, 3)
        client, _ = self.pair(listener)
        used = len(os.listdir("/proc/self/fd")) - 1
        time.sleep(0.3)  # delayed acknowledgments
        sockets, summary = self.records("--owner", "7101")
        by_state = {state: count for state, count in summary["by_state"].items() if count}
        self.assertEqual(by_state, {"LISTEN": 1, "ESTABLISHED": 2, "FIN_WAIT_2": 3, "CLOSE_WAIT": 3})
        self.assertEqual(summary["sockets"], 9)
        self.assertEqual(summary["services"], 2)
        self.assertEqual([s["state"] for s in sockets[:3]], ["CLOSE_WAIT"] * 3)
        leak = sockets[0]
        self.assertEqual(leak["role"], "server")
        self.assertEqual(leak["service"], {"ip": "127.0.0.1", "port": 7101})
        self.assertEqual(leak["unread_bytes"], 42)  # with the FIN
        self.assertEqual(leak["owner"]["pid"], os.getpid())
        self.assertEqual(leak["owner"]["descriptors"], used + 2)  # and the pipes through which this was read
        self.assertEqual([leak["inode"]], self.inode_of_peer(leak["remote"]["port"]))
        mine = [s for s in sockets if s["local"]["port"] == client.getsockname()[1]]
        self.assertEqual([(s["role"], s["state"], s["remote"]["port"]) for s in mine], [("client", "ESTABLISHED", 7101)])
        # A FIN_WAIT_2 that the application has let go of has no owner, and that is no reason to complain.
        orphan = [s for s in sockets if s["state"] == "FIN_WAIT_2"][0]
        self.assertNotIn("owner", orphan)
        self.assertNotIn("inode", orphan)

    def inode_of_peer(self, port):
        """The inode of this test's socket that is connected to this port."""
        return [os.fstat(s.fileno()).st_ino for s in self.sockets if s.fileno() >= 0 and has_peer(s, port)]

    def test_listeners_on_every_address(self):
        listener = self.keep(socket.create_server(("::", 7003), family=socket.AF_INET6, dualstack_ipv6=True))
        client = self.keep(socket.create_connection(("127.0.0.1", 7003)))
        server, _ = listener.accept()
        self.keep(server)
        sockets, _ = self.records("7003")
        roles = {s["local"]["port"]: (s["role"], s["service"]) for s in sockets if s["state"] == "ESTABLISHED"}
        self.assertEqual(roles[7003], ("server", {"ip": "::", "port": 7003}))
        self.assertEqual(roles[client.getsockname()[1]], ("client", {"ip": "127.0.0.1", "port": 7003}))

    def test_words_select(self):
        self.leak(self.listen(7001), 2)
        self.pair(self.listen(7002))
        self.assertEqual(len(self.records("close-wait")[0]), 2)
        self.assertEqual(len(self.records("CLOSE_WAIT", "7002")[0]), 0)
        self.assertEqual({s["state"] for s in self.records("LISTEN", "established", "127.0.0.1:7002")[0]},
                         {"LISTEN", "ESTABLISHED"})
        text = self.tell("CLOSE_WAIT").text
        self.assertEqual(text.count("CLOSE_WAIT 127.0.0.1:7001 <- "), 2, text)
        for word in ("7001x", "CLOSE_WAITING", "127.0.0.1:70000", "[::1]7001", ""):
            done = self.tell(word, code=2)
            self.assertEqual((done.text, done.message.count("\n")), ("", 1))

    def test_a_full_accept_queue(self):
        self.listen(7001, backlog=1)
        for _ in range(2):
            self.keep(socket.create_connection(("127.0.0.1", 7001)))
        text = self.tell().text
        self.assertIn("accept queue full: ", text)
        self.assertIn("127.0.0.1:7001: 2 connections wait, the backlog is 1", text)

    def test_an_unanswered_close(self):
        client, server = self.pair(self.listen(7201))
        hear_nothing(client)
        server.close()
        text = until(lambda: [t for t in [self.tell().text] if "close unanswered" in t], 10)[0]
        self.assertRegex(text, r"127\.0\.0\.1:7201: 1 socket, the FIN sent again up to \d+ times in a row")
        self.assertIn("FIN_WAIT_1", self.tell("-v").text)

    def test_without_rights(self):
        self.leak(self.listen(7001), 2)
        done = self.tell("--owner", prefix=NOBODY)
        self.assertIn("2 CLOSE_WAIT", done.text)
        self.assertNotIn("pid ", done.text)
        self.assertIn("uid 0", done.text)
        self.assertRegex(done.message, r"^lastack: the owners of 3 sockets are not known: \d+ processes belong to others")
        script = ("import socket, subprocess, sys\ns = socket.create_server(('127.0.0.1', 7005))\n"
                  "print(subprocess.run([sys.argv[1], 'sockets', '--owner', '7005'], stdout=subprocess.PIPE).stdout.decode())")
        own = subprocess.run([*NOBODY, sys.executable, "-c", script, live.BINARY], stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertRegex(own, r"pid \d+ \(python")

    def test_the_owner_is_another_users(self):
        """The helper is `nobody` and keeps two capabilities: enough for the sockets of a third user."""
        script = "import socket, time\ns = socket.create_server(('127.0.0.1', 7006))\nprint('ready', flush=True)\ntime.sleep(30)"
        process = subprocess.Popen(["setpriv", "--reuid", "4242", "--clear-groups", sys.executable, "-c", script],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        process.stdout.readline()
        sockets, summary = self.records("--owner", "7006")
        self.assertEqual(sockets[0]["uid"], 4242)
        self.assertEqual(sockets[0]["owner"]["pid"], process.pid)
        self.assertGreater(summary["processes_read"], 0)

    def test_another_namespace(self):
        holder = subprocess.Popen(["unshare", "-n", sys.executable, "-c", "import os, socket, sys\nos.system('ip link set lo up')\n"
                                   "s = socket.create_server(('127.0.0.1', 7007))\nprint('ready', flush=True)\nsys.stdin.read()"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdin.close)
        self.addCleanup(holder.stdout.close)
        holder.stdout.readline()
        self.listen(7001)
        for name in ("pid:%d" % holder.pid, "/proc/%d/ns/net" % holder.pid):
            sockets, _ = self.records("--netns", name, "--owner")
            self.assertEqual([s["local"]["port"] for s in sockets], [7007])
            self.assertEqual(sockets[0]["owner"]["pid"], holder.pid)
        self.assertEqual(self.tell("--netns", "pid:999999999", code=5).text, "")
        self.assertEqual(self.tell("--netns", "pid:x", code=2).text, "")
        self.assertEqual(self.tell("--netns", "/no/such", code=5).text, "")

    def test_many(self):
        """Some thousand sockets: the groups and their owner are right, and it does not take long."""
        listener = self.listen(7001, backlog=128)
        self.leak(listener, 1500)
        begin = time.monotonic()
        sockets, summary = self.records("--owner")
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(summary["by_state"]["CLOSE_WAIT"], 1500)
        self.assertEqual({s["owner"]["pid"] for s in sockets if s["state"] == "CLOSE_WAIT"}, {os.getpid()})

    def test_outputs(self):
        self.listen(7001)
        self.assertEqual(self.tell("-o", "ndjson:a", "-o", "text:b").text, "")
        for name, word in (("a", '"type":"sockets"'), ("b", "1 LISTEN")):
            with open(os.path.join(self.dir, name), encoding="utf-8") as f:
                self.assertIn(word, f.read())
        self.tell("-o", "text:no/such/file", code=6)
        self.tell("-o", "ndjsn", code=2)
        self.assertIn("not as junit", self.tell("-o", "junit", code=2).message)
        self.tell("--nosuch", code=2)
        self.assertNotIn("\x1b", self.tell().text)
        self.leak(self.listen(7002), 1)
        time.sleep(5.1)
        self.assertIn("\x1b[", self.tell("--color=always").text)


def has_peer(s, port):
    try:
        return s.getpeername()[1] == port
    except OSError:
        return False


def hear_nothing(s):
    """Attaches a filter that drops every segment: the socket's peer is left without an answer."""
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(drop)))


if __name__ == "__main__":
    live.main()
