#!/usr/bin/env python3
"""The formats for CI: each held against a validator that knows nothing of lastack (xmllint and an XSD, jsonschema, the TAP parser of
Perl), what they say of a policy that holds and of one that is broken, and hostile names in all of them.

    test_ci.py LASTACK SAMPLES_FOLDER CLI_TESTS_FOLDER
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

LASTACK = SAMPLES = None
HERE = pathlib.Path(__file__).resolve().parent
FORMATS = ["junit", "sarif", "tap", "github", "markdown"]
ALL = ["clean-close", "close-wait-leak", "full-accept-queue", "missing-final-ack", "port-reuse", "refused", "rst-close",
       "simultaneous-close", "unanswered-syn"]

POLICY = """[policy]
fail-on = warning
expect.fins = share(teardown == "fin") >= 99%
require.no-rst = teardown != "rst"

[service chat]
where = server.port == 8888
unclosed = warn

[allow connection-refused]
reason = <b>&amp; "quoted" | pipe
expires = 2027-01-31
"""

HOSTILE = {
    "markup": b"a<b>&\"']]>&lt;.pcapng",
    "lines": b"a\n::error::x\n# ok 1\n| x |.pcapng",
    "control": b"a\x1b[31m\x07\x7f.pcapng",
    "not UTF-8": b"a\xff\xfe\xc3.pcapng",
    "right to left": "a\u202egnp.pcapng".encode(),
    "markdown": b"a[x](y)`z`**!@user_|.pcapng",
    "percent": b"a%0A%25::.pcapng",
}


def run(*arguments, code=None, cwd=None):
    environment = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")
    done = subprocess.run([LASTACK, *arguments], capture_output=True, timeout=60, check=False, env=environment, cwd=cwd)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}: {done.stdout.decode()} {done.stderr.decode()}")
    return done.stdout


def needs(program):
    return unittest.skipIf(shutil.which(program) is None, f"there is no {program}")


class CiTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)
        for name in ALL:
            shutil.copy(pathlib.Path(SAMPLES) / f"{name}.pcapng", self.dir)
        (self.dir / "p.lastack").write_text(POLICY, encoding="utf-8")

    def check(self, form, *captures, policy="p.lastack", code=None, more=()):
        names = [c if isinstance(c, bytes) else f"{c}.pcapng" for c in captures or ALL]
        chosen = ["--policy", policy] if policy else []
        return run("check", "-o", form, *chosen, *more, *names, code=code, cwd=self.dir)

    def runs(self):
        """Reports of every kind: broken, kept, suppressed, nothing there, cut off, not there at all."""
        (self.dir / "cut.pcapng").write_bytes((self.dir / "clean-close.pcapng").read_bytes()[:-9])
        yield "broken", lambda form: self.check(form, code=1)
        yield "kept", lambda form: self.check(form, "clean-close", policy="@default", code=0)
        yield "suppressed", lambda form: self.check(form, "refused", code=1)
        yield "empty", lambda form: self.check(form, "clean-close", more=["-Y", "server.port == 1"], code=1)
        yield "cut off", lambda form: self.check(form, "cut", policy="@default", code=4)
        yield "not there", lambda form: self.check(form, "nowhere", policy="@default", code=3)
        for kind, name in HOSTILE.items():
            shutil.copy(self.dir / "close-wait-leak.pcapng", os.path.join(os.fsencode(self.dir), name))
            yield kind, lambda form, name=name: self.check(form, name, policy="@default", code=1)


class Junit(CiTest):
    @needs("xmllint")
    def test_valid(self):
        for kind, report in self.runs():
            with self.subTest(kind):
                done = subprocess.run(["xmllint", "--noout", "--schema", str(HERE / "junit.xsd"), "-"], input=report("junit"),
                                      capture_output=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stderr.decode())

    def tree(self, *captures, **more):
        return ET.fromstring(self.check("junit", *captures, **more))

    def test_counts_agree(self):
        for suite in self.tree():
            cases = suite.findall("testcase")
            self.assertEqual(int(suite.get("tests")), len(cases))
            for attribute, element in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]:
                self.assertEqual(int(suite.get(attribute)), len([c for c in cases if c.find(element) is not None]), attribute)

    def test_a_failure_says_which_and_where(self):
        tree = self.tree("close-wait-leak", policy="@default", code=1)
        (failure,) = tree.findall(".//testcase[@name='close-wait-leak']/failure")
        self.assertIn("10.9.0.2:8888 got the FIN", failure.get("message"))
        for words in ["10.9.0.1:55308 > 10.9.0.2:8888", "packets: 6, 7 of close-wait-leak.pcapng", "server-application",
                      "lastack show close-wait-leak.pcapng --conn 1", "errors fail (@default:"]:
            self.assertIn(words, failure.text)

    def test_suppressed_is_skipped(self):
        (skipped,) = self.tree("refused", code=1).findall(".//testcase[@name='connection-refused']/skipped")
        self.assertEqual(skipped.get("message"), '1 suppressed by p.lastack:10, expires 2027-01-31 (<b>&amp; "quoted" | pipe)')

    def test_the_same_cases_whatever_happened(self):
        """Cases depend on the policy and the services, not on what the packets show: trends hold."""
        def names(tree):
            return [(s.get("name"), c.get("name")) for s in tree for c in s.findall("testcase")]
        good, bad = self.tree("clean-close", policy="@default"), self.tree("close-wait-leak", policy="@default")
        self.assertEqual(names(good), names(bad))
        self.assertEqual([s.get("name") for s in good], ["run", "10.9.0.2:8888"])
        self.assertGreater(len(names(good)), 70)

    def test_suites_in_order(self):
        self.assertEqual([s.get("name") for s in self.tree()], ["run", "chat", "10.9.0.2:8889", "10.9.0.2:8890"])

    def test_an_expectation_is_a_case(self):
        (failure,) = self.tree(code=1).findall(".//testsuite[@name='run']/testcase[@name='fins']/failure")
        self.assertIn('share(teardown == "fin") >= 99% does not hold', failure.get("message"))

    def test_same_bytes_again(self):
        for form in FORMATS:
            self.assertEqual(self.check(form), self.check(form))


class Sarif(CiTest):
    def setUp(self):
        super().setUp()
        import jsonschema  # noqa: PLC0415
        self.schema = json.loads((HERE / "sarif.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft7Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft7Validator(self.schema)

    def log(self, *captures, **more):
        return json.loads(self.check("sarif", *captures, **more))

    def test_valid(self):
        for kind, report in self.runs():
            with self.subTest(kind):
                log = json.loads(report("sarif"))
                self.assertEqual([e.message for e in self.validator.iter_errors(log)], [])
                rules = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
                self.assertEqual(len(rules), len(set(rules)))
                for result in log["runs"][0]["results"]:
                    self.assertIn(result["ruleId"], rules)

    def test_rules_have_help(self):
        rules = {r["id"]: r for r in self.log("clean-close")["runs"][0]["tool"]["driver"]["rules"]}
        self.assertIn("CLOSE_WAIT", rules["close-wait-leak"]["help"]["markdown"])
        self.assertGreater(len(rules["close-wait-leak"]["help"]["text"]), 500)
        self.assertEqual(rules["close-wait-leak"]["defaultConfiguration"]["level"], "error")

    def result(self, code, *captures, **more):
        (found,) = [r for r in self.log(*captures, **more)["runs"][0]["results"] if r["ruleId"] == code]
        return found

    def test_location_is_the_policy_line(self):
        found = self.result("close-wait-leak")
        place = found["locations"][0]["physicalLocation"]
        self.assertEqual(place, {"artifactLocation": {"uri": "p.lastack"}, "region": {"startLine": 2}})
        related = found["relatedLocations"][0]
        self.assertEqual(related["physicalLocation"]["artifactLocation"]["uri"], "close-wait-leak.pcapng")
        self.assertIn("10.9.0.1:55308 > 10.9.0.2:8888, packets 6, 7", related["message"]["text"])

    def test_fingerprint_of_code_service_and_blame(self):
        """Ports of clients, frames, times and the file's name do not count."""
        one = self.result("close-wait-leak", "close-wait-leak", policy="@default")["partialFingerprints"]
        import cli  # noqa: PLC0415
        other = cli.clean_connection(40777)[:-2]
        records = b"".join(cli.pcap_record(f, i + (400 if i == 7 else 0)) for i, f in enumerate(other))
        swap = records.replace(bytes([192, 0, 2, 10]), bytes([10, 9, 0, 9])).replace(bytes([198, 51, 100, 7]), bytes([10, 9, 0, 2]))
        (self.dir / "other.pcap").write_bytes(cli.pcap_header() + swap)
        again = self.result("close-wait-leak", b"other.pcap", policy="@default",
                            more=["--observed-until", str(cli.EPOCH + 500)])["partialFingerprints"]
        self.assertEqual(one, again)
        unlike = self.result("accept-queue-overflow")["partialFingerprints"]
        self.assertNotEqual(one, unlike)


    def test_fingerprint_of_a_port_that_changes(self):
        """A test server on a port that the kernel chose is the same service in the next run; one on another fixed port is not."""
        import cli  # noqa: PLC0415
        prints = {}
        for port in (8888, 8889, 40999, 41000):
            frames = [cli.segment(0, cli.SYN, 100, 0, ports=(50001, port)), cli.segment(1, cli.RST | cli.ACK, 0, 101, ports=(50001, port))]
            (self.dir / "p.pcap").write_bytes(cli.pcap(frames))
            prints[port] = self.result("connection-refused", b"p.pcap", policy="@default")["partialFingerprints"]["lastack/v1"]
        self.assertEqual(prints[40999], prints[41000])
        self.assertEqual(len(set(prints.values())), 3)


