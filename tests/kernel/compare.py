"""compare.py: what lastack says about a recording of the laboratory, held against what the kernels' sockets did.

Paths: each end's states must be the kernel's, but for states that the capture cannot show (account.py), a CLOSED at the end that no
packet tells of, and what the connection's last packet would lead to when nothing shows whether it arrived.
Final states (with tracepoints): one that is called certain must be a state in which the kernel was when the last packet passed.
Findings: what the experiment expects and what is owed must be there with an accepted blame; a clean close has no warning and no error."""
import json
import subprocess

from account import ACK, FIN, RST, SYN, ENDS, Recording, covers, end_of, is_fin, is_syn

TOLERANCE = 0.015  # seconds between the point of capture and the ends
LOUD = ("warning", "error")


class Verdict:
    def __init__(self):
        self.ends = self.right = self.certain = 0
        self.owed = self.found = 0
        self.certain_wrong, self.wrong = [], []  # texts

    def add(self, other):
        for k, v in vars(other).items():
            setattr(self, k, getattr(self, k) + v)

    def share(self):
        return 100.0 * self.right / self.ends if self.ends else 100.0


def run(lastack, recording):
    done = subprocess.run([lastack, "--observed-until", "%.6f" % recording.stop, "-o", "ndjson", recording.capture],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode not in (0, 4):
        raise RuntimeError("lastack ended with %d: %s" % (done.returncode, done.stderr.strip()))
    return [json.loads(line) for line in done.stdout.splitlines()]


def trimmed(names):
    out = []
    for n in names:
        n = "CLOSED" if n == "LISTEN" else n
        if (out and out[-1] != n) or (not out and n != "CLOSED"):
            out.append(n)
    return out


def leaves_out(path, line):
    """Whether `path` is `line` ([(state, may be left out)]) without some of those that may be."""
    places = {0}
    for name in path:
        after = set()
        for at in places:
            while at < len(line):
                if line[at][0] == name:
                    after.add(at + 1)
                if not line[at][1]:
                    break
                at += 1
        places = after
    return any(all(may for _, may in line[at:]) for at in places)


def last_word(end, state):
    """Where its last packet leads an end that is in `state` and says nothing more; [] when it repeats another."""
    if not end.got or (end.sent and end.sent[-1].n > end.got[-1].n):
        return []
    p = end.got[-1]
    if (p.payload or p.flags & (SYN | FIN)) and any(q is not p and q.seq == p.seq and (q.payload or q.flags & (SYN | FIN)) and
                                                    p.t - q.t > TOLERANCE for q in end.got):
        return []
    if p.flags & RST:
        return ["CLOSED"]
    if is_syn(p):
        return ["SYN_RECEIVED"] if state == "CLOSED" else []
    out = []
    fins = [q for q in end.sent if q.flags & FIN]
    if p.flags & ACK:
        whole = bool(fins) and all(covers(p.ack, end_of(f)) for f in fins)
        step = "ESTABLISHED" if state == "SYN_RECEIVED" or (state == "SYN_SENT" and p.flags & SYN) else None
        if whole:
            step = {"FIN_WAIT_1": "FIN_WAIT_2", "CLOSING": "TIME_WAIT", "LAST_ACK": "CLOSED"}.get(state, step)
        if step:
            out.append(step)
            state = step
    if p.flags & FIN:
        step = {"ESTABLISHED": "CLOSE_WAIT", "FIN_WAIT_1": "CLOSING", "FIN_WAIT_2": "TIME_WAIT"}.get(state)
        if step:
            out.append(step)
    return out


def variants(life, end):
    """The kernel's states as they may look on the wire."""
    line = [(s.name, bool(why)) for s, why in zip(end.states, end.hidden)]
    while line and line[0][0] in ("CLOSED", "LISTEN"):
        line = line[1:]
    out = [line]
    names = [n for n, _ in line]
    fins = [p for p in end.sent if is_fin(p)]
    peer = life.peer(end)
    # close() with the FIN still in the queue: on the wire it follows the peer's.
    acks = end.acks_of([p for p in end.got if is_fin(p)])
    at = names.index("CLOSING") - 1 if "CLOSING" in names else -1
    if at >= 0 and names[at] == "FIN_WAIT_1" and acks and (not fins or fins[0].n >= acks[0].n):
        out.append(line[:at] + [("CLOSE_WAIT", True), ("LAST_ACK", not fins), ("CLOSED", True)])
    # A FIN that crosses the RST which ends the connection.
    if len(names) > 1 and names[-1] == "CLOSED" and any(is_fin(p) for p in end.got):
        step = {"ESTABLISHED": "CLOSE_WAIT", "FIN_WAIT_1": "CLOSING", "FIN_WAIT_2": "TIME_WAIT"}.get(names[-2])
        if step and not end.acks_of([p for p in end.got if is_fin(p)]):
            out.append(line[:-1] + [(step, True), line[-1]])
    # The handshake's ACK is there and the end says nothing after it: taken, or not.
    third = [p for p in end.got if p.flags & ACK and not p.flags & (SYN | RST)]
    quiet = third and not any(p.n > third[0].n and not p.flags & (SYN | RST) for p in end.sent)
    if names and names[0] == "SYN_RECEIVED" and "ESTABLISHED" not in names and quiet:
        out.append(line[:1] + [("ESTABLISHED", True)] + line[1:])
    # FINs that are not in the capture: nobody can tell who closed first.
    if "TIME_WAIT" in names and not fins and "FIN_WAIT_1" in names:
        out.append(line[: names.index("FIN_WAIT_1")] + [("CLOSE_WAIT", False)])
    if "LAST_ACK" in names and fins and not any(is_fin(p) for p in peer.sent):
        at = names.index("LAST_ACK")
        out.append([x for x in line[:at] if x[0] != "CLOSE_WAIT"] + [("FIN_WAIT_1", False), ("FIN_WAIT_2", True)])
    return out


def passes_through(path, names):
    """Whether `names` stand in `path` in this order, others between them."""
    rest = iter(path)
    return all(n in rest for n in names)


def path_is_right(life, end, path):
    if not end.sent and not path:
        return True
    if not end.whole and passes_through(path, trimmed([s.name for s, why in zip(end.states, end.hidden) if not why])):
        return True
    for line in variants(life, end):
        names = [n for n, _ in line]
        if leaves_out(path, line) or trimmed(names) == path:
            return True
        if path and path[-1] == "CLOSED" and path[-2:-1] and path[-2] in ("TIME_WAIT", "FIN_WAIT_2", "SYN_RECEIVED") and \
                leaves_out(path[:-1], line):
            return True
        for cut in range(len(line), -1, -1):
            if any(not may for _, may in line[cut:]):
                break
            more = last_word(end, line[cut - 1][0] if cut else "CLOSED")
            if any(path[-k:] == more[:k] and leaves_out(path[:-k], line[:cut]) for k in range(1, len(more) + 1)):
                return True
    return False


def final_is_right(life, end, state, at):
    ok = end.in_force(at - TOLERANCE, at + TOLERANCE)
    # Going back over what the capture has no trace of.
    names = [s.name for s in end.states]
    for i in range(len(names) - 1, 0, -1):
        if names[i] in ok and end.hidden[i]:
            ok.add(names[i - 1])
    if names and names[0] in ok and end.hidden[0]:
        ok.add("CLOSED")
    if "CLOSING" in names:
        swap = {"FIN_WAIT_1": "LAST_ACK", "CLOSING": "LAST_ACK", "TIME_WAIT": "CLOSED"}
        ok |= {swap[s] for s in ok if s in swap}
        if not any(is_fin(p) for p in end.sent):
            ok.add("CLOSE_WAIT")
    return state in {"CLOSED" if s == "LISTEN" else s for s in ok}


def records_of(life, records):
    ends = {tuple(life.conn[e]) for e in ENDS}
    return [r for r in records if r["type"] == "connection" and
            {(r["client"]["ip"], r["client"]["port"]), (r["server"]["ip"], r["server"]["port"])} == ends]


def judge_ends(recording, records, verdict):
    taken = set()
    times = {p.n: p.t for p in recording.packets}
    for life in sorted((l for l in recording.lives if l.packets), key=lambda l: l.since):
        mine = [r for r in records_of(life, records) if id(r) not in taken]
        own = [r for r in mine if times.get(r["first_packet"], 0) <= life.packets[0].t + 0.1]
        record = (own or mine or [None])[-1]
        if record is None:
            verdict.wrong.append("%s: %s: not reported" % (recording.name, life.name()))
            verdict.ends += sum(e.judged for e in life.ends.values())
            continue
        taken.add(id(record))
        turned = record["client"]["port"] == life.conn["server"][1] and record["client"]["ip"] == life.conn["server"][0]
        for end in life.ends.values():
            if not end.judged:
                continue
            key = {"client": "server", "server": "client"}[end.which] if turned else end.which
            path = trimmed([s["state"] for s in record["path"][key]])
            verdict.ends += 1
            if path_is_right(life, end, path):
                verdict.right += 1
            else:
                verdict.wrong.append("%s: %s %s: kernel %s, lastack %s" % (
                    recording.name, life.name(), end.which,
                    " ".join("(%s)" % s.name if h else s.name for s, h in zip(end.states, end.hidden)) or "-", " ".join(path) or "-"))
            final = record.get("final", {}).get(key)
            if final and final["certain"] and recording.traced:
                verdict.certain += 1
                if not final_is_right(life, end, final["state"], times.get(record["last_packet"], life.packets[-1].t)):
                    verdict.certain_wrong.append("%s: %s %s: lastack is certain of %s" % (recording.name, life.name(), end.which,
                                                                                         final["state"]))


def judge_findings(recording, records, verdict):
    quality = next((r["quality"] for r in records if r["type"] == "capture"), {})
    conns = {c["id"]: c for c in recording.truth["connections"]}
    for e in recording.truth["expected"]:
        if not e["owed"] or not e["visible_in_capture"]:
            continue
        verdict.owed += 1
        about = records
        if e["conn"] is not None:
            ends = {tuple(conns[e["conn"]][x]) for x in ENDS}
            about = [r for r in records if r["type"] == "connection" and
                     {(r[x]["ip"], r[x]["port"]) for x in ENDS} == ends]
        said = [f for r in about for f in r.get("findings", [])]
        if not e["codes"]:
            loud = [f["code"] for f in said if f["severity"] in LOUD]
            odd = [r["id"] for r in about if r["type"] == "connection" and
                   (r["handshake"]["result"], r["teardown"]["result"]) != ("complete", "fin")]
            if loud or odd:
                verdict.wrong.append("%s: a clean close has %s" % (recording.name, loud or "connections %s that are not" % odd))
            else:
                verdict.found += 1
            continue
        hits = [f for f in said if f["code"] in e["codes"]]
        counted = {"duplicate-packets": "duplicate_packets", "capture-loss": "missed_segments"}.get(e["codes"][0])
        if any(f["blame"] in e["blame_accepted"] for f in hits) or (counted and quality.get(counted)):
            verdict.found += 1
        else:
            verdict.wrong.append("%s: expected %s (%s), said %s" % (
                recording.name, "/".join(e["codes"]), "/".join(e["blame_accepted"]),
                ", ".join(sorted({"%s (%s)" % (f["code"], f["blame"]) for f in said})) or "nothing"))
        for f in hits:
            others = [x for x in recording.truth["expected"] if f["code"] in x["codes"]]
            if f["confidence"] == "certain" and not any(f["blame"] in x["blame_accepted"] for x in others):
                verdict.certain_wrong.append("%s: %s is certain, and blames %s" % (recording.name, f["code"], f["blame"]))


def judge(lastack, stem):
    recording = Recording(stem)
    records = run(lastack, recording)
    verdict = Verdict()
    judge_ends(recording, records, verdict)
    judge_findings(recording, records, verdict)
    return verdict


def tell(verdicts):
    """Prints the figures; returns them together."""
    total = Verdict()
    for v in verdicts:
        total.add(v)
    for text in total.wrong:
        print("  " + text)
    for text in total.certain_wrong:
        print("  CERTAIN AND WRONG: " + text)
    print("%d endpoint paths, %.2f %% right; %d certain final states, %d certain statements wrong; %d of %d expected findings" % (
        total.ends, total.share(), total.certain, len(total.certain_wrong), total.found, total.owed))
    return total
