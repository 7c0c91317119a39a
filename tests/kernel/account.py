"""account.py: a recording of the laboratory (NAME.pcapng and NAME.json) as connections with packets and the kernel's states in
RFC 9293's words, and which of those states the capture can show.

A recording knows more than a capture: what was dropped before the point of capture, and when each socket changed its state. A state is
`hidden` when the capture cannot show that it was entered: its packet is not there, or nothing tells whether a packet arrived."""
import collections
import json
import struct

FIN, SYN, RST, ACK = 1, 2, 4, 16
ENDS = ("client", "server")
WORDS = {"SYN_SENT": "SYN_SENT", "SYN_RECV": "SYN_RECEIVED", "req:SYN_RECV": "SYN_RECEIVED", "NEW_SYN_RECV": "SYN_RECEIVED",
         "ESTABLISHED": "ESTABLISHED", "FIN_WAIT1": "FIN_WAIT_1", "FIN_WAIT2": "FIN_WAIT_2", "tw:FIN_WAIT2": "FIN_WAIT_2",
         "CLOSING": "CLOSING", "CLOSE_WAIT": "CLOSE_WAIT", "LAST_ACK": "LAST_ACK", "TIME_WAIT": "TIME_WAIT",
         "tw:TIME_WAIT": "TIME_WAIT", "CLOSE": "CLOSED", "GONE": "CLOSED", "LISTEN": "LISTEN"}
SLACK = 0.06  # a state entered this long before the recording's end need not be seen
NEAR = 0.15   # between a packet at the point of capture and what it does at an end

Packet = collections.namedtuple("Packet", "n t src dst seq ack flags payload")
State = collections.namedtuple("State", "name since until")  # since <= entered <= until


def address(raw):
    if len(raw) == 4:
        return ".".join(str(b) for b in raw)
    import ipaddress
    return str(ipaddress.ip_address(raw))


def segment(n, t, frame):
    """The TCP segment of an Ethernet frame, or None."""
    if len(frame) < 34:
        return None
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 6:
        tcp, total = 14 + (frame[14] & 15) * 4, 14 + struct.unpack_from("!H", frame, 16)[0]
        src, dst = frame[26:30], frame[30:34]
    elif kind == b"\x86\xdd" and len(frame) >= 54 and frame[20] == 6:
        tcp, total = 54, 54 + struct.unpack_from("!H", frame, 18)[0]
        src, dst = frame[22:38], frame[38:54]
    else:
        return None
    if len(frame) < tcp + 14:
        return None
    sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, tcp)
    payload = max(0, total - tcp - (offset >> 4) * 4)
    return Packet(n, t, (address(src), sport), (address(dst), dport), seq, ack, flags & 63, payload)


def read_capture(path):
    """The TCP segments of a pcapng file as the laboratory writes it: one interface, times in nanoseconds."""
    with open(path, "rb") as f:
        data = f.read()
    packets, at, n = [], 0, 0
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            n += 1
            high, low, captured = struct.unpack_from("<III", data, at + 12)
            one = segment(n, ((high << 32) | low) / 1e9, data[at + 28 : at + 28 + captured])
            if one:
                packets.append(one)
        at += size
    return packets


def covers(ack, number):
    return ((ack - number) & 0xffffffff) < 1 << 24


def end_of(p):
    return (p.seq + p.payload + bool(p.flags & SYN) + bool(p.flags & FIN)) & 0xffffffff


def is_syn(p):
    return p.flags & SYN and not p.flags & ACK


def is_syn_ack(p):
    return p.flags & SYN and p.flags & ACK


def is_fin(p):
    return p.flags & FIN and not p.flags & RST


class End:
    """One end of one life of a four-tuple."""

    def __init__(self, which, me):
        self.which, self.me = which, me
        self.states = []  # [State], without repeats
        self.hidden = []  # for each: why the capture cannot show it, or ""
        self.sent, self.got = [], []
        self.judged, self.why_not = True, ""
        self.whole = True  # the account has every state

    def acks_of(self, fins):
        """Those of its packets that acknowledge one of the peer's FINs."""
        return [p for p in self.sent if p.flags & ACK and not p.flags & RST and any(covers(p.ack, end_of(f)) for f in fins)]

    def in_force(self, early, late):
        """The states that it may have been in at some time from early to late."""
        found = set()
        if not self.states or early <= self.states[0].until:
            found.add("CLOSED")
        for i, s in enumerate(self.states):
            over = self.states[i + 1].until if i + 1 < len(self.states) else float("inf")
            if s.since <= late and early <= over:
                found.add(s.name)
        return found


