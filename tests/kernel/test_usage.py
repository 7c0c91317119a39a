#!/usr/bin/env python3
"""test_usage.py --lastack BINARY: what `lastack lab` answers to wrong words, and what it does without root."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

WRONG = [
    (["lab"], 2, "usage: lastack lab"),
    (["lab", "rum"], 2, "did you mean 'run'"),
    (["lab", "run"], 2, "which experiment?"),
    (["lab", "run", "close-by-cleint"], 2, "did you mean 'close-by-client'"),
    (["lab", "run", "xyzzy"], 2, "lastack lab list"),
    (["lab", "run", "refused", "lost-syn", "-w", "x.pcapng"], 2, "-w names one capture"),
    (["lab", "run", "refused", "--all", "x"], 2, "--all runs every experiment"),
    (["lab", "run", "refused", "-j", "0"], 2, "-j 0"),
    (["lab", "run", "refused", "--frob"], 2, "--frob"),
    (["lab", "run", "--all", "/dev/null/x"], 6, "/dev/null/x"),
    (["lab", "list", "x"], 2, "one word too many"),
    (["lab", "run", "refused", "--mirror", "nosuch0"], 5, "--mirror nosuch0: no such interface"),
    (["lab", "run", "refused", "--mirror", "a-name-that-no-interface-can-have"], 5, "no such interface"),
    (["lab", "random", "--mirror", "nosuch0"], 5, "--mirror nosuch0: no such interface"),
    (["lab", "random", "--connections", "0"], 2, "--connections 0"),
    (["lab", "random", "--connections", "2001"], 2, "--connections 2001"),
    (["lab", "random", "--seed", "-1"], 2, "--seed -1"),
    (["lab", "show"], 2, "which recording?"),
    (["lab", "show", "half-closed"], 2, "did you mean 'half-close'"),
    (["lab", "show", "xyzzy"], 2, "half-close"),
    (["lab", "show", "no/such.pcapng"], 3, "no/such.json"),
    (["lab", "show", "half-close", "--truth", "/dev/null"], 3, "no account of the laboratory"),
    (["lab", "show", "half-close", "--truth", "/etc/hostname"], 3, "no account of the laboratory"),
    (["lab", "show", "half-close", "--conn", "9"], 2, "there is no connection 9"),
]


def nobody():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lastack", required=True)
    binary = os.path.abspath(parser.parse_args().lastack)
    wrong = []
    for words, code, text in WRONG:
        done = subprocess.run([binary] + words, capture_output=True, text=True, check=False)
        printed = bool(done.stdout) and "--conn" not in words
        if done.returncode != code or text not in done.stderr or printed or (code != 2 or words != ["lab"]) and \
                done.stderr.count("\n") != 1:
            wrong.append("%s: exit code %d, %r %r" % (" ".join(words), done.returncode, done.stdout, done.stderr))
    for name, lines in (("half-close", ("half-close", "FIN_WAIT2      FIN_WAIT_2", "10 of the kernel's 10 states")),
                        ("lost-final-ack", ("after_capture_point", "10 of the kernel's 10 states")),
                        ("port-reused", ("connection 2", "10 of the kernel's 10 states"))):
        shown = subprocess.run([binary, "lab", "show", name], capture_output=True, text=True, check=False)
        for line in lines:
            if shown.returncode != 0 or line not in shown.stdout:
                wrong.append("lab show %s: exit code %d, no '%s' in %s" % (name, shown.returncode, line, shown.stdout))
    listed = subprocess.run([binary, "lab", "list"], capture_output=True, text=True, check=True).stdout
    if sum(line.startswith("  ") for line in listed.splitlines()) < 40:
        wrong.append("fewer than 40 experiments are listed")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        done = subprocess.run([binary, "lab", "run", "-q", "close-by-client"], cwd=folder, capture_output=True, text=True, check=False,
                              preexec_fn=nobody)
        if done.returncode == 5 and "root" in done.stderr and not os.listdir(folder):
            print("without root: " + done.stderr.strip())
        elif done.returncode == 0:
            with open(os.path.join(folder, "close-by-client.json"), encoding="utf-8") as f:
                truth = json.load(f)
            path = truth["connections"][0]["path"]
            if truth["clock"]["trace_clock"] is not None or not truth["clock"]["no_trace"]:
                wrong.append("without root the account does not say that it has no tracepoints")
            if "ESTABLISHED" not in path["client"] or "tw:TIME_WAIT" not in path["client"] or "CLOSE_WAIT" not in path["server"]:
                wrong.append("without root: %s" % path)
        else:
            wrong.append("without root: exit code %d, %r" % (done.returncode, done.stderr))
    print("\n".join(wrong) or "as it should")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
