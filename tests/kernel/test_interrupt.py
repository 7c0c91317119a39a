#!/usr/bin/env python3
"""test_interrupt.py --lastack BINARY: the laboratory is stopped in the middle, in every way there is. Nothing may stay behind: no process,
no namespace, no interface, no tracefs instance, no file of an unfinished experiment."""
import argparse
import glob
import os
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77
EXPERIMENTS = ["close-wait-leak", "lost-fin-forever", "accept-queue-full", "zero-window", "idle-state-lost-silent"]


def namespaces():
    """The network namespaces in which processes live."""
    found = set()
    for link in glob.glob("/proc/[0-9]*/ns/net"):
        try:
            found.add(os.readlink(link))
        except OSError:
            pass
    return found


def children_of_lab(binary):
    found = []
    for exe in glob.glob("/proc/[0-9]*/exe"):
        try:
            if os.path.samefile(exe, binary) and b"\0lab\0" in open(os.path.join(os.path.dirname(exe), "cmdline"), "rb").read():
                found.append(exe)
        except OSError:
            pass
    return found


def interfaces():
    with open("/proc/net/dev", encoding="utf-8") as f:
        return sorted(line.split(":")[0].strip() for line in f if ":" in line)


def instances():
    """Tracefs instances of the laboratory, seen through a mount of our own."""
    script = ("mount --make-rprivate / 2>/dev/null; mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; "
              "ls /sys/kernel/tracing/instances 2>/dev/null")
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    return sorted(n for n in done.stdout.split() if n.startswith("lastack-"))


def wait_until(what, seconds):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if what():
            return True
        time.sleep(0.1)
    return what()


def stop_with(binary, number, before, wrong):
    name = signal.Signals(number).name
    with tempfile.TemporaryDirectory() as folder:
        lab = subprocess.Popen([binary, "lab", "run", "-q"] + EXPERIMENTS, cwd=folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True)
        running = wait_until(lambda: lab.poll() is not None or len(glob.glob(folder + "/*.pcapng")) == len(EXPERIMENTS), 10)
        if lab.poll() is not None:
            text = lab.stderr.read().decode()
            if lab.returncode == 5:
                print("SKIPPED: " + text.strip())
                sys.exit(SKIP)
            wrong.append("%s: it ended by itself with %d: %s" % (name, lab.returncode, text))
            return
        if not running:
            wrong.append(name + ": the experiments did not begin")
        time.sleep(1)
        os.kill(lab.pid, number)
        code = lab.wait(20)
        lab.stderr.close()
        expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
        if code != expected:
            wrong.append("%s: exit code %d instead of %d" % (name, code, expected))
        if not wait_until(lambda: not children_of_lab(binary), 10):
            wrong.append("%s: processes are left: %s" % (name, children_of_lab(binary)))
        if not wait_until(lambda: not instances(), 10):
            wrong.append("%s: tracefs instances are left: %s" % (name, instances()))
        if namespaces() - before["namespaces"]:
            wrong.append("%s: namespaces are left: %s" % (name, namespaces() - before["namespaces"]))
        if interfaces() != before["interfaces"]:
            wrong.append("%s: interfaces: %s" % (name, interfaces()))
        if number != signal.SIGKILL and os.listdir(folder):
            wrong.append("%s: files are left: %s" % (name, os.listdir(folder)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lastack", required=True)
    binary = os.path.abspath(parser.parse_args().lastack)
    if children_of_lab(binary):
        print("SKIPPED: this binary's laboratory is running already")
        return SKIP
    before = {"namespaces": namespaces(), "interfaces": interfaces()}
    wrong = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        stop_with(binary, number, before, wrong)
    # Afterwards it runs as ever, and leaves nothing either.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([binary, "lab", "run", "-q", "close-by-client"], cwd=folder, check=False)
        if done.returncode != 0 or len(os.listdir(folder)) != 2:
            wrong.append("a run afterwards: exit code %d, files %s" % (done.returncode, os.listdir(folder)))
    if children_of_lab(binary) or instances():
        wrong.append("a finished run leaves something: %s %s" % (children_of_lab(binary), instances()))
    print("\n".join(wrong) or "nothing is left behind")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
