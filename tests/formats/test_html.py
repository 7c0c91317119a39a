#!/usr/bin/env python3
"""`-o html`: one page that is whole in itself, whatever names and counts it is given. Read by two strict parsers that know nothing of lastack.

    test_html.py LASTACK SAMPLES_FOLDER CLI_TESTS_FOLDER
"""
import base64
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET

LASTACK = SAMPLES = None
VOID = {"meta", "input", "br"}
KNOWN = VOID | set("html head title style body header h1 h2 h3 h4 main p strong ul li table thead tbody tr th td time div span code a article details "
                   "summary pre b i button footer script svg rect".split())

HOSTILE = {
    "markup": b"<script>alert(1)</script>&amp;\"'.pcapng".replace(b"/", b"\\"),
    "attribute": b"a\" onload=\"alert(1).pcapng",
    "comment": b"a--><!--]]>.pcapng",
    "style": b"<style>body{display:none}<img src=x onerror=alert(1)>.pcapng",
    "control": b"a\x1b[31m\x07\x7f\n.pcapng",
    "not UTF-8": b"a\xff\xfe\xc3.pcapng",
    "right to left": "a\u202egnp.pcapng".encode(),
}


class Strict(html.parser.HTMLParser):
    """Tags that are known, balanced and nested; ids once; nothing that leaves the page or acts by itself."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.words = [], [], [], []

    def handle_starttag(self, tag, attributes):
        assert tag in KNOWN, tag
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), names
        for name, value in attributes:
            assert not name.startswith("on") and name not in ("src", "style", "srcset", "action"), name
            if name == "id":
                self.ids.append(value)
            if name == "href":
                assert value.startswith("#"), value
                self.links.append(value[1:])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)


class HtmlTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)

    def run_lastack(self, *arguments, code=0):
        environment = dict(os.environ, TZ="UTC", LC_ALL="C")
        done = subprocess.run([LASTACK, *arguments], capture_output=True, timeout=60, check=False, env=environment, cwd=self.dir)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.decode("utf-8")

    def page(self, *arguments, **more):
        """The page, parsed by both: its tree and its words."""
        text = self.run_lastack("-o", "html", *arguments, **more)
        return self.parsed(text)

    def parsed(self, text):
        self.assertTrue(text.startswith("<!DOCTYPE html>\n<html lang=\"en\">"))
        strict = Strict()
        strict.feed(text)
        strict.close()
        self.assertEqual(strict.open, [])
        self.assertEqual(len(strict.ids), len(set(strict.ids)))
        self.assertLessEqual(set(strict.links), set(strict.ids))
        tree = ET.fromstring(text.split("\n", 1)[1])
        return tree, re.sub(r"\s+", " ", "".join(strict.words)), text

    def sample(self, name):
        return str(pathlib.Path(SAMPLES) / f"{name}.pcapng")

    def samples(self):
        return sorted(map(str, pathlib.Path(SAMPLES).glob("*.pcapng")))

    def records(self, *arguments):
        return [json.loads(line) for line in self.run_lastack("-o", "ndjson", *arguments).splitlines()]


class Page(HtmlTest):
    def test_every_sample(self):
        for path in self.samples():
            with self.subTest(path):
                _, words, _ = self.page(path)
                for record in self.records(path):
                    for finding in record.get("findings", []):
                        if finding["severity"] != "note":
                            self.assertIn(finding["summary"], words)

    def test_nothing_from_outside_the_page(self):
        _, _, text = self.page(*self.samples())
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        self.assertNotRegex(text, r"<(link|img|iframe|object|base)\b")
        script = re.search(r"<script>(.*?)</script>", text, re.S).group(1)
        hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)
        self.assertEqual(policy, f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'")
        self.assertLess(text.index("Content-Security-Policy"), text.index("<style>"))

    def test_it_can_be_read_without_script(self):
        """What only the script can do is hidden until it runs; what a reader needs is not."""
        tree, _, _ = self.page(self.sample("close-wait-leak"))
        hidden = [element.tag for element in tree.iter() if element.get("hidden") is not None]
        self.assertEqual(set(hidden), {"input", "button"})

    def test_numbers_agree_with_the_records(self):
        tree, words, _ = self.page(*self.samples())
        (summary,) = [r for r in self.records(*self.samples()) if r["type"] == "summary"]
        tables = {h3.text: {row[0].text: (int(row[1].text), row[2].text, float(row[3][0][1].get("width"))) for row in div.iter("tr")}
                  for div in tree.iter("div") for h3 in div.findall("h3") if h3.text in ("opened", "closed")}
        for title, key in (("opened", "by_handshake"), ("closed", "by_teardown")):
            self.assertEqual({name: row[0] for name, row in tables[title].items()}, {n: c for n, c in summary[key].items() if c})
            for count, share, width in tables[title].values():
                self.assertEqual(share, "%.1f %%" % (100 * count / summary["connections"]))
                self.assertAlmostEqual(width, 160 * count / summary["connections"], delta=0.1)
        self.assertIn("15 errors and 5 warnings on 20 of 37 connections.", words)

    def test_worst_first(self):
        tree, _, _ = self.page(*self.samples())
        order = [article.get("class") for article in tree.iter("article") if article.get("id")]
        self.assertEqual(order, sorted(order))  # is-error before is-warning
        self.assertGreater(order.count("is-warning"), 2)
        glance = [a.get("href")[1:] for ul in tree.iter("ul") if ul.get("class") == "glance" for a in ul.iter("a")]
        self.assertEqual(glance, [article.get("id") for article in tree.iter("article") if article.get("id")])

    def test_a_card(self):
        tree, _, _ = self.page("-Y", "server.port > 1", self.sample("close-wait-leak"))
        (card,) = [a for a in tree.iter("article") if a.get("id") == "close-wait-leak-error"]
        copied = ["".join(div.find("code").itertext()) for div in card.iter("div") if div.get("class") == "copy"]
        self.assertEqual(copied, [f"lastack show {self.sample('close-wait-leak')} --conn 1", "ip.addr==10.9.0.1 && tcp.port==55308 && tcp.port==8888",
                                  "frame.number in {6, 7}"])
        self.assertIn("server-application", "".join(card.itertext()))
        (explained,) = card.findall("details")
        self.assertEqual([h4.text for h4 in explained.iter("h4")][:3], ["What it means", "How it is detected", "What causes it"])
        self.assertTrue(any("lsof -nP" in pre.text for pre in explained.iter("pre")))

    def test_a_ladder(self):
        tree, _, _ = self.page(self.sample("close-wait-leak"))
        (ladder,) = [t for t in tree.iter("table") if t.get("class") == "ladder"]
        rows = [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in ladder.find("tbody")]
        (record,) = [r for r in self.records(self.sample("close-wait-leak")) if r["type"] == "connection"]
        steps = {(side, step["packet"]): step["state"] for side in ("client", "server") for step in record["path"][side]}
        shown = {}
        for row, cells in zip(ladder.find("tbody"), rows):
            for side, at in (("client", 2), ("server", 4)):
                if "now" in row[at].get("class"):
                    shown[side, int(cells[0])] = cells[at].rstrip("?")
        self.assertEqual(shown, steps)
        self.assertEqual([int(row[0]) for row in rows if "FIN" in row[3]], [6])
        self.assertEqual([int(row[0].text) for row in ladder.find("tbody") if row.get("class") == "proof"], [6, 7])
        self.assertTrue(rows[0][3].endswith("SYN ▶"))
        self.assertTrue(rows[1][3].startswith("◀ SYN,ACK"))

    def test_repeated_packets_name_the_first(self):
        _, words, _ = self.page(self.sample("unanswered-syn"))
        self.assertIn("retransmission of 1", words)
        self.assertNotIn("retransmission of 2", words)

    def test_no_more_than_twenty_and_not_all_of_one_kind(self):
        refused = [f for i in range(60) for f in (cli.segment(0, cli.SYN, 1, 0, ports=(41000 + i, 81 + i)),
                                                  cli.segment(1, cli.RST | cli.ACK, 0, 2, ports=(41000 + i, 81 + i)))]
        (self.dir / "in.pcap").write_bytes(cli.pcap(refused))
        tree, _, _ = self.page("in.pcap", *self.samples())
        ladders = [a for a in tree.iter("article") if not a.get("id")]
        self.assertGreater(len(ladders), 12)
        self.assertLessEqual(len(ladders), 20)
        self.assertEqual(sum("connection-refused" in "".join(a.itertext()) for a in ladders), 3)
        order = [a.get("class") for a in ladders]
        self.assertEqual(order, sorted(order))

    def test_hosts(self):
        frames = [f for port in range(41000, 41012) for f in (cli.segment(0, cli.SYN, 1, 0, ports=(port, 81)),
                                                              cli.segment(1, cli.RST | cli.ACK, 0, 2, ports=(port, 81)))]
        (self.dir / "in.pcap").write_bytes(cli.pcap(frames))
        tree, words, _ = self.page("in.pcap")
        (card,) = [a for a in tree.iter("article") if a.get("id") == "host-0"]
        self.assertIn("refused-burst", "".join(card.itertext()))
        self.assertIn("It sums up findings of 12 single connections", words)
        self.assertEqual([a.get("id") for a in tree.iter("article") if a.get("id")], ["host-0"])

    def test_same_bytes_again(self):
        self.assertEqual(self.page(*self.samples())[2], self.page(*self.samples())[2])

    def test_many_services(self):
        """Kinds stay cards with a bounded number of rows; the rest is counted."""
        template = cli.segment(0, cli.SYN, 7, 0)
        record = struct.pack("<IIII", cli.EPOCH, 0, len(template), len(template))
        later = struct.pack("<IIII", cli.EPOCH + 1, 0, len(template), len(template))
        last = struct.pack("<IIII", cli.EPOCH + 60, 0, len(template), len(template))
        syns = [template[:26] + struct.pack("!I", 0x0B000000 + i) + struct.pack("!I", 0x0C000000 + i) + template[34:] for i in range(3000)]
        (self.dir / "in.pcap").write_bytes(cli.pcap_header() + b"".join(record + s for s in syns) + b"".join(later + s for s in syns) + last + template)
        _, words, text = self.page("in.pcap")
        self.assertRegex(words, r"\.\.\. and \d{4} more services")
        self.assertLess(len(text), 200_000)


class Kinds(HtmlTest):
    def test_hostile_names(self):
        for kind, name in HOSTILE.items():
            with self.subTest(kind):
                shutil.copy(self.sample("close-wait-leak"), os.path.join(os.fsencode(self.dir), name))
                tree, _, text = self.page(name)
                self.assertEqual(len(re.findall(r"<script", text)), 1)
                self.assertNotIn("\x1b", text)
                self.assertNotIn("\u202e", text)
                self.assertIn("pcapng", tree.find("head/title").text)

    def test_nothing_there(self):
        (self.dir / "empty.pcap").write_bytes(cli.pcap([]))
        self.assertIn("No TCP connections to report.", self.page("empty.pcap")[1])
        _, words, text = self.page(self.sample("clean-close"))
        self.assertIn("No problems found in 1 connection.", words)
        self.assertNotIn("What is wrong", words)
        self.assertNotIn("<ul class=\"glance\">", text)
        self.page("nowhere.pcap", code=3)

    def test_a_cut_capture_says_so(self):
        (self.dir / "cut.pcap").write_bytes(cli.pcap(cli.clean_connection())[:-5])
        self.assertIn("It broke off: cut off in the middle of packet 9", self.page("cut.pcap", code=4)[1])

    def test_standard_input(self):
        done = subprocess.run([LASTACK, "-o", "html", "-"], input=pathlib.Path(self.sample("refused")).read_bytes(), capture_output=True, timeout=60, check=True)
        self.assertIn("TCP connections: standard input", self.parsed(done.stdout.decode())[1])

    def test_a_policy(self):
        (self.dir / "p.lastack").write_text("[allow connection-refused]\nreason = <b>known</b>\n", encoding="utf-8")
        _, words, _ = self.page("--policy", "p.lastack", self.sample("refused"))
        self.assertIn("<b>known</b>", words)
        self.assertNotIn("ERROR", words)
        text = self.run_lastack("check", "-o", "html", self.sample("close-wait-leak"), code=1)
        self.assertIn("Policy: FAIL", self.parsed(text)[1])

    def test_xmllint(self):
        if shutil.which("xmllint") is None:
            self.skipTest("there is no xmllint")
        text = self.run_lastack("-o", "html", *self.samples())
        done = subprocess.run(["xmllint", "--html", "--noout", "-"], input=text.encode(), capture_output=True, timeout=60, check=False)
        wrong = [line for line in done.stderr.decode().splitlines() if "parser error" in line]
        # it knows HTML 4: the elements of HTML 5 are new to it
        self.assertEqual([line for line in wrong if not re.search(r"Tag (header|main|article|details|summary|footer|time|svg|rect) invalid", line)], [])


if __name__ == "__main__":
    LASTACK, SAMPLES = os.path.abspath(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, sys.argv[3])
    import cli
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