class Tap(CiTest):
    @needs("prove")
    def test_parsed(self):
        for kind, report in self.runs():
            with self.subTest(kind):
                path = self.dir / "report.tap"
                path.write_bytes(report("tap"))
                done = subprocess.run(["prove", "--exec", "cat", "--verbose", str(path)], capture_output=True, timeout=60, check=False)
                said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
                self.assertNotIn("Parse errors", said)
                self.assertNotIn("Bad plan", said)
                broken = len(re.findall(r"^not ok ", path.read_text(encoding="utf-8"), flags=re.M))
                self.assertEqual(done.returncode == 0, broken == 0, said)
                if broken:
                    self.assertIn(f"Failed {broken}/", said)

    def test_suppressed_is_skipped(self):
        self.assertRegex(self.check("tap", "refused").decode(), r"(?m)^ok \d+ - 10\.9\.0\.2:8889: connection-refused # SKIP 1 suppressed by p\.lastack:10")


class Github(CiTest):
    def test_every_line_is_known(self):
        for kind, report in self.runs():
            with self.subTest(kind):
                text = report("github").decode("utf-8")
                for line in text.splitlines():
                    if line.startswith("::"):
                        self.assertRegex(line, r"^::(error|warning) ([a-z]+=[^:,]*,)*title=[^:,]*::.")
                    else:
                        self.assertRegex(line, r"^(PASS: |FAIL: |error: |warning: |\d+ suppressed by |[A-Z].* )")
                self.assertEqual(re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", text), [])

    def test_grouped_and_capped(self):
        """A step shows ten annotations: the tenth says how many more there are."""
        import cli  # noqa: PLC0415
        frames = [f for i in range(15) for f in [cli.segment(0, cli.SYN, 100, 0, ports=(41000, 7000 + i)),
                                                  cli.segment(1, cli.RST | cli.ACK, 0, 101, ports=(41000, 7000 + i))]]
        (self.dir / "many.pcap").write_bytes(cli.pcap(frames))
        lines = self.check("github", b"many.pcap", policy="@default", code=1).decode().splitlines()
        errors = [line for line in lines if line.startswith("::error")]
        self.assertEqual(len(errors), 10)
        self.assertRegex(errors[-1], r"::\d+ more broken rules")
        self.assertGreaterEqual(len([line for line in lines if line.startswith("error: ")]), 6)

    def test_place(self):
        text = self.check("github", "close-wait-leak").decode()
        self.assertIn("::error file=p.lastack,line=2,title=close-wait-leak on chat::10.9.0.2:8888 got the FIN", text)


class Markdown(CiTest):
    def test_table_keeps_its_columns(self):
        for kind, report in self.runs():
            with self.subTest(kind):
                text = report("markdown").decode("utf-8")
                rows = [line for line in text.splitlines() if line.startswith("|")]
                for row in rows:
                    self.assertEqual(len(re.findall(r"(?<!\\)\|", row)), 7, row)
                words = "\n".join(line for line in text.splitlines() if not line.startswith("    "))  # commands are literal
                self.assertEqual(re.findall(r"<(?!br>)", words), [])
                self.assertNotIn("@user", words)
                self.assertTrue(text.startswith("### TCP connections: "))

    def test_says_what_broke(self):
        text = self.check("markdown", "close-wait-leak", policy="@default", code=1).decode()
        self.assertIn("### TCP connections: FAIL", text)
        self.assertIn("| **broken** | close-wait-leak | 10.9.0.2:8888 | 1 | server-application |", text)
        self.assertIn("    lastack show close-wait-leak.pcapng --conn 1\n", text)


class Analyze(CiTest):
    def test_formats_without_a_gate(self):
        """analyze tells what the built-in policy would say, and its exit code stays its own."""
        for form in FORMATS:
            out = run("-o", form, "close-wait-leak.pcapng", code=0, cwd=self.dir)
            self.assertIn(b"close-wait-leak", out)


def main():
    global LASTACK, SAMPLES
    LASTACK, SAMPLES = map(os.path.abspath, sys.argv[1:3])
    sys.path.insert(0, sys.argv[3])
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])


if __name__ == "__main__":
    main()
