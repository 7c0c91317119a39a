"""Everything that the laboratory can make, live: its experiments run side by side and are sent to an interface (--mirror), where a capture tells
its findings. Each must be told within a second of the moment from which on the packets show it (decidable.py); the file that was
written must give the same findings."""
import collections
import glob
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import decidable
import live
from live import sh, until

LATEST = 1.0  # seconds
TOLD_OF = 30  # of what is wrong
AT_A_TIME = "12"
# What the capture's end makes is in the report at the end.
OF_THE_END = {"still-open", "inconclusive"}
# What is said about the capture itself is told of the first connection that shows it, and counted in the report at the end.
OF_THE_CAPTURE = {"midstream", "one-direction", "capture-loss", "duplicate-packets", "filtered-capture", "cut-short", "time-went-back",
                  "reordered-capture", "bad-checksum"}
# A snaplen belongs to whoever captures: a mirror sends whole packets.
NOT_MIRRORED = {"capture-short"}
OPTIONS = ["--idle-timeout", "2h"]  # of a live capture


class Experiment:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            truth = json.load(f)
        self.name = truth["scenario"]
        self.slot = decidable.slot_of(truth["addresses"]["client"])
        self.expected = [e["codes"] for e in truth["expected"] if e["owed"] and e["visible_in_capture"] and e["codes"]]
        self.events = []  # (arrived, told, event, key)


class Told:
    """One event, as a reader of the output has it."""

    def __init__(self, arrived, record, who):
        self.arrived, self.at, self.event = arrived, decidable.nanoseconds(record["told_at"]), record["event"]
        self.key = (who, record["finding"]["code"])
        self.name = record["key"]


