#!/usr/bin/env python3
"""`lastack check`: a gate that says by its exit code whether captures keep a policy, and that cannot pass by accident."""
import json
import os

import cli
from cli import ACK, CliTest, FIN, PSH, RST, SYN, clean_connection, pcap, pcap_header, pcap_record, segment


def timed(steps, ports=(40001, 8888)):
    """A capture of (second, frame arguments)."""
    return pcap_header() + b"".join(pcap_record(segment(*step, ports=ports), at) for at, *step in steps)


OPENING = [(0, 0, SYN, 100, 0), (0, 1, SYN | ACK, 300, 101), (0, 0, ACK, 101, 301), (0, 0, PSH | ACK, 101, 301, b"ping"),
           (0, 1, PSH | ACK, 301, 105, b"pong!"), (1, 0, ACK, 105, 306)]
LEAK = timed(OPENING + [(2, 0, FIN | ACK, 105, 306), (2, 1, ACK, 306, 106)])
RESET = timed(OPENING + [(2, 0, RST | ACK, 105, 306)])
CLEAN = timed(OPENING + [(2, 0, FIN | ACK, 105, 306), (2, 1, ACK, 306, 106), (2, 1, FIN | ACK, 306, 106), (2, 0, ACK, 106, 307)])
LATER = str(cli.EPOCH + 100)


class CheckTest(CliTest):
    def setUp(self):
        super().setUp()
        for name, data in [("clean.pcap", CLEAN), ("leak.pcap", LEAK), ("reset.pcap", RESET), ("empty.pcap", pcap([]))]:
            self.file(name, data)

    def policy(self, text, name=".lastack"):
        return self.file(name, text.encode())

    def check(self, code, *args, words=(), absent=()):
        result = self.expect(code, "check", "--color=never", *args)
        for word in words:
            self.assertIn(word, " ".join(result.text.split()), result)
        for word in absent:
            self.assertNotIn(word, result.text, result)
        return result


class Verdicts(CheckTest):
    def test_clean_passes(self):
        self.check(0, "clean.pcap", words=["PASS 1 connection of clean.pcap keeps the built-in policy."])

    def test_leak_fails(self):
        self.check(1, "leak.pcap", "--observed-until", LATER, words=[
            "FAIL 1 of 1 connection of leak.pcap breaks the built-in policy (2 cases).", "BROKEN close-wait-leak on 198.51.100.7:8888",
            "packets 7, 8", "blame server-application", "show lastack show --observed-until 2026-09-21T14:15:00Z leak.pcap --conn 1",
            "lastack explain close-wait-leak", "BROKEN unclosed on 198.51.100.7:8888: 1 connection of 1"])

    def test_shown_command_works(self):
        self.check(1, "leak.pcap", "--observed-until", LATER)
        self.assertIn("CLOSE_WAIT", self.expect(0, "show", "leak.pcap", "--conn", "1").text)

    def test_warnings_pass_unless_asked(self):
        self.check(0, "reset.pcap", words=["passes rst-abort"])
        self.check(1, "reset.pcap", "--fail-on", "warning", words=["BROKEN rst-abort"])
        self.check(0, "reset.pcap", "--fail-on", "never")

    def test_forbid_and_allow(self):
        self.check(1, "reset.pcap", "--forbid", "rst-abort", words=["forbidden by --forbid"])
        self.check(0, "reset.pcap", "--allow", "rst-abort", "--fail-on", "warning", words=["noise 1 suppressed by --allow"])
        self.check(1, "reset.pcap", "--allow", "rst-abort", "--forbid", "rst-abort", words=["BROKEN"])

    def test_expect(self):
        self.check(0, "clean.pcap", "--expect", 'share(teardown == "fin") >= 99%', words=["holds expect.option-1"])
        self.check(1, "reset.pcap", "--expect", 'fins=share(teardown == "fin") >= 99%', words=["BROKEN expect.fins on run", "0% (0 of 1)"])
        self.check(1, "clean.pcap", "--expect", "p99(duration) < 1s")

    def test_require(self):
        self.check(1, "reset.pcap", "--require", 'teardown == "fin"', words=["BROKEN require.option-1", "closed rst"])
        self.check(0, "clean.pcap", "--require", 'teardown == "fin"')

    def test_selected(self):
        """-Y chooses what is judged."""
        self.check(0, "clean.pcap", "reset.pcap", "--fail-on", "warning", "-Y", 'teardown == "fin"', words=["1 connection of 2"])
        self.check(1, "clean.pcap", "reset.pcap", "--fail-on", "warning")

    def test_quiet_and_verbose(self):
        self.assertEqual(len(self.check(0, "-q", "clean.pcap").text.splitlines()), 1)
        self.check(1, "-v", "leak.pcap", "--observed-until", LATER, words=["BROKEN"])

    def test_ndjson_is_that_of_analyze(self):
        self.assertEqual(self.check(0, "-o", "ndjson", "clean.pcap").out, self.expect(0, "-o", "ndjson", "clean.pcap").out)


