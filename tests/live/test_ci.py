"""contrib/ci: the templates for CI systems, run as those systems would run them."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ET

import live

CI = pathlib.Path(__file__).resolve().parents[2] / "contrib" / "ci"
CLEAN = ("python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 7001)); s.listen(); c = socket.create_connection((\"127.0.0.1\", 7001));"
         "a, _ = s.accept(); c.sendall(b\"x\"); a.recv(9); c.close(); a.recv(9); a.close()'")
# the test's own sockets stay open behind it: their peer is held by this process
LEAK = "python3 -c 'import socket; c = socket.create_connection((\"127.0.0.1\", 7002)); c.close()'"


class Templates(live.LiveTest):
    def run_script(self, command, **environment):
        base = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "LASTACK_"))}
        base.update(LASTACK=live.BINARY, LC_ALL="C.UTF-8", TZ="UTC", **environment)
        done = subprocess.run(command, cwd=self.dir, env=base, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
        done.text = done.stdout.decode() + done.stderr.decode()
        return done

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def failures(self, *parts):
        return {case.get("name") for case in ET.parse(self.path(*parts)).findall(".//testcase") if case.find("failure") is not None}

    def leak(self):
        self.listen(7002)
        return LEAK


class Shell(Templates):
    def check(self, command, *options, settle="2.3"):
        return self.run_script([str(CI / "record-and-check.sh"), *options, "--", "sh", "-c", command], LASTACK_SETTLE=settle)

    @unittest.skipIf(shutil.which("tcpdump") is None, "there is no tcpdump")
    def test_good_and_bad(self):
        done = self.check(CLEAN)
        self.assertEqual(done.returncode, 0, done.text)
        self.assertEqual(sorted(os.listdir(self.path("lastack-report"))), ["lastack.md", "lastack.xml"])
        done = self.check(self.leak(), "-d", "out", settle="4")
        self.assertEqual(done.returncode, 1, done.text)
        self.assertIn("unclosed", self.failures("out", "lastack.xml"))
        self.assertIn("FAIL", pathlib.Path(self.path("out", "lastack.md")).read_text(encoding="utf-8"))
        self.assertTrue(os.path.exists(self.path("out", "lastack.pcap")))

    @unittest.skipIf(shutil.which("tcpdump") is None, "there is no tcpdump")
    def test_command_and_recording_that_fail(self):
        self.assertEqual(self.check(CLEAN + "; exit 9", settle="0.1").returncode, 9)
        done = self.check("true", "-i", "nowhere0")
        self.assertEqual(done.returncode, 69, done.text)
        self.assertEqual(self.run_script([str(CI / "record-and-check.sh")]).returncode, 2)


class Github(Templates):
    def action(self, **inputs):
        paths = {"GITHUB_OUTPUT": self.path("output"), "GITHUB_STEP_SUMMARY": self.path("summary")}
        return self.run_script(["sh", str(CI / "github" / "check.sh")], **paths, **{"LASTACK_" + k.upper(): v for k, v in inputs.items()})

    def test_run(self):
        done = self.action(run=CLEAN)
        self.assertEqual(done.returncode, 0, done.text)
        self.assertFalse(os.path.exists(self.path("lastack-report", "lastack.pcapng")))
        done = self.action(run=self.leak(), folder="bad")
        self.assertEqual(done.returncode, 1, done.text)
        self.assertRegex(done.text, r"(?m)^::error title=unclosed on 127\.0\.0\.1%3A7002::")
        self.assertTrue(os.path.exists(self.path("bad", "lastack.pcapng")))
        self.assertIn("### TCP connections: FAIL", pathlib.Path(self.path("summary")).read_text(encoding="utf-8"))
        self.assertIn("sarif=bad/lastack.sarif", pathlib.Path(self.path("output")).read_text(encoding="utf-8"))

    def test_captures(self):
        samples = CI.parents[1] / "samples"
        done = self.action(captures="%s %s" % (samples / "clean-close.pcapng", samples / "refused.pcapng"), policy="@lenient")
        self.assertEqual(done.returncode, 0, done.text)
        self.assertEqual(self.action(captures=str(samples / "refused.pcapng")).returncode, 1)
        self.assertEqual(self.action().returncode, 2)

    def test_every_input_reaches_the_script(self):
        action = (CI / "github" / "action.yml").read_text(encoding="utf-8")
        script = (CI / "github" / "check.sh").read_text(encoding="utf-8")
        inputs = re.findall(r"(?m)^  ([a-z]+):$", action.split("inputs:")[1].split("outputs:")[0])
        self.assertGreaterEqual(len(inputs), 8)
        for name in inputs:
            self.assertIn("LASTACK_%s: ${{ inputs.%s }}" % (name.upper(), name), action)
            self.assertIn("LASTACK_" + name.upper(), script)


class Gitlab(Templates):
    def job(self, **variables):
        """The template's script lines, joined as GitLab's runner does: each is a line of one shell."""
        text = (CI / "gitlab" / "lastack.gitlab-ci.yml").read_text(encoding="utf-8")
        lines = re.findall(r"(?m)^    - (.*)$", text.split("\n  script:\n")[1].split("\n  artifacts:\n")[0])
        script = "set -e\n" + "\n".join(line[1:-1].replace("''", "'") if line.startswith("'") else line for line in lines)
        given = {"LASTACK_RUN": "", "LASTACK_POLICY": "", "LASTACK_INTERFACE": "lo", **variables}
        return self.run_script(["sh", "-c", script], **given)

    def test_good_and_bad(self):
        done = self.job(LASTACK_RUN=CLEAN, LASTACK_POLICY="@strict")
        self.assertEqual(done.returncode, 0, done.text)
        self.assertEqual(self.failures("lastack.xml"), set())
        self.assertFalse(os.path.exists(self.path("lastack.pcapng")))
        done = self.job(LASTACK_RUN=self.leak())
        self.assertEqual(done.returncode, 1, done.text)
        self.assertIn("unclosed", self.failures("lastack.xml"))
        self.assertTrue(os.path.exists(self.path("lastack.pcapng")))


class Files(unittest.TestCase):
    def test_yaml(self):
        try:
            import yaml  # noqa: PLC0415
        except ImportError:
            self.skipTest("no YAML reader for Python")
        action = yaml.safe_load((CI / "github" / "action.yml").read_text(encoding="utf-8"))
        self.assertEqual(action["runs"]["using"], "composite")
        template = yaml.safe_load((CI / "gitlab" / "lastack.gitlab-ci.yml").read_text(encoding="utf-8"))
        self.assertTrue(all(isinstance(line, str) for line in template[".lastack"]["script"]))
        self.assertEqual(template[".lastack"]["artifacts"]["reports"]["junit"], "lastack.xml")


if __name__ == "__main__":
    live.main()