class Laboratory(live.LiveTest):
    def start(self):
        """The capture; its lines are taken at once, with the time at which they came."""
        command = [live.BINARY, "live", "-i", "lab1", "-o", "ndjson", "-w", "t.pcapng", "--realarm", "0"]
        with open(os.path.join(self.dir, "err"), "wb") as err:
            self.process = subprocess.Popen(command, cwd=self.dir, stdout=subprocess.PIPE, stderr=err)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.lines = []

        def read():
            for line in self.process.stdout:
                self.lines.append((time.time_ns(), line))

        self.reader = threading.Thread(target=read)
        self.reader.start()
        until(lambda: "listening on" in self.message())

    def message(self):
        with open(os.path.join(self.dir, "err"), encoding="utf-8") as f:
            return f.read()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(30), 130)
        self.reader.join()
        self.process.stdout.close()
        self.records = [json.loads(line) for _, line in self.lines]

    def run_experiments(self):
        done = subprocess.run([live.BINARY, "lab", "run", "-q", "-j", AT_A_TIME, "--all", "lab", "--mirror", "lab0"], cwd=self.dir,
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        time.sleep(2)
        self.experiments = [Experiment(path) for path in sorted(glob.glob(os.path.join(self.dir, "lab", "*.json")))]

    def take_events(self):
        """Gives the experiments their events. Of a connection that has no record it is known who it was, but not when it began."""
        whole = {r["id"]: decidable.who_of(r) for r in self.records if r["type"] == "connection"}
        by_slot = {e.slot: e for e in self.experiments}
        for (arrived, _), record in zip(self.lines, self.records):
            if record["type"] != "finding":
                continue
            if "connection" in record:
                who, address = whole.get(record["connection"]["id"]), record["connection"]["server"]["ip"]
            else:
                subject = record["subject"]
                who, address = json.dumps(subject, sort_keys=True), (subject.get("server") or subject)["ip"]
            by_slot[decidable.slot_of(address)].events.append(Told(arrived, record, who))

    def ask(self, experiment, recording, end):
        """[(seconds, name)] of what was told; raises when something could not be known when it was told."""
        oracle = decidable.Oracle(live.BINARY, recording, OPTIONS)
        first, last = recording.blocks[0][0], recording.blocks[-1][0]
        oracle.search([first - 1, end] + [told.at for told in experiment.events] +
                      list(range(first, min(end, last + 4 * 10**9), 5 * 10**8)))
        late = []
        for told in experiment.events:
            if told.event != "raised" or told.key[0] is None:
                continue
            since = oracle.since(told.key, told.at)
            if since is None:
                self.wrong.append("%s: %s was told when nothing showed it" % (experiment.name, told.name))
            else:
                late.append(((told.arrived - since) / 1e9, told.key[1], experiment.name + " " + told.name))
        return late

    def standing(self):
        """{(who, code)} raised and not withdrawn."""
        stands = set()
        for experiment in self.experiments:
            open_ = collections.Counter()
            for told in experiment.events:
                open_[told.name, told.key] += {"raised": 1, "withdrawn": -1}.get(told.event, 0)
            for (name, key), count in open_.items():
                if count not in (0, 1) or (count == 1 and key[0] is None):
                    self.wrong.append("%s: %s was raised %d times more than withdrawn" % (experiment.name, name, count))
                elif count == 1:
                    stands.add(key)
        return stands

    def check_expected(self, about_capture):
        """Whatever an experiment is meant to show was told."""
        codes = set()
        for experiment in self.experiments:
            told = {t.key[1] for t in experiment.events if t.event == "raised"}
            for wanted in experiment.expected:
                wanted = set(wanted)
                if experiment.name in NOT_MIRRORED or wanted & OF_THE_END:
                    continue
                shown = wanted & (told | about_capture)
                if not shown:
                    self.wrong.append("%s: %s was not told, but %s" % (experiment.name, "/".join(sorted(wanted)), sorted(told)))
                codes |= shown
        return codes

    def test_each_finding_is_told_within_a_second_and_is_in_the_file(self):
        sh("ip link add lab0 type veth peer name lab1 && ip link set lab0 up && ip link set lab1 up")
        self.start()
        self.run_experiments()
        self.stop()
        self.wrong = []
        self.take_events()
        self.assertGreater(len(self.experiments), 90)

        offline = self.analyze("t.pcapng", "-o", "ndjson", *OPTIONS)
        self.assertEqual(offline.returncode, 0, offline.stderr)
        capture = [r for r in self.records if r["type"] == "capture"][0]
        self.assertEqual(capture["quality"]["kernel_drops"], 0)
        said = decidable.findings_of(offline.records)
        self.assertEqual(said, decidable.findings_of(self.records))  # the report at the end
        later = OF_THE_END | OF_THE_CAPTURE
        stands = self.standing()
        about_capture = {f["code"] for f in capture["findings"] if f["facts"]["connections"] > 0}
        self.assertEqual({key[1] for key in stands} & OF_THE_CAPTURE, about_capture)
        for key in sorted(said - stands, key=str):
            if key[1] not in later:
                self.wrong.append("%s of %s is in the file, and was not told" % (key[1], key[0]))
        for key in sorted(stands - said, key=str):
            self.wrong.append("%s of %s was told and stands, and is not in the file" % (key[1], key[0]))
        codes = self.check_expected(about_capture)

        recordings = decidable.split(os.path.join(self.dir, "t.pcapng"))
        end = decidable.nanoseconds(capture["observed_until"])
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(self.ask, e, recordings[e.slot], end) for e in self.experiments]
            late = sorted(x for a in asked for x in a.result())
        told_codes = {code for _, code, _ in late}
        print("%d experiments: %d codes, %d of them what an experiment is for; %d findings told, the slowest %.2f s after it could be known "
              "(%s), half of them within %.2f s" % (len(self.experiments), len(told_codes), len(codes), len(late), late[-1][0], late[-1][2],
                                                    late[len(late) // 2][0]), file=sys.stderr)
        self.wrong += ["%s was told %.2f s after it could be known" % (name, seconds) for seconds, _, name in late if seconds > LATEST]
        if self.wrong:
            self.fail("%d are wrong:\n  %s" % (len(self.wrong), "\n  ".join(self.wrong[:TOLD_OF])))
        self.assertGreater(len(late), 250)
        self.assertGreater(len(codes), 45)


if __name__ == "__main__":
    live.main()
