"""lastack live --metrics: real scrapes, read with the parser of the Prometheus project."""
import http.client
import re
import socket
import subprocess
import sys
import time

import live
from live import until

try:
    from prometheus_client import parser
except ImportError:
    print("SKIPPED: needs Python's prometheus_client")
    sys.exit(77)

HANDSHAKES = {"complete", "unanswered", "refused", "unreachable", "syn-received", "abandoned", "final-ack-dropped", "simultaneous",
              "unseen", "undetermined"}


class Metrics(live.LiveTest):
    def start(self, *args, address="0"):
        run = self.live("-i", "lo", "--metrics", address, "-o", "ndjson", "--time-wait", "100ms", *args)
        where = re.search(r"metrics at http://(.*):(\d+)/metrics", run.message)
        self.assertIsNotNone(where, run.message)
        run.host, run.port = where[1].strip("[]"), int(where[2])
        return run

    def ask(self, run, path="/metrics", method="GET", body=None):
        connection = http.client.HTTPConnection(run.host, run.port, timeout=10)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()

    def scrape(self, run):
        """{name: {labels as a sorted tuple: value}}, and the types of the families."""
        answer, text = self.ask(run)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.getheader("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
        values, types = {}, {}
        for family in parser.text_string_to_metric_families(text):
            types[family.name] = family.type
            self.assertTrue(family.documentation, family.name)
            for sample in family.samples:
                key = tuple(sorted(sample.labels.items()))
                self.assertNotIn(key, values.setdefault(sample.name, {}), "the same series twice")
                values[sample.name][key] = sample.value
        return values, types

    def value(self, run, name, **labels):
        values, _ = self.scrape(run)
        wanted = set(labels.items())
        return sum(v for key, v in values.get(name, {}).items() if wanted <= set(key))

    def test_everything_is_counted(self):
        run = self.start("--threshold", "close-wait-leak=500ms", "--threshold", "close-wait-slow=100ms")
        listener = self.listen(7001)
        for _ in range(20):
            self.talk(listener)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", 7002))
        client, _ = self.pair(self.listen(7003))
        self.scrape(run)
        client.close()
        until(lambda: self.value(run, "lastack_findings_total", code="close-wait-leak"), 10)
        until(lambda: self.value(run, "lastack_connections_total", service="127.0.0.1:7001") == 20, 10)
        values, types = self.scrape(run)
        self.assertEqual(types, {
            "lastack_build_info": "gauge", "lastack_start_time_seconds": "gauge", "lastack_last_packet_time_seconds": "gauge",
            "lastack_packets": "counter", "lastack_packets_dropped": "counter", "lastack_connections_evicted": "counter",
            "lastack_connection_memory_bytes": "gauge", "lastack_connections": "counter", "lastack_findings": "counter",
            "lastack_open_connections": "gauge", "lastack_handshake_duration_seconds": "histogram",
            "lastack_close_duration_seconds": "histogram"})
        connections = values["lastack_connections_total"]
        mine = (("handshake", "complete"), ("service", "127.0.0.1:7001"), ("teardown", "fin"))
        self.assertEqual(connections[mine], 20)
        for key in connections:
            self.assertIn(dict(key)["handshake"], HANDSHAKES)
        leak = (("code", "close-wait-leak"), ("service", "127.0.0.1:7003"), ("severity", "error"))
        self.assertEqual(values["lastack_findings_total"][leak], 1)
        states = {dict(key)["state"]: v for key, v in values["lastack_open_connections"].items()
                  if dict(key)["service"] == "127.0.0.1:7003"}
        self.assertEqual(states.pop("CLOSE_WAIT"), 1)
        self.assertEqual(set(states.values()), {0})
        self.assertEqual(values["lastack_packets_dropped_total"], {(("where", "kernel"),): 0, (("where", "interface"),): 0})
        self.assertGreater(values["lastack_packets_total"][()], 150)
        self.assertLess(abs(values["lastack_last_packet_time_seconds"][()] - time.time()), 10)
        self.assertLess(abs(values["lastack_start_time_seconds"][()] - time.time()), 60)
        for name in ("lastack_handshake_duration_seconds", "lastack_close_duration_seconds"):
            buckets = {dict(key)["le"]: v for key, v in values[name + "_bucket"].items()
                       if dict(key)["service"] == "127.0.0.1:7001"}
            series = [buckets[le] for le in sorted(buckets, key=float)]
            self.assertEqual(series, sorted(series))
            self.assertEqual((series[-1], len(series)), (20, 19))
            key = (("service", "127.0.0.1:7001"),)
            self.assertEqual(values[name + "_count"][key], 20)
            self.assertTrue(0 < values[name + "_sum"][key] < 20, values[name + "_sum"])
        # What the records say is what was counted.
        self.assertEqual(run.stop(), 130)
        self.assertEqual(len([c for c in run.records("connection") if c["server"]["port"] == 7001]), 20)

    def test_a_finding_gives_its_service_a_label(self):
        run = self.start("--threshold", "close-wait-leak=500ms")
        client, _ = self.pair(self.listen(7003))
        client.close()
        until(lambda: run.findings("raised"), 10)
        # The first scrape of all: nothing has finished, nobody has counted what is open.
        leak = (("code", "close-wait-leak"), ("service", "127.0.0.1:7003"), ("severity", "error"))
        self.assertEqual(self.scrape(run)[0]["lastack_findings_total"], {leak: 1})

    def test_services_of_the_policy_keep_their_labels(self):
        with open(self.dir + "/policy", "w", encoding="utf-8") as f:
            f.write("[service quiet]\nwhere = server.port == 7003\n")
        run = self.start("--policy", "policy")
        for port in range(7100, 7140):
            listener = self.listen(port)
            for _ in range(3):
                self.talk(listener)
        self.talk(self.listen(7003))
        until(lambda: self.value(run, "lastack_connections_total", service="127.0.0.1:7003") == 1, 10)

    def test_counters_never_go_back_and_labels_are_bounded(self):
        run = self.start()
        before = 0
        listeners = [self.listen(7100 + i) for i in range(45)]
        for _ in range(3):
            for listener in listeners:
                self.talk(listener)
            for port in range(9000, 9200):
                self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", port))
            values, _ = self.scrape(run)
            services = {dict(key)["service"] for key in values["lastack_open_connections"]}
            self.assertLessEqual(len(services), 33)
            self.assertIn("other", services)
            # Ports that were tried once or twice have no label of their own, and no client has.
            self.assertLessEqual({int(s.split(":")[1]) for s in services - {"other"}}, set(range(7100, 7145)))
            now = sum(values.get("lastack_connections_total", {}).values())
            self.assertGreaterEqual(now, before)
            before = now
        until(lambda: self.value(run, "lastack_connections_total", handshake="complete") >= 135, 10)
        self.assertGreater(self.value(run, "lastack_connections_total", service="other"), 0)
        # A service that becomes the busiest takes the place of an idle one.
        late = self.listen(7200)
        for _ in range(120):
            self.talk(late)
        until(lambda: self.value(run, "lastack_connections_total", service="127.0.0.1:7200"), 10)
        self.assertLessEqual(len({dict(k)["service"] for k in self.scrape(run)[0]["lastack_open_connections"]}), 33)
        run.stop()

    def test_health_and_what_there_is_not(self):
        run = self.start()
        answer, text = self.ask(run, "/healthz")
        self.assertEqual((answer.status, text), (200, "ok\n"))
        self.assertEqual(self.ask(run, "/")[0].status, 404)
        self.assertEqual(self.ask(run, "/../etc/passwd")[0].status, 404)
        answer, _ = self.ask(run, method="POST", body="x" * 100000)
        self.assertEqual((answer.status, answer.getheader("Allow")), (405, "GET, HEAD"))
        answer, text = self.ask(run, method="HEAD")
        self.assertEqual((answer.status, text), (200, ""))
        self.assertGreater(int(answer.getheader("Content-Length")), 1000)
        run.stop()

    def test_bad_clients_do_not_stop_the_capture(self):
        run = self.start()
        idle = [self.keep(socket.create_connection((run.host, run.port))) for _ in range(40)]
        for s in idle[:5]:
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        listener = self.listen(7001)
        self.talk(listener)
        for s in idle:
            s.close()
        garbage = self.keep(socket.create_connection((run.host, run.port)))
        garbage.sendall(b"\x00\xff" * 50000)
        hasty = self.keep(socket.create_connection((run.host, run.port)))
        hasty.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        hasty.close()
        until(lambda: self.value(run, "lastack_connections_total", service="127.0.0.1:7001"), 10)
        for _ in range(100):
            self.scrape(run)
        self.assertEqual(run.stop(), 130)

    def test_many_at_once(self):
        run = self.start()
        asking = []
        for _ in range(10):
            s = self.keep(socket.create_connection((run.host, run.port)))
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            asking.append(s)
        for s in asking:
            s.settimeout(10)
            self.assertIn(b" 200 OK", b"".join(iter(lambda s=s: s.recv(65536), b"")))
        run.stop()

    def test_addresses(self):
        self.assertEqual(self.start(address="9150").host, "127.0.0.1")
        self.assertEqual(self.start(address=":9151").host, "127.0.0.1")
        self.assertEqual(self.start(address="localhost:9152").host, "127.0.0.1")
        six = self.start(address="[::1]:0")
        self.assertEqual(six.host, "::1")
        self.assertEqual(self.ask(six, "/healthz")[0].status, 200)
        listening = subprocess.run(["ss", "-ltnH"], stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertNotIn("0.0.0.0:915", listening)
        everywhere = self.start(address="0.0.0.0:9153")
        self.assertEqual(self.ask(everywhere, "/healthz")[0].status, 200)
        for bad in ("x", "127.0.0.1", "127.0.0.1:70000", "::1:9150", "example.net:1", ":", ""):
            run = self.run_to_end("-i", "lo", "--metrics", bad)
            self.assertEqual((run.process.returncode, run.text, run.message.count("\n")), (2, "", 1), run.message)
        run = self.run_to_end("-i", "lo", "--metrics", "9150")
        self.assertEqual(run.process.returncode, 6)
        self.assertIn("Address already in use", run.message)


if __name__ == "__main__":
    live.main()
