"""`lastack live --policy`: known noise is not told, and counted at the end."""
import os
import time

import live


class Policy(live.LiveTest):
    def policy(self, text):
        with open(os.path.join(self.dir, "p"), "w", encoding="utf-8") as f:
            f.write(text)

    def refuse(self, port):
        self.assertRaises(ConnectionRefusedError, live.socket.create_connection, ("127.0.0.1", port))

    def told(self, *args):
        run = self.live("-i", "lo", "-o", "ndjson", *args)
        self.refuse(7001)
        self.refuse(7002)
        time.sleep(0.5)
        self.assertEqual(run.stop(), 130, run.message)
        return run

    def test_noise_is_neither_told_nor_reported(self):
        loud = self.told()
        self.assertEqual(sorted(e["connection"]["server"]["port"] for e in loud.findings("raised")), [7001, 7002])
        self.policy("[allow connection-refused]\nwhere = server.port == 7001\nreason = on purpose\n")
        quiet = self.told("--policy", "p")
        self.assertEqual([e["connection"]["server"]["port"] for e in quiet.findings("raised")], [7002])
        reported = {c["server"]["port"]: [f["code"] for f in c["findings"]] for c in quiet.records("connection")}
        self.assertEqual(reported[7001], [])
        self.assertEqual(reported[7002], ["connection-refused"])

    def test_noise_of_hosts(self):
        self.policy("[policy]\nallow = connection-refused, refused-burst\n")
        run = self.live("-i", "lo", "-o", "ndjson", "--policy", "p")
        for _ in range(6):
            self.refuse(7001)
        time.sleep(0.5)
        run.stop()
        self.assertEqual(run.findings(), [])
        self.assertEqual(run.records("host"), [])

    def test_counted(self):
        self.policy("[allow connection-refused]\nexpires = 2199-01-31\n")
        run = self.live("-i", "lo", "--policy", "p")
        self.refuse(7001)
        time.sleep(0.3)
        run.stop()
        self.assertIn("1 suppressed by p:1, expires 2199-01-31", run.text)

    def test_verdict_at_the_end(self):
        run = self.live("-i", "lo", "-o", "tap")
        self.refuse(7001)
        time.sleep(0.3)
        run.stop()
        self.assertRegex(run.text, r"(?m)^not ok \d+ - 127\.0\.0\.1:7001: connection-refused$")

    def test_bad_policy(self):
        self.policy("[polcy]\n")
        run = self.run_to_end("-i", "lo", "--policy", "p")
        self.assertEqual(run.process.returncode, 2)
        self.assertIn("did you mean [policy]?", run.message)


if __name__ == "__main__":
    live.main()
