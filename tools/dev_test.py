#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev answers: its list, its help, and wrong usage (exit code 2, nearest name, nothing done)."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERBS = "deps build demo test lint bench fuzz conformance nightly format".split()


def dev(*words, cwd=ROOT):
    return subprocess.run(
        [ROOT / "dev", *words], cwd=cwd, capture_output=True, text=True, check=False
    )


class Dev(unittest.TestCase):
    def refuses(self, words, message):
        run = dev(*words)
        self.assertEqual((run.returncode, run.stdout), (2, ""), run.stderr)
        self.assertIn(message, run.stderr)

    def test_no_word_lists_the_verbs(self):
        run = dev()
        self.assertEqual(run.returncode, 0)
        self.assertEqual(re.findall(r"^  ([a-z]+)", run.stdout, re.M), VERBS)
        self.assertNotIn("\x1b", run.stdout)  # colours on a terminal only

    def test_every_verb_has_a_summary_and_help(self):
        for line in dev().stdout.splitlines():
            if line.startswith("  "):
                self.assertRegex(line, r"^  [a-z]+\S*(?: \S+)* +\S.{15,}$")
        for verb in VERBS:
            run = dev("help", verb)
            self.assertTrue(run.stdout.startswith(f"usage: ./dev {verb}"), run.stdout)
            self.assertEqual(dev(verb, "--help").stdout, run.stdout)

    def test_unknown_verb_is_refused_with_the_nearest(self):
        self.refuses(["tset"], "did you mean 'test'?")
        self.refuses(["conf"], "did you mean 'conformance'?")
        self.refuses(["help", "biuld"], "did you mean 'build'?")

    def test_wholly_unknown_verb_suggests_nothing(self):
        self.refuses(["quux"], "'quux' is not a verb of ./dev\n")

    def test_wrong_arguments_are_refused_before_anything_is_done(self):
        self.refuses(["build", "relaese"], "no preset (there are: dev asan fuzz release)")
        self.refuses(["fuzz", "nothing/here"], "no fuzz target 'nothing/here'")
        self.refuses(["fuzz", "all", "soon"], "SECONDS is a number")
        self.refuses(["bench", "nothing"], "no benchmark 'nothing'")
        self.refuses(["conformance", "nothing"], "no suite 'nothing'")
        self.refuses(["deps", "everything"], "not 'everything'")
        self.refuses(["test", "--kafak"], "test knows no option '--kafak'")

    def test_runs_from_any_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(dev(cwd=folder).stdout, dev().stdout)

    def test_package_list_is_sorted_in_two_groups(self):
        rows = [
            line.split()
            for line in (ROOT / "tools/packages.txt").read_text().splitlines()
            if not line.startswith("#")
        ]
        self.assertEqual(rows, sorted(rows))
        self.assertEqual({group for group, _ in rows}, {"build", "test"})


class ShellLints(unittest.TestCase):
    """The checks that are written in bash, in a folder with one bad file."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / ".clang-format").write_text((ROOT / ".clang-format").read_text())

    def call(self, command, path=None):
        libraries = " ".join(f"source {ROOT}/tools/dev/lib/{name}.sh;" for name in ("ui", "lint"))
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", libraries + command],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_format(self):
        (self.folder / "good.c").write_text("int n;\n")
        self.assertEqual(self.call("check_format").returncode, 0)
        (self.folder / "bad.c").write_text("int  n ;\n")
        run = self.call("check_format")
        self.assertEqual(run.returncode, 1)
        self.assertIn("bad.c:1:4: error:", run.stdout)
        self.assertNotIn("good.c", run.stdout)

    def test_headers_alone(self):
        cmake = self.folder / "cmake"
        for script, code, output in (
            ("exit 0", 0, ""),
            ("echo 'a.h:1: error: no'; exit 1", 1, "a.h:1: error: no\n"),
            ("echo broken; exit 1", 1, "broken\n"),
        ):
            cmake.write_text(f"#!/bin/sh\n{script}\n")
            cmake.chmod(0o755)
            run = self.call("check_headers_alone dev", path=self.folder)
            self.assertEqual((run.returncode, run.stdout), (code, output))

    def test_a_failing_check_is_counted_and_the_next_one_runs(self):
        run = self.call(
            "lint_one a false; lint_one b echo well; lint_one c sh -c 'echo no; exit 3';"
            "echo $LINT_FAILED of $LINT_COUNT"
        )
        self.assertEqual(
            run.stdout,
            "FAIL  lint/a\nok    lint/b  (well)\nFAIL  lint/c\n      no\n2 of 3\n",
        )


if __name__ == "__main__":
    unittest.main()
