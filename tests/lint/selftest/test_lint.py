#!/usr/bin/env python3
"""Each lint fails on what it is there to find, and passes the same tree without it."""
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LINT = os.path.join(HERE, "..", "lint.py")
EXAMPLES = os.path.join(HERE, "..", "check_examples.py")
SOURCE = os.path.join(HERE, "..", "..", "..")

GOOD_PAGE = """.Dd November 21, 2026
.Dt TRY 1
.Os
.Sh NAME
.Nm try
.Nd tries
.Sh DESCRIPTION
Tries.
"""


class Tree(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def run_lint(self, check):
        done = subprocess.run([sys.executable, "-B", LINT, check, self.root], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def passes(self, check):
        code, text = self.run_lint(check)
        self.assertEqual(code, 0, text)

    def fails(self, check, *words):
        code, text = self.run_lint(check)
        self.assertEqual(code, 1, text)
        for word in words:
            self.assertIn(word, text)


class Includes(Tree):
    def setUp(self):
        super().setUp()
        self.write("src/base/time.h", "")
        self.write("src/decode/segment.h", '#include "base/time.h"\n')
        self.write("src/track/tracker.c", '#include "decode/segment.h"\n#include "track/tracker.h"\n#include <glib.h>\n')
        self.write("src/cli/main.c", '#include "track/tracker.h"\n')

    def test_left_is_allowed(self):
        self.passes("includes")

    def test_right_is_not(self):
        self.write("src/decode/decoder.c", '/* */\n  #  include "track/tracker.h"\n')
        self.fails("includes", "src/decode/decoder.c:2", "decode may not include track")

    def test_side_branch(self):
        self.write("src/chat/server.c", '#include "capture/source.h"\n')
        self.fails("includes", "chat may not include capture")

    def test_nobody_includes_cli(self):
        self.write("src/report/format.c", '#include "cli/options.h"\n')
        self.fails("includes", "report may not include cli")

    def test_up_and_about(self):
        self.write("src/track/table.c", '#include "../decode/segment.h"\n')
        self.fails("includes", "..")

    def test_without_folder(self):
        self.write("src/track/table.c", '#include "segment.h"\n')
        self.fails("includes", "segment.h")

    def test_unknown_folder(self):
        self.write("src/misc/x.c", "")
        self.fails("includes", "src/misc")

    def test_exception_needs_a_reason(self):
        self.write("src/decode/a.c", '#include "track/tracker.h" /* lint-allow includes: */\n')
        self.fails("includes")
        self.write("src/decode/a.c", '#include "track/tracker.h" /* lint-allow includes: a reason */\n')
        self.passes("includes")


class Length(Tree):
    def test_bound(self):
        self.write("src/base/a.c", "\n" * 800)
        self.write("tests/unit/base/test_a.c", "\n" * 800)
        self.passes("length")
        self.write("src/base/b.c", "\n" * 801)
        self.fails("length", "src/base/b.c", "801")

    def test_tests_too(self):
        self.write("tests/cli/a.py", "\n" * 801)
        self.fails("length", "tests/cli/a.py")


class Calls(Tree):
    def setUp(self):
        super().setUp()
        self.write("src/track/a.c", '/* printf( exit( */\nsnprintf(text, 4, "exit(1) %d", n); // abort()\nx->time(y); la_time(z);\n')
        self.write("src/cli/main.c", "printf(x); exit(1); time(NULL);\n")
        self.write("src/live/tick.c", "clock_gettime(a, b);\n")

    def test_good(self):
        self.passes("calls")

    def test_each(self):
        for call, word in (("printf(x);", "prints"), ("fputs(x, stderr);", "prints"), ("g_print(x);", "prints"), ("puts(x);", "prints"),
                           ("exit (1);", "exits"), ("_exit(1);", "exits"), ("abort();", "exits"),
                           ("t = time(NULL);", "clock"), ("clock_gettime(a, b);", "clock"), ("g_get_real_time();", "clock"),
                           ("la_clock_wall();", "clock")):
            with self.subTest(call):
                self.write("src/track/b.c", "\n" + call + "\n")
                self.fails("calls", "src/track/b.c:2", word)

    def test_base_too(self):
        self.write("src/base/b.h", "exit(1);\n")
        self.fails("calls", "src/base/b.h:1")


class Cursor(Tree):
    def test_good(self):
        self.write("src/capture/a.c", "x = packet->data[0];\n")
        self.write("src/decode/a.c", "la_cursor_init(packet->data, packet->captured_len); /* packet->data[0] */ p->pdata[1];\n")
        self.passes("cursor")

    def test_each(self):
        for use in ("x = packet->data[12];", "x = view.data [i];", "x = *packet->data;", "x = *view.data;", "memcpy(to, packet->data + 14, 6);"):
            with self.subTest(use):
                self.write("src/decode/b.c", use + "\n")
                self.fails("cursor", "src/decode/b.c:1")


class Catalogue(Tree):
    def setUp(self):
        super().setUp()
        self.write("src/diagnose/rules.def", "/* LA_RULE(not_this) */\nLA_RULE(half_close, x)\nLA_RULE( rst_abort, WARNING)\n")
        for code in ("half-close", "rst-abort"):
            self.write("src/diagnose/rules/%s.c" % code, "x\n")
            self.write("man/findings/%s.md" % code, "x\n")
            self.write("tests/findings/%s/fires-a.trace" % code, "x\n")
            self.write("tests/findings/%s/quiet-a.trace" % code, "x\n")

    def test_good(self):
        self.passes("catalogue")

    def test_each_part(self):
        for part in ("src/diagnose/rules/rst-abort.c", "man/findings/rst-abort.md", "tests/findings/rst-abort/fires-a.trace",
                     "tests/findings/rst-abort/quiet-a.trace"):
            with self.subTest(part):
                path = os.path.join(self.root, part)
                os.rename(path, path + ".away")
                self.fails("catalogue", "rst-abort has no", "rules.def:3")
                os.rename(path + ".away", path)

    def test_empty_text(self):
        self.write("man/findings/rst-abort.md", "\n")
        self.fails("catalogue", "man/findings/rst-abort.md")

    def test_orphans(self):
        for path in ("src/diagnose/rules/odd.c", "man/findings/odd.md", "tests/findings/odd/fires-a.trace"):
            with self.subTest(path):
                self.write(path, "x\n")
                self.fails("catalogue", "odd", "belongs to no line")
                os.remove(os.path.join(self.root, path))
                if path.startswith("tests"):
                    os.rmdir(os.path.dirname(os.path.join(self.root, path)))

    def test_twice(self):
        self.write("src/diagnose/rules.def", "LA_RULE(half_close, x)\nLA_RULE(half_close, x)\nLA_RULE(rst_abort, x)\n")
        self.fails("catalogue", "stands in line 1 already")

    def test_odd_trace(self):
        self.write("tests/findings/rst-abort/maybe.trace", "x\n")
        self.fails("catalogue", "maybe")

    def test_no_rules(self):
        self.write("src/diagnose/rules.def", "nothing\n")
        self.fails("catalogue", "no line begins")


@unittest.skipIf(shutil.which("mandoc") is None, "mandoc is not installed")
class Man(Tree):
    def test_good(self):
        self.write("man/try.1", GOOD_PAGE)
        self.passes("man")

    def test_bad(self):
        self.write("man/try.1", GOOD_PAGE + ".Fl x\n.Nosuch macro\n")
        self.fails("man", "man/try.1", "Nosuch")

    def test_none(self):
        self.write("man/findings/x.md", "")
        self.fails("man", "no manual page")


class Format(Tree):
    def test_both(self):
        shutil.copy(os.path.join(SOURCE, ".clang-format"), self.root)
        self.write("src/base/a.c", "int f(void)\n{\n  return 1;\n}\n")
        code, text = self.run_lint("format")
        if code == 77:
            self.assertIn("SKIPPED", text)
            self.skipTest(text)
        self.assertEqual(code, 0, text)
        self.write("src/base/b.c", "int f(void) {\n    return 1; }\n")
        self.fails("format", "src/base/b.c")
        os.remove(os.path.join(self.root, "src/base/b.c"))
        self.write("tests/unit/x.c", "int  f( void );\n")
        self.fails("format", "tests/unit/x.c")


class Examples(Tree):
    """The documents' examples, with a stand-in for the binary: prints its arguments, one a line, exits with $RC of `-x RC`."""

    def setUp(self):
        super().setUp()
        binary = self.write("bin/lastack", '#!/bin/sh\nrc=0\nfor a; do echo "arg $a"; [ "$last" = -x ] && rc=$a; last=$a; done\nexit $rc\n')
        os.chmod(binary, os.stat(binary).st_mode | stat.S_IXUSR)
        self.binary = binary
        self.write("samples/a.pcap", "")

    def check(self, name, text):
        path = self.write(name, text)
        done = subprocess.run([sys.executable, "-B", EXAMPLES, "--lastack", self.binary, "--root", self.root, path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def good(self, name, text, count=1):
        code, printed = self.check(name, text)
        self.assertEqual((code, printed), (0, "%d examples, 0 wrong\n" % count))

    def bad(self, name, text, *words):
        code, printed = self.check(name, text)
        self.assertEqual(code, 1, printed)
        for word in words:
            self.assertIn(word, printed)

    def test_output(self):
        self.good("README.md", "x\n```\n$ lastack a bcd e\narg a\narg b\n```\n")
        self.bad("README.md", "x\n```\n$ lastack a bcd e\narg a\narg c\n```\n", "README.md:3", "prints something else")
        self.bad("README.md", "```\n$ lastack a\narg a\narg b\n```\n", "prints something else")

    def test_dots(self):
        self.good("README.md", "```\n$ lastack one two three four\narg o...\n...\narg ...our\n```\n")
        self.bad("README.md", "```\n$ lastack one two three four\narg one\n...\narg five\n```\n")
        self.bad("README.md", "```\n$ lastack one two\narg o...x\n```\n")

    def test_exit(self):
        self.bad("README.md", "```\n$ lastack -x 3\n```\n", "exit code 3")
        self.good("README.md", "```\n$ lastack -x 3\narg -x\n$ echo $?\n3\n$ lastack b\narg b\n```\n", 2)
        self.bad("README.md", "```\n$ lastack -x 3\n$ echo $?\n4\n```\n", "exit code 3")

    def test_root_and_shell(self):
        self.good("README.md", "```\n$ lastack $(ls samples) | tail -1\narg a.pcap\n```\n")
        self.good("README.md", "```\n$ lastack x > written\n```\n")
        self.assertFalse(os.path.exists(os.path.join(self.root, "written")))

    def test_manual(self):
        self.good("a.1", ".Bd -literal -offset indent\n$ lastack a\\-b \\(aqc d\\(aq\narg a\\-b\narg c d\n.Ed\n.Dl $ lastack q\n", 2)
        self.bad("a.1", ".Bd -literal\n$ lastack a\narg b\n.Ed\n", "a.1:2")

    def test_none(self):
        self.bad("README.md", "$ lastack outside of a block\n", "no example")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[1:])