class Life:
    """One life of a four-tuple: from a SYN to the next."""

    def __init__(self, conn, since):
        self.conn, self.since = conn, since
        self.ends = {e: End(e, tuple(conn[e])) for e in ENDS}
        self.packets = []

    def name(self):
        return "%s:%d > %s:%d" % (*self.conn["client"], *self.conn["server"])

    def peer(self, end):
        return self.ends["server" if end.which == "client" else "client"]


class Recording:
    def __init__(self, stem):
        with open(stem + ".json", encoding="utf-8") as f:
            self.truth = json.load(f)
        self.capture = stem + ".pcapng"
        self.name = self.truth["scenario"]
        self.packets = read_capture(self.capture)
        self.start, self.stop = (self.truth["captures"][0][k] for k in ("t_start", "t_stop"))
        self.traced = self.truth["clock"]["trace_clock"] is not None  # else short states may be missing from the account
        self.late = self.truth["clock"]["diag_period"] + 0.03
        self.lives = []
        by_ends = collections.defaultdict(list)
        for p in self.packets:
            by_ends[frozenset((p.src, p.dst))].append(p)
        for conn in self.truth["connections"]:
            self.lives += self.lives_of(conn, by_ends[frozenset((tuple(conn["client"]), tuple(conn["server"])))])
        for life in self.lives:
            for end in life.ends.values():
                end.whole = self.traced
                self.look(life, end)

    # ---- lives and their states ---------------------------------------------------------------------------------------
    def lives_of(self, conn, packets):
        rows = sorted((r for r in conn["states"] if r["old"] != r["new"]), key=lambda r: r["t"])
        parts = {}
        for end in ENDS:
            parts[end], spent = [], True
            for r in (r for r in rows if r["end"] == end):
                begins = r["new"] == "SYN_SENT" or r["new"] == "req:SYN_RECV" or (r["old"], r["new"]) == ("LISTEN", "SYN_RECV")
                if not parts[end] or (begins and spent):
                    parts[end].append([])
                    spent = False
                parts[end][-1].append(r)
                spent = spent or r["new"] not in ("SYN_SENT", "SYN_RECV", "req:SYN_RECV")
        starts = [p[0]["t"] for p in parts["client"] or parts["server"]] or [self.start]
        # An attempt that nothing answered, tried again from the same port, is one connection with another ISN.
        for i in range(len(starts) - 1, 0, -1):
            before = [p for p in packets if starts[i - 1] - 0.002 <= p.t < starts[i] - 0.002]
            if before and all(is_syn(p) for p in before):
                del starts[i]
                parts["client"][i - 1 : i + 1] = [parts["client"][i]]
        lives = [Life(conn, t) for t in starts]
        for end in ENDS:
            for part in parts[end]:
                owner = max((l for l in lives if l.since <= part[0]["t"] + 0.02), key=lambda l: l.since, default=lives[0])
                owner.ends[end].states += self.states_of(part)
        for i, life in enumerate(lives):
            last = lives[i + 1].since - 0.002 if i + 1 < len(lives) else float("inf")
            life.packets = [p for p in packets if (i == 0 or p.t >= life.since - 0.002) and p.t < last]
            for end in life.ends.values():
                end.sent = [p for p in life.packets if p.src == end.me]
                end.got = [p for p in life.packets if p.dst == end.me]
                if conn.get("forged") == end.which:
                    end.judged, end.why_not = False, "no kernel: the path made it up"
                elif not life.packets:
                    end.judged, end.why_not = False, "not in the capture"
        return lives

    def states_of(self, rows):
        out = []
        for i, r in enumerate(rows):
            new, t = r["new"], r["t"]
            since, until = (t, t) if r["src"] != "diag" else (t - self.late, t)
            if r.get("bucket"):
                new = r["bucket"]
                until = max([t] + [x["t"] for x in rows[i + 1 : i + 3] if x["new"] == new])
            name = WORDS[new]
            if new == "GONE" and self.traced and out and out[-1].name not in ("SYN_RECEIVED", "FIN_WAIT_2", "TIME_WAIT"):
                continue
            if out:
                since = max(since, out[-1].since)
            if not out or out[-1].name != name:
                out.append(State(name, since, max(since, until)))
        return out

    # ---- what the capture can show ------------------------------------------------------------------------------------
    def look(self, life, end):
        peer = life.peer(end)
        if end.judged and not end.states and any(is_syn_ack(p) for p in end.sent):
            end.states = [State("SYN_RECEIVED", 0, 0)]  # a SYN cookie: a SYN-ACK, and no socket
            end.hidden = ["a SYN cookie"]
            return
        # A TIME_WAIT that the kernel did not keep, or that a dump did not see.
        for i in range(len(end.states) - 1, 0, -1):
            if end.states[i].name == "CLOSED" and end.states[i - 1].name in ("FIN_WAIT_2", "CLOSING") and \
                    end.acks_of([p for p in end.got if is_fin(p)]):
                end.states.insert(i, end.states[i]._replace(name="TIME_WAIT"))
                end.hidden.append(i)
        skipped = set(end.hidden)
        end.hidden = ["the kernel kept no TIME_WAIT" if i in skipped else self.hidden(life, end, peer, i)
                      for i in range(len(end.states))]

    def hidden(self, life, end, peer, i):
        s = end.states[i]
        before = end.states[i - 1].name if i else ""
        if not life.packets:
            return "not in the capture"
        last = life.packets[-1].t
        if s.since > self.stop - SLACK or (s.since > last - 0.005 and self.stop - last < 0.25):
            return "at the recording's end"
        if s.since < life.packets[0].t - 0.05 and not any(is_syn(p) for p in life.packets):
            return "before the capture"
        my_fins, his_fins = [p for p in end.sent if is_fin(p)], [p for p in end.got if is_fin(p)]
        mine, his = "its own packet is not in the capture", "the peer's packet is not in the capture"
        if s.name == "SYN_SENT":
            return "" if any(is_syn(p) for p in end.sent) else mine
        if s.name == "SYN_RECEIVED":
            return "" if any(is_syn_ack(p) for p in end.sent) else mine
        if s.name == "ESTABLISHED" and before == "SYN_SENT":
            answers = [p for p in end.sent if not is_syn(p)]
            syn_acks = [p for p in end.got if is_syn_ack(p)]
            if not syn_acks and not answers:
                return his
            return "" if answers or len(syn_acks) == 1 else "nothing of its answers is in the capture"
        if s.name == "ESTABLISHED":
            third = [p for p in end.got if p.flags & ACK and not p.flags & (SYN | RST)]
            return "" if third else his
        if s.name in ("FIN_WAIT_1", "LAST_ACK"):
            if not my_fins:
                return mine
            ended = [p for p in end.got if p.flags & RST and i + 1 < len(end.states) and end.states[i + 1].name == "CLOSED" and
                     abs(p.t - end.states[i + 1].since) < NEAR]
            return "a FIN that crosses a RST" if ended and my_fins[0].n > ended[0].n else ""
        if s.name == "FIN_WAIT_2":
            acks = [p for p in peer.acks_of(my_fins) if p.t <= s.until + 0.02]
            if not acks:
                return his
            return "its FIN came again after every ACK" if any(f.t > acks[-1].t for f in my_fins) else ""
        if s.name in ("CLOSE_WAIT", "CLOSING", "TIME_WAIT"):
            if not his_fins or (s.name == "TIME_WAIT" and before == "CLOSING" and not peer.acks_of(my_fins)):
                return his
            again = len(his_fins) > 1 or any(p.t > his_fins[0].t and p.payload for p in end.got)
            return "a FIN that came again and was never acknowledged" if again and not end.acks_of(his_fins) else ""
        if s.name == "CLOSED":
            if before != "TIME_WAIT" and any(p.flags & RST and p.t >= s.since - 0.015 for p in end.sent):
                return ""
            if before != "TIME_WAIT" and any(p.flags & RST and s.since - NEAR <= p.t <= s.until + 0.015 for p in end.got):
                return ""
            if before == "LAST_ACK" and any(s.since - NEAR <= p.t <= s.until + 0.015 for p in peer.acks_of(my_fins)):
                return ""
            return "closed in silence"
        return ""