class Unclosed(CheckTest):
    def test_half_closed_fails_before_any_finding_is_due(self):
        """The leak is only 4 s old: no finding is, but the connection is not closed."""
        self.check(1, "leak.pcap", "--observed-until", str(cli.EPOCH + 6), words=["BROKEN unclosed", "half-closed: client in FIN_WAIT_2, server in CLOSE_WAIT"])

    def test_settle(self):
        """Right after the last packet nothing is proved; that is said."""
        self.check(0, "leak.pcap", words=["still open when the capture ended, less than 2 s after its last packet"])
        self.check(1, "leak.pcap", "--settle", "0s")
        self.check(0, "leak.pcap", "--observed-until", str(cli.EPOCH + 6), "--settle", "10s")

    def test_words(self):
        until = ["--observed-until", str(cli.EPOCH + 6), "--allow", "close-wait-leak"]
        self.check(0, "leak.pcap", *until, "--unclosed", "warn", words=["passes unclosed"])
        self.check(0, "leak.pcap", *until, "--unclosed", "ignore", absent=["unclosed"])
        self.check(1, "leak.pcap", *until, "--unclosed", "fail")

    def test_closed_by_reset_is_closed(self):
        self.check(0, "reset.pcap", "--observed-until", LATER, absent=["unclosed"])

    def test_thresholds_are_scaled_down(self):
        """60 s of CLOSE_WAIT cannot be seen in 40 s."""
        self.check(1, "leak.pcap", "--observed-until", str(cli.EPOCH + 40), words=[
            "BROKEN close-wait-leak", "The capture is only 40 s long", "close-wait-leak from 60 s", "to 20 s"])
        self.check(1, "leak.pcap", "--observed-until", LATER, absent=["The capture is only"])
        # one that did close within the capture is judged by the threshold itself
        slow = timed(OPENING + [(2, 0, FIN | ACK, 105, 306), (2, 1, ACK, 306, 106), (32, 1, FIN | ACK, 306, 106), (32, 0, ACK, 106, 307)])
        self.file("slow.pcap", slow)
        self.check(0, "slow.pcap", words=["passes close-wait-slow"], absent=["close-wait-leak on"])


