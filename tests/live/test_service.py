"""What contrib/ has for running lastack beside a service: the systemd unit and its protocol, the Kubernetes examples, the alert rules and
the dashboard. Each is run, or read by whoever will read it, as far as this machine has it."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import live
from live import until

try:
    import yaml
    from prometheus_client import parser
except ImportError:
    print("SKIPPED: needs Python's yaml and prometheus_client")
    sys.exit(77)

CONTRIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib")
UNIT = os.path.join(CONTRIB, "systemd", "lastack-live.service")


def held(*capabilities, ambient=()):
    """A prefix that runs a command with these capabilities at most, and no way to gain any."""
    bounding = ",".join(["-all"] + ["+" + c for c in capabilities])
    return ["setpriv", "--no-new-privs", "--bounding-set", bounding,
            *(["--inh-caps", ",".join("+" + c for c in ambient), "--ambient-caps", ",".join("+" + c for c in ambient)]
              if ambient else [])]


class Notify(live.LiveTest):
    def manager(self, name):
        s = self.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        s.bind(name.replace("@", "\0", 1))
        if not name.startswith("@"):
            os.chmod(name, 0o777)
        s.settimeout(10)
        return s

    def test_ready_alive_and_stopping(self):
        for name in (os.path.join(self.dir, "notify"), "@lastack-test-%d" % os.getpid()):
            manager = self.manager(name)
            run = live.Run(self, ["-i", "lo", "-q"], env={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"})
            first = manager.recv(4096).decode()
            self.assertRegex(first, r"^READY=1\nSTATUS=listening on lo \(EN10MB\)")
            begin = time.monotonic()
            for _ in range(6):  # also after it has given up its rights
                self.assertEqual(manager.recv(4096), b"WATCHDOG=1")
            self.assertTrue(0.6 < time.monotonic() - begin < 4)
            run.process.send_signal(signal.SIGTERM)
            told = manager.recv(4096)
            while told == b"WATCHDOG=1":
                told = manager.recv(4096)
            self.assertEqual(told, b"STOPPING=1")
            self.assertEqual(run.wait(), 143)

    def test_nothing_that_nobody_wants(self):
        name = os.path.join(self.dir, "notify")
        manager = self.manager(name)
        run = live.Run(self, ["-i", "lo", "-q"], env={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
        self.assertIn(b"READY=1", manager.recv(4096))
        time.sleep(0.4)
        self.assertEqual(run.stop(), 130)
        self.assertEqual(manager.recv(4096), b"STOPPING=1")
        for bad in ("", "x", "@", "/no/such/socket", "/" + "x" * 200):
            run = self.run_to_end("-i", "lo", "-q", "-a", "duration:1", env={"NOTIFY_SOCKET": bad, "WATCHDOG_USEC": "x"})
            self.assertEqual((run.process.returncode, run.message), (0, ""))


class Systemd(live.LiveTest):
    def settings(self):
        """{setting: last value}, and the environment."""
        settings, environment = {}, {}
        with open(UNIT, encoding="utf-8") as f:
            for line in f:
                match = re.match(r"([A-Za-z]+)=(.*)$", line)
                if match and match[1] == "Environment":
                    name, value = match[2].split("=", 1)
                    environment[name] = value
                elif match:
                    settings[match[1]] = match[2]
        return settings, environment

    def test_the_unit_is_one(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze")
        copy = os.path.join(self.dir, "lastack-live.service")
        with open(UNIT, encoding="utf-8") as f:
            text = f.read().replace("/usr/bin/lastack", live.BINARY)
        # The manual of a program that is not installed is not found, which says nothing about the unit.
        with open(copy, "w", encoding="utf-8") as f:
            f.write(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))
        done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", copy], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, ""))
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", copy], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode()[-1500:])

    def test_what_it_starts_runs_with_what_it_leaves(self):
        settings, environment = self.settings()
        environment.update(LASTACK_INTERFACE="lo", LASTACK_OPTIONS="--threshold close-wait-leak=30s -a duration:2",
                           LASTACK_FILTER="tcp port 7001")
        words = []
        for word in shlex.split(settings["ExecStart"]):
            match = re.fullmatch(r"\$(\w+)", word)
            words += environment[match[1]].split() if match else [re.sub(r"\$\{(\w+)\}", lambda m: environment[m[1]], word)]
        self.assertEqual(words[:2], ["/usr/bin/lastack", "live"])
        words = [w.replace("/var/log/lastack", self.dir) for w in words[2:]]
        self.assertEqual(settings["CapabilityBoundingSet"], "CAP_NET_RAW")
        run = live.Run(self, words, prefix=[*held("net_raw", ambient=["net_raw"]), "--reuid", "65534", "--regid", "65534",
                                            "--clear-groups"])
        until(lambda: run.process.poll() is not None or is_there("http://127.0.0.1:9150/healthz"))
        self.talk(self.listen(7001))
        self.talk(self.listen(7002))
        self.assertEqual(run.wait(), 0, run.message)
        with open(os.path.join(self.dir, "live.ndjson"), encoding="utf-8") as f:
            records = [json.loads(line) for line in f]
        self.assertEqual([r["server"]["port"] for r in records if r["type"] == "connection"], [7001])


class Kubernetes(live.LiveTest):
    def pods(self):
        for name in sorted(os.listdir(os.path.join(CONTRIB, "kubernetes"))):
            with open(os.path.join(CONTRIB, "kubernetes", name), encoding="utf-8") as f:
                for document in yaml.safe_load_all(f):
                    self.assertTrue({"apiVersion", "kind", "metadata"} <= set(document), name)
                    if document["kind"] == "Pod":
                        yield name, document["metadata"], document["spec"]
                    elif document["kind"] == "DaemonSet":
                        spec = document["spec"]
                        self.assertEqual(spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"])
                        yield name, spec["template"]["metadata"], spec["template"]["spec"]

    def test_what_they_start_runs_with_what_they_leave(self):
        seen = []
        for name, metadata, spec in self.pods():
            seen.append(name)
            container = [c for c in spec["containers"] if c["name"] == "lastack"][0]
            context = container["securityContext"]
            self.assertFalse(context["allowPrivilegeEscalation"])
            self.assertEqual(context["capabilities"]["drop"], ["ALL"])
            self.assertNotIn("privileged", context)
            args = [{"eth0": "lo"}.get(a, a).replace("$(NODE_ADDRESS)", "127.0.0.1") for a in container["args"]]
            port = int(args[args.index("--metrics") + 1].rsplit(":", 1)[1])
            self.assertEqual(container["ports"], [{"name": "metrics", "containerPort": port}])
            self.assertEqual(metadata["annotations"]["prometheus.io/port"], str(port))
            run = live.Run(self, [*args[1:3], "-a", "duration:2", *args[3:]],
                           prefix=held(*[c.lower() for c in context["capabilities"]["add"]]))
            path = container["livenessProbe"]["httpGet"]["path"]
            until(lambda: run.process.poll() is not None or is_there("http://127.0.0.1:%d%s" % (port, path)))
            self.talk(self.listen(8889 if name == "daemonset.yaml" else 8888))
            self.assertEqual(run.wait(), 0, run.message)
            self.assertEqual(len([c for c in run.records("connection") if c["server"]["port"] in (8888, 8889)]), 1)
        self.assertEqual(seen, ["daemonset.yaml", "sidecar.yaml"])


class Monitoring(live.LiveTest):
    def known(self):
        """The series that a scrape has, with the names of their labels: {"lastack_packets_total": {"where"}}."""
        run = self.live("-i", "lo", "--metrics", "9150", "--time-wait", "100ms", "--threshold", "close-wait-leak=100ms")
        until(lambda: is_there("http://127.0.0.1:9150/healthz"))
        listener = self.listen(7001)
        self.talk(listener)
        client, _ = self.pair(listener)
        client.close()
        names = {}

        def all_there():
            with urllib.request.urlopen("http://127.0.0.1:9150/metrics") as answer:
                for family in parser.text_string_to_metric_families(answer.read().decode()):
                    for sample in family.samples:
                        names.setdefault(sample.name, set()).update(sample.labels)
            return {"lastack_connections_total", "lastack_findings_total", "lastack_close_duration_seconds_bucket"} <= set(names)

        until(all_there)
        run.stop()
        return names

    def check(self, expression, known):
        """Every series of the expression is one that lastack has, with labels that it has, and with values that can be."""
        words = {"handshake": "complete unanswered refused unreachable syn-received abandoned final-ack-dropped simultaneous unseen",
                 "teardown": "fin fin-unconfirmed half-closed fin-rst rst vanished open none", "severity": "error warning note",
                 "state": "CLOSED SYN_SENT SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT"}
        self.assertEqual(expression.count("("), expression.count(")"), expression)
        series = re.findall(r"\b(lastack_\w+|up)\b(?:\{([^}]*)\})?", expression)
        self.assertTrue(series, expression)
        for name, matchers in series:
            if name == "up":
                continue
            self.assertIn(name, known, expression)
            for label, value in re.findall(r'(\w+)\s*[=!]~?\s*"([^"]*)"', matchers):
                self.assertIn(label, known[name] | {"instance", "job"}, expression)
                for one in value.split("|") if label in words and "$" not in value else []:
                    self.assertIn(one, words[label].split(), expression)
        for labels in re.findall(r"\bby \(([^)]*)\)", expression):
            for label in labels.replace(" ", "").split(","):
                self.assertTrue(label in {"instance", "le"} or any(label in known[n] for n, _ in series if n != "up"), expression)

    def promtool(self, rules):
        if shutil.which("promtool") is not None:
            done = subprocess.run(["promtool", "check", "rules", rules], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual(done.returncode, 0, done.stdout.decode())

    def test_rules_and_dashboard_ask_for_what_there_is(self):
        known = self.known()
        path = os.path.join(CONTRIB, "prometheus", "lastack.rules.yml")
        with open(path, encoding="utf-8") as f:
            rules = yaml.safe_load(f)["groups"][0]["rules"]
        self.assertGreaterEqual(len(rules), 8)
        for rule in rules:
            self.check(rule["expr"], known)
            self.assertTrue({"summary", "description"} <= set(rule["annotations"]))
            for word in re.findall(r"lastack explain ([a-z-]+)", rule["annotations"]["description"]):
                self.assertEqual(self.analyze("explain", word).returncode, 0, word)
        self.promtool(path)
        with open(os.path.join(CONTRIB, "grafana", "lastack.json"), encoding="utf-8") as f:
            board = json.load(f)
        places = set()
        expressions = []
        for panel in board["panels"]:
            grid = panel["gridPos"]
            cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
            self.assertFalse(cells & places, panel["title"])
            places |= cells
            self.assertLessEqual(grid["x"] + grid["w"], 24)
            expressions += [target["expr"] for target in panel["targets"]]
        self.assertGreaterEqual(len(expressions), 15)
        for expression in expressions:
            self.check(expression, known)
        variables = {v["name"] for v in board["templating"]["list"]} | {"__rate_interval", "__range"}
        self.assertLessEqual(set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))), variables)
        # The same parser for the dashboard, with its variables filled in.
        filled = [re.sub(r"\$__\w+", "5m", e).replace("$instance", ".*").replace("$service", ".*").replace("$severity", "error")
                  for e in expressions]
        copy = os.path.join(self.dir, "board.yml")
        with open(copy, "w", encoding="utf-8") as f:
            yaml.safe_dump({"groups": [{"name": "board", "rules": [{"record": "x:%d" % i, "expr": e}
                                                                   for i, e in enumerate(filled)]}]}, f)
        self.promtool(copy)


def is_there(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    live.main()
