"""When could it be known? Asked of the analysis of files, which knows nothing of how a live capture decides: of the packets up to a moment, with
the observation ending at that moment, for one moment after another. The packets are those of one experiment of the laboratory, so that
each question costs a few milliseconds."""
import ipaddress
import json
import struct
import subprocess
from datetime import datetime, timezone

PRECISION = 20_000_000  # ns: two moments that are nearer to one another are not told apart


def nanoseconds(text):
    """Of an RFC 3339 time, since the epoch."""
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def slot_of(address):
    """Which experiment has an address: (N, family) of 10.21.N.1 or fd00:21::N:1; None: it is not one of the laboratory."""
    packed = ipaddress.ip_address(address).packed
    if len(packed) == 4 and packed[0] == 10 and packed[1] in (21, 22, 23, 24):
        return packed[2], 4
    if len(packed) == 16 and packed[:2] == b"\xfd\x00" and packed[3] in (0x21, 0x22, 0x23, 0x24):
        return packed[13], 6
    return None


def slots_of_frame(frame):
    kind = frame[12:14]
    if kind == b"\x08\x00":
        ends = frame[26:30], frame[30:34]
    elif kind == b"\x86\xdd":
        ends = frame[22:38], frame[38:54]
    else:
        return set()
    return {slot_of(end) for end in ends} - {None}


class Recording:
    """The packets of one experiment: [(nanoseconds, block of the file)]."""

    def __init__(self, head):
        self.head, self.blocks = head, []

    def until(self, moment):
        return self.head + b"".join(block for at, block in self.blocks if at <= moment)


def split(path):
    """{slot: Recording} of a pcapng file that lastack wrote: one section, nanoseconds."""
    with open(path, "rb") as f:
        data = f.read()
    at, head, found = 0, b"", {}
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        block = data[at:at + size]
        at += size
        if kind in (0x0A0D0D0A, 1):
            head += block
        elif kind == 6:
            _, high, low, kept, _ = struct.unpack_from("<IIIII", block, 8)
            for slot in slots_of_frame(block[28:28 + kept]):
                found.setdefault(slot, Recording(head)).blocks.append(((high << 32) | low, block))
    return found


def who_of(record):
    """Whom a connection's or host's record speaks of: the ends and when the connection began, or the subject. None: nobody."""
    if record["type"] == "connection":
        return frozenset((record[end]["ip"], record[end]["port"]) for end in ("client", "server")), record["start"]
    return json.dumps(record["subject"], sort_keys=True) if record["type"] == "host" else None


def findings_of(records):
    """{(who, code)}"""
    return {(who_of(r), f["code"]) for r in records if who_of(r) for f in r["findings"]}


class Oracle:
    def __init__(self, binary, recording, options):
        self.command = [binary, "-", "-o", "ndjson", *options]
        self.recording, self.answers = recording, {}

    def said(self, moment):
        """{(who, code)} that the analysis says of the packets up to `moment` when nothing is known of what came after it."""
        if moment not in self.answers:
            done = subprocess.run(self.command + ["--observed-until", "%d.%09d" % divmod(moment, 10**9)],
                                  input=self.recording.until(moment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode != 0:
                raise RuntimeError("lastack ended with %d: %s" % (done.returncode, done.stderr.decode()))
            self.answers[moment] = findings_of([json.loads(line) for line in done.stdout.splitlines()])
        return self.answers[moment]

    def search(self, moments):
        """Asks until each change of the answers between two of `moments` is known to PRECISION. (What comes and goes between two
        moments of the same answer is not seen, so give some more than the ends.)"""
        moments = sorted(set(moments))
        work = list(zip(moments, moments[1:]))
        while work:
            a, b = work.pop()
            if b - a > PRECISION and self.said(a) != self.said(b):
                work += [(a, (a + b) // 2), ((a + b) // 2, b)]

    def since(self, key, told):
        """From when on the analysis said `key` up to the moment `told`, which must be one that was asked about. None: it does not."""
        found = None
        for moment in sorted((m for m in self.answers if m <= told), reverse=True):
            if key not in self.answers[moment]:
                break
            found = moment
        return found