class NeverByAccident(CheckTest):
    def test_empty_capture(self):
        self.check(1, "empty.pcap", words=["BROKEN connections on run", "There is no packet in empty.pcap"])
        self.check(1, "clean.pcap", "empty.pcap", words=["There is no packet in empty.pcap"])
        self.check(0, "empty.pcap", "--allow-empty")

    def test_nothing_selected(self):
        self.check(1, "clean.pcap", "-Y", "server.port == 1", words=["none of 1 was selected"])
        self.check(1, "clean.pcap", "-f", "port 1")
        self.check(0, "clean.pcap", "-Y", "server.port == 1", "--allow-empty")

    def test_a_service_without_connections(self):
        self.policy("[service chat]\nwhere = server.port == 1\n")
        self.check(1, "clean.pcap", words=["BROKEN connections on chat", "server.port == 1"])
        self.policy("[service chat]\nwhere = server.port == 1\nallow-empty = yes\n")
        self.check(0, "clean.pcap")

    def test_expectations_of_nothing_fail(self):
        self.check(1, "clean.pcap", "--allow-empty", "-Y", "server.port == 1", "--expect", "p99(duration) < 5s", words=["BROKEN expect"])

    def test_no_capture(self):
        self.expect_line(2, "check", words=["no capture given"])

    def test_unreadable(self):
        self.expect(3, "check", "nowhere.pcap")
        self.expect(3, "check", "nowhere.pcap", "clean.pcap")
        self.expect(1, "check", "nowhere.pcap", "reset.pcap", "--fail-on", "warning")

    def test_truncated(self):
        self.file("cut.pcap", CLEAN + b"\0\0\0\0")
        self.check(4, "cut.pcap", words=["PARTLY", "NOT READ captures on run", "cut.pcap broke off"])
        self.check(0, "cut.pcap", "--allow-truncated", words=["PASS"])
        self.file("cut-leak.pcap", LEAK + b"\0\0\0\0")
        self.check(1, "cut-leak.pcap", "--observed-until", LATER)

    def test_policy_that_cannot_be_read(self):
        os.mkdir(os.path.join(self.dir, ".lastack"))
        self.expect_line(2, "check", "clean.pcap", words=[".lastack"])
        self.expect_line(2, "check", "clean.pcap", "--policy", "nowhere", words=["nowhere"])

    def test_a_reader_that_goes_away(self):
        """Half of the packets are no verdict: all are read, whoever still reads the report."""
        import subprocess  # noqa: PLC0415
        frames = [f for i in range(4000) for f in clean_connection(10000 + i)]
        big = pcap_header() + b"".join(pcap_record(f, i // 1000) for i, f in enumerate(frames))
        self.file("big.pcap", big + b"".join(pcap_record(segment(*step, ports=(9999, 8888)), 40 + at) for at, *step in OPENING))
        for form, code in [("ndjson", 1), ("text", 1)]:
            process = self.start("check", "-o", form, "big.pcap", "--observed-until", str(cli.EPOCH + 200), stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
            process.stdout.close()
            self.assertEqual(process.wait(60), code, form)

    def test_standard_input(self):
        self.assertEqual(self.expect(0, "check", "-", stdin=CLEAN).text.split(".")[0], "PASS     1 connection of standard input keeps the built-in policy")
        self.expect(1, "check", "-", "--observed-until", LATER, stdin=LEAK)
        self.expect(3, "check", "-", stdin=b"")

    def test_pieces_of_one_capture(self):
        """Under --sequence a leak is one, wherever the files were cut."""
        cut = 24 + (16 + 54) * 3  # the header, and the three segments of the handshake
        self.file("a.pcap", LEAK[:cut])
        self.file("b.pcap", pcap_header() + LEAK[cut:])
        self.check(1, "--sequence", "a.pcap", "b.pcap", "--observed-until", LATER, words=["1 of 1 connection of 2 captures", "close-wait-leak"])

    def test_output_that_cannot_be_written(self):
        self.expect(6, "check", "clean.pcap", "-o", "junit:/dev/full")
        self.expect(1, "check", "leak.pcap", "--observed-until", LATER, "-o", "junit:/dev/full")


class Policies(CheckTest):
    def bad(self, text, *words):
        self.policy(text)
        return self.expect_line(2, "check", "clean.pcap", words=(".lastack:", *words))

    def test_found_and_named(self):
        self.policy("[policy]\nfail-on = warning\n")
        self.check(1, "reset.pcap", words=["breaks .lastack", "(.lastack:2)"])
        self.check(0, "reset.pcap", "--policy", "@default", words=["keeps @default"])
        self.policy("[policy]\nforbid = no-data\n", "other")
        self.check(1, "reset.pcap", "--policy", "other", "--forbid", "rst-abort", words=["breaks other"])

    def test_key_twice(self):
        self.bad("[policy]\nfail-on = error\nsettle = 1s\nfail-on = never\n", ".lastack:4: 'fail-on' is there already, in line 2")
        self.bad("[policy]\n[service a]\nwhere = server.port == 1\n[policy]\n", ".lastack:4: section [policy] is there already, in line 1")

    def test_unknown_words(self):
        self.bad("[policy]\nsettel = 1s\n", ".lastack:2: unknown key 'settel' in [policy], did you mean 'settle'?")
        self.bad("[polcy]\n", "did you mean [policy]?")
        self.bad("[policy]\nforbid = close-wait-leek\n", "no finding is called 'close-wait-leek', did you mean 'close-wait-leak'?")
        self.bad("[policy]\nunclosed = maybe\n", "unclosed is fail, warn or ignore, not 'maybe'")
        self.bad("[policy]\nfail-on = errors\n", "fail-on is error, warning, note or never")
        self.bad("[policy]\nsettle = 5\n", "a time such as 2s")
        self.bad("[policy]\nthreshold.close-wait-leak = 5\n", ".lastack:2:", "a time such as 30s")
        self.bad("[policy]\nthreshold.close-wait-leek = 5s\n", "did you mean 'close-wait-leak'?")
        self.bad("[allow rst-abort]\nexpires = 2027-02-30\n", "expires is a day such as 2027-01-31")
        self.bad("[allow rst-abort]\nexpires = soon\n", "expires is a day")
        self.bad("[allow rst-abort]\nservice = chat\n", "there is no [service chat]")
        self.bad("[allow *]\nreason = all of it\n", "would allow everything")
        self.bad("[policy]\nallow = *\n", "would allow everything")
        self.bad("[service chat]\nfail-on = error\n", "has no 'where'")
        self.bad("[service chat]\nwhere = server.port == 1\nthreshold.close-wait-leak = 5s\n", "set it in [policy]")
        self.bad("[policy]\nexpect.rst-abort = count(true) == 0\n", "there is a case of that name already")
        self.bad("[policy]\nexpect.unclosed = count(true) == 0\n", "there is a case of that name already")
        self.bad("fail-on = error\n", "stands in no section")
        self.bad("[policy]\nfail-on error\n", "neither a section, a comment, nor KEY = VALUE")
        self.bad("[policy\n", "no closing bracket")

    def test_bad_expression(self):
        """The place is the file's line, the caret stands under the column."""
        self.policy("[service chat]\nwhere = server.prt == 8888\n")
        result = self.expect(2, "check", "clean.pcap")
        self.assertIn(".lastack:2: ", result.message)
        self.assertIn("server.port", result.message)
        self.assertIn("^", result.message)

    def test_no_text(self):
        self.file(".lastack", b"[policy]\n\xff\n")
        self.expect_line(2, "check", "clean.pcap", words=["not UTF-8"])
        self.file(".lastack", b"[policy]\n\0")
        self.expect_line(2, "check", "clean.pcap")
        self.file(".lastack", b"# " + b"x" * (1 << 20))
        self.expect_line(2, "check", "clean.pcap", words=["more than"])

    def test_expiry(self):
        """Through its last day an exception holds; after it the finding counts again, and the output says why."""
        self.policy("[policy]\nfail-on = warning\n[allow rst-abort]\nreason = known\nexpires = 2999-01-31\n")
        self.check(0, "reset.pcap", words=["1 suppressed by .lastack:3, expires 2999-01-31 (known): rst-abort"])
        self.policy("[policy]\nfail-on = warning\n[allow rst-abort]\nexpires = 2020-01-31\n")
        self.check(1, "reset.pcap", words=["(allow rst-abort) expired on 2020-01-31"])

    def test_where(self):
        self.policy("[policy]\nfail-on = warning\n[allow rst-abort]\nwhere = client.ip == 192.0.2.10\n")
        self.check(0, "reset.pcap")
        self.policy("[policy]\nfail-on = warning\n[allow rst-abort]\nwhere = client.ip == 192.0.2.99\n")
        self.check(1, "reset.pcap")
        self.policy("[policy]\nfail-on = warning\n[allow *]\nwhere = client.ip in 192.0.2.0/24\n")
        self.check(0, "reset.pcap")

    def test_examples_are_those_that_break(self):
        """Of the same code one connection only warns, and a later one is forbidden: that is the one to look at."""
        two = RESET + b"".join(pcap_record(segment(*step, ports=(40002, 8888)), at + 3) for at, *step in OPENING + [(2, 0, RST | ACK, 105, 306)])
        self.file("two.pcap", two)
        self.policy("[forbid rst-abort]\nwhere = client.port == 40002\n")
        result = self.check(1, "two.pcap", words=["BROKEN rst-abort", "--conn 2", "forbidden by .lastack:1"])
        self.assertNotIn("--conn 1", result.text)

    def test_services(self):
        self.file("other.pcap", timed(OPENING + [(2, 0, RST | ACK, 105, 306)], ports=(40001, 9999)))
        self.policy("[policy]\nfail-on = warning\n[service chat]\nwhere = server.port == 8888\nfail-on = error\n")
        self.check(0, "reset.pcap")
        self.check(1, "reset.pcap", "other.pcap", words=["BROKEN rst-abort on 198.51.100.7:9999"])
        self.policy("[policy]\nfail-on = warning\n[service chat]\nwhere = server.port == 8888\nallow = rst-abort\n")
        self.check(0, "reset.pcap")
        self.check(1, "reset.pcap", "other.pcap")

    def test_expectations_of_a_service(self):
        """Over its own connections only."""
        self.file("other.pcap", timed(OPENING + [(2, 0, RST | ACK, 105, 306)], ports=(40001, 9999)))
        self.policy("[service chat]\nwhere = server.port == 8888\nexpect.fins = share(teardown == \"fin\") == 100%\nrequire.fin = teardown == \"fin\"\n")
        self.check(0, "clean.pcap", "other.pcap", words=["holds expect.fins on chat"])
        self.policy("[policy]\nexpect.fins = share(teardown == \"fin\") == 100%\n[service chat]\nwhere = server.port == 8888\n")
        self.check(1, "clean.pcap", "other.pcap", words=["BROKEN expect.fins on run", "50% (1 of 2)"])
        self.policy("[policy]\nrequire.fin = teardown == \"fin\"\n[service chat]\nwhere = server.port == 8888\n")
        self.check(1, "clean.pcap", "other.pcap", words=["BROKEN require.fin on 198.51.100.7:9999"], absent=["on chat"])

    def test_command_line_over_file(self):
        self.policy("[policy]\nfail-on = warning\n[service chat]\nwhere = server.port == 8888\n")
        self.check(0, "reset.pcap", "--fail-on", "error")

    def test_forbid_capture_and_host(self):
        """`forbid` reaches findings about the capture and about hosts."""
        midstream = pcap(clean_connection()[3:])
        self.file("midstream.pcap", midstream)
        self.check(1, "midstream.pcap", "--forbid", "midstream", words=["BROKEN midstream on run"])
        frames = [f for i in range(5) for f in [segment(0, SYN, 100, 0, ports=(41000 + i, 8888)), segment(1, RST | ACK, 0, 101, ports=(41000 + i, 8888))]]
        self.file("refused.pcap", pcap(frames))
        self.check(1, "refused.pcap", "--fail-on", "never", "--forbid", "refused-burst", words=["BROKEN refused-burst on 198.51.100.7:8888"])
        self.check(0, "refused.pcap", "--allow", "connection-refused", "--allow", "refused-burst", words=["noise"])

    def test_thresholds(self):
        self.policy("[policy]\nthreshold.close-wait-slow = 1s\nfail-on = warning\n")
        slow = timed(OPENING + [(2, 0, FIN | ACK, 105, 306), (2, 1, ACK, 306, 106), (4, 1, FIN | ACK, 306, 106), (4, 0, ACK, 106, 307)])
        self.file("slow.pcap", slow)
        self.check(1, "slow.pcap", words=["BROKEN close-wait-slow"])
        self.check(0, "slow.pcap", "--threshold", "close-wait-slow=3s")

    def test_shipped(self):
        for name in ["strict", "default", "lenient"]:
            self.check(0, "clean.pcap", "--policy", "@" + name)
            self.check(1 if name == "strict" else 0, "reset.pcap", "--policy", "@" + name)
            self.assertIn("policy @" + name, self.check(0, "--policy", "@" + name, "--explain-policy").text)
        self.expect_line(2, "check", "clean.pcap", "--policy", "@strickt", words=["did you mean '@strict'?"])
        self.expect_line(2, "check", "clean.pcap", "--policy", "strict", words=["no file 'strict'", "'@strict'"])

    def test_explain(self):
        self.policy("[policy]\nfail-on = never\nunclosed = ignore\nexpect.fins = share(teardown == \"fin\") >= 99%\n[forbid rst-abort]\n"
                    "where = server.port == 1\nexpires = 2020-01-01\n")
        text = self.check(0, "--explain-policy").text
        for words in ["no finding fails by its severity", "passes", "share(teardown == \"fin\") >= 99%  (.lastack:4)",
                      "rst-abort", "where server.port == 1", "EXPIRED on 2020-01-01"]:
            self.assertIn(words, text)

    def test_example_of_the_manual(self):
        import pathlib  # noqa: PLC0415
        page = pathlib.Path(__file__).resolve().parents[2] / "man" / "lastack-policy.5"
        example = page.read_text(encoding="utf-8").split(".Bd -literal -offset indent\n")[1].split("\n.Ed")[0]
        self.policy(example)
        text = self.check(0, "--explain-policy").text
        for words in ["p99(handshake.syn_to_syn_ack_s) < 50ms", "Service chat", "until 2027-01-31; reason: the scraper"]:
            self.assertIn(words, text)

    def test_hostile_policy(self):
        """Names and reasons of a policy reach no terminal raw."""
        self.file(".lastack", "[policy]\nfail-on = warning\n[allow rst-abort]\nreason = a\u202eb\x1b[31m\n".encode())
        for form in ["text", "tap", "github", "markdown", "junit"]:
            out = self.expect(0, "check", "reset.pcap", "-o", form).text
            self.assertNotIn("\x1b", out)
            self.assertNotIn("\u202e", out)


class Analyze(CheckTest):
    def test_noise_is_suppressed_and_counted(self):
        self.policy("[allow rst-abort]\nexpires = 2999-01-31\n", "p")
        loud = self.expect(0, "reset.pcap").text
        self.assertIn("rst-abort", loud)
        quiet = self.expect(0, "--policy", "p", "reset.pcap").text
        self.assertIn("No problems found", quiet)
        self.assertIn("1 suppressed by p:1, expires 2999-01-31", quiet)
        records = self.expect(0, "--policy", "p", "-o", "ndjson", "reset.pcap")
        self.assertEqual([f["code"] for c in records.records("connection") for f in c["findings"] if f["severity"] != "note"], [])

    def test_not_taken_by_itself(self):
        self.policy("[nonsense]\n")
        self.expect(0, "reset.pcap")


class Baselines(CheckTest):
    def test_accepts_what_was_there(self):
        args = ["leak.pcap", "--observed-until", LATER]
        self.file("base.ndjson", self.expect(0, "-o", "ndjson", *args).out)
        self.check(0, *args, "--baseline", "base.ndjson", words=["2 accepted: in the baseline"])
        self.check(1, "reset.pcap", "--fail-on", "warning", "--baseline", "base.ndjson")

    def test_one_more_is_new(self):
        self.file("base.ndjson", self.expect(0, "-o", "ndjson", "leak.pcap", "--observed-until", LATER).out)
        two = LEAK + b"".join(pcap_record(segment(*step, ports=(40002, 8888)), at + 3) for at, *step in OPENING + [(2, 0, FIN | ACK, 105, 306), (2, 1, ACK, 306, 106)])
        self.file("two.pcap", two)
        self.check(1, "two.pcap", "--observed-until", str(cli.EPOCH + 120), "--baseline", "base.ndjson", words=["1 of them are in the baseline"])

    def test_by_service_of_the_policy(self):
        self.policy("[service chat]\nwhere = server.port == 8888\n")
        args = ["leak.pcap", "--observed-until", LATER]
        self.file("base.ndjson", self.expect(0, "-o", "ndjson", *args).out)
        self.check(0, *args, "--baseline", "base.ndjson")

    def test_bad_baselines(self):
        self.file("bad", b"{\"type\":\n")
        self.expect(3, "check", "clean.pcap", "--baseline", "bad")
        self.file("half", self.expect(0, "-o", "ndjson", "clean.pcap").out.splitlines(True)[0])
        self.expect_line(3, "check", "clean.pcap", "--baseline", "half", words=["no whole result"])
        self.expect(3, "check", "clean.pcap", "--baseline", "nowhere")


class Marks(CheckTest):
    ARGS = ["leak.pcap", "--observed-until", LATER]

    def names(self, text, name="marks"):
        self.file(name, text.encode())
        return self.check(1, *self.ARGS, "--marks", name).text

    def test_lines(self):
        text = self.names(f"# when what\n{cli.EPOCH - 10} test_before\n{cli.EPOCH - 1}.5 test_join and leave\n{cli.EPOCH + 1} test_after\n")
        self.assertIn("test     test_join and leave", text)
        self.assertNotIn("test_after", text)

    def test_junit(self):
        stamp = "2026-09-21T14:13:10"  # ten seconds before the capture
        text = self.names(f'<testsuites><testsuite name="s" timestamp="{stamp}"><testcase classname="t.Chat" name="test_one" time="9.5"/>'
                          '<testcase classname="t.Chat" name="test_two" time="3"/><testcase name="test_three" time="1"/></testsuite></testsuites>')
        self.assertIn("test     t.Chat.test_two", text)

    def test_in_every_format(self):
        self.file("marks", f"{cli.EPOCH - 1} test_<join>\n".encode())
        for form, words in [("junit", "test: test_&lt;join&gt;"), ("github", "test: test_<join>"), ("markdown", "test test\\_&lt;join&gt;"),
                            ("sarif", "test test_<join>")]:
            self.assertIn(words, self.expect(1, "check", *self.ARGS, "--marks", "marks", "-o", form).text, form)

    def test_bad_marks(self):
        self.file("bad", b"yesterday test_x\n")
        self.expect_line(2, "check", *self.ARGS, "--marks", "bad", words=["bad:1:", "TIME NAME"])
        self.file("bad", b"<testsuites><testsuite>")
        self.expect_line(2, "check", *self.ARGS, "--marks", "bad", words=["no JUnit file"])
        self.file("bad", b"<testsuites/>")
        self.expect_line(2, "check", *self.ARGS, "--marks", "bad", words=["no test whose time is known"])
        self.expect_line(2, "check", *self.ARGS, "--marks", "nowhere")


class Run(CheckTest):
    def test_usage(self):
        self.expect_line(2, "check", "--run", words=["--run wants the command behind --"])
        self.expect_line(2, "check", "--run", "true", words=["behind --"])
        self.expect_line(2, "check", "-i", "lo", "clean.pcap", words=["are for --run"])
        self.expect_line(2, "check", "-w", "x", "clean.pcap", words=["are for --run"])


if __name__ == "__main__":
    cli.main()
