"""Findings while they happen: soon, once, with an end, and the same as of the file that was written."""
import json
import os
import signal
import socket
import struct
import sys
import time
from datetime import datetime, timezone

import live
from live import until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import schema_check  # noqa: E402

FAST = ["--threshold", "close-wait-leak=1500ms", "--threshold", "close-wait-slow=500ms",
        "--threshold", "close-wait-pileup.held=1s"]
SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "report", "lastack-1.schema.json")


def seconds(text):
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return moment.timestamp() + float("0." + fraction)


class Findings(live.LiveTest):
    def check_schema(self, run):
        with open(SCHEMA, encoding="utf-8") as f:
            schema = json.load(f)
        for record in run.records():
            self.assertEqual(list(schema_check.errors(schema, record)), [], record)
            self.assertEqual(len(record["run_id"]), 36)
            self.assertTrue(record["host"])

    def test_a_leak_is_told_while_the_connection_is_open_and_ends(self):
        run = self.live("-i", "lo", "-o", "ndjson", "-w", "t.pcapng", *FAST)
        listener = self.listen(7001)
        held = [self.half_closed(listener)]
        raised = until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"], 5)[0]
        late = seconds(raised["told_at"]) - (seconds(raised["finding"]["at"]) + 1.5)
        self.assertTrue(0 <= late < 1, late)
        self.assertTrue(time.time() - seconds(raised["told_at"]) < 1)
        self.assertEqual(raised["finding"]["blame"], "server-application")
        self.assertNotIn("capture ended", raised["finding"]["summary"])
        self.assertEqual(run.records("connection"), [])
        time.sleep(1)
        held[0].close()
        ended = until(lambda: run.findings("ended"), 3)[0]
        self.assertEqual(ended["key"], raised["key"])
        self.assertIn("closed_after_s", ended["finding"]["facts"])
        time.sleep(0.4)
        self.assertEqual(run.stop(), 130)
        self.assertEqual(len([f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"]), 1)
        self.check_schema(run)
        self.same_offline(run)

    def same_offline(self, run):
        offline = self.analyze("t.pcapng", "-o", "ndjson", *FAST)
        self.assertEqual(offline.returncode, 0)
        drop = ("host", "run_id", "written")
        clean = lambda rs: [{k: v for k, v in r.items() if k not in drop} for r in rs if r["type"] in ("connection", "host")]
        self.assertEqual(clean(run.records()), clean(offline.records))
        mine, other = run.records("summary")[0], [r for r in offline.records if r["type"] == "summary"][0]
        self.assertEqual(mine["by_finding"], other["by_finding"])

    def test_only_selected_connections_are_told_of(self):
        run = self.live("-i", "lo", "-o", "ndjson", "-Y", "server.port == 7002", *FAST)
        first, second = self.listen(7001), self.listen(7002)
        held = [self.half_closed(first), self.half_closed(second)]
        until(lambda: [f for f in run.findings("raised") if f["finding"]["code"] == "close-wait-leak"], 5)
        time.sleep(1)
        for one in held:
            one.close()
        until(lambda: run.findings("ended"), 5)
        self.assertEqual(run.stop(), 130)
        told = {f["connection"]["server"]["port"] for f in run.records("finding") if "connection" in f}
        self.assertEqual(told, {7002}, [f["finding"]["summary"] for f in run.records("finding")])

    def test_many_kinds_are_told_soon_and_are_the_same_offline(self):
        run = self.live("-i", "lo", "-o", "ndjson", "-w", "t.pcapng", "--realarm", "0", *FAST)
        listener = self.listen(7001)
        held = [self.half_closed(listener) for _ in range(12)]
        for _ in range(4):
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        client, server = self.pair(listener)
        client.sendall(b"x")
        server.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        client, server = self.pair(listener)
        client.sendall(b"unread")
        time.sleep(0.05)
        server.close()
        wanted = {"close-wait-leak", "close-wait-pileup", "connection-refused", "refused-burst", "rst-abort", "rst-unread-data"}
        until(lambda: wanted <= {f["finding"]["code"] for f in run.findings("raised")}, 6)
        for finding in run.findings("raised"):
            if finding["finding"]["code"] in ("connection-refused", "rst-abort", "rst-unread-data"):
                late = seconds(finding["told_at"]) - seconds(finding["finding"]["at"])
                self.assertTrue(0 <= late < 1, (late, finding))
        for s in held:
            s.close()
        time.sleep(0.5)
        self.assertEqual(run.stop(), 130)
        self.check_schema(run)
        self.same_offline(run)
        keys = [f["key"] for f in run.findings("raised")]
        self.assertEqual(len(keys), len(set(keys)))

    def test_repetitions_are_held_back_with_a_count(self):
        run = self.live("-i", "lo", "-o", "ndjson", "--realarm", "2s")
        for _ in range(30):
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        until(lambda: [f for f in run.findings("updated") if "held_back" in f], 8)
        run.stop()
        refused = [f for f in run.findings() if f["finding"]["code"] == "connection-refused"]
        self.assertEqual([f["event"] for f in refused], ["raised", "updated"])
        self.assertEqual(refused[1]["held_back"], 29)
        self.check_schema(run)

    def test_text_lines_on_the_way(self):
        run = self.live("-i", "lo", *FAST)
        held = [self.half_closed(self.listen(7001))]
        until(lambda: "close-wait-leak: 127.0.0.1:7001" in run.text, 5)
        self.assertRegex(run.text, r"(?m)^\d\d:\d\d:\d\d ERROR close-wait-leak: ")
        held[0].close()
        until(lambda: " over close-wait-leak" in run.text, 5)
        run.process.send_signal(signal.SIGUSR1)
        until(lambda: "so far: " in run.text, 5)
        run.stop()
        self.assertIn("CLOSE_WAIT leak (close-wait-leak)", run.text)

    def test_the_summary_so_far(self):
        run = self.live("-i", "lo", "-o", "ndjson")
        listener = self.listen(7001)
        self.talk(listener)
        pairs = [self.pair(listener) for _ in range(3)]
        time.sleep(0.4)
        run.process.send_signal(signal.SIGUSR1)
        stats = until(lambda: run.records("stats"), 5)[0]
        self.assertEqual(stats["connections"], {"ESTABLISHED": 3, "TIME_WAIT": 1})
        self.assertEqual(stats["evicted"], 0)
        until(lambda: run.records("summary"), 5)
        self.assertEqual(len(pairs), 3)
        run.stop()
        self.check_schema(run)

    def test_sigkill_leaves_whole_lines_and_a_readable_capture(self):
        run = self.live("-i", "lo", "-o", "ndjson:log", "-w", "t.pcapng", "--time-wait", "1s", "--realarm", "0")
        listener = self.listen(7001)
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            self.talk(listener)
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        run.process.kill()
        run.wait()
        with open(os.path.join(self.dir, "log"), encoding="utf-8") as f:
            text = f.read()
        self.assertTrue(text.endswith("\n"))
        records = [json.loads(line) for line in text.splitlines()]
        self.assertGreater(len(records), 20)
        done = self.analyze("t.pcapng", "-o", "ndjson")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(len(done.records), 50)


if __name__ == "__main__":
    live.main()
