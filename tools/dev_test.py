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
VERBS = "deps build demo test lint bench fuzz conformance differential peers nightly format".split()


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
        self.refuses(["build", "relaese"], "no preset (there are: dev asan tsan cov fuzz release)")
        self.refuses(["fuzz", "nothing/here"], "no fuzz target 'nothing/here'")
        self.refuses(["fuzz", "all", "soon"], "SECONDS is a number")
        self.refuses(["bench", "nothing"], "no benchmark 'nothing'")
        self.refuses(["conformance", "nothing"], "no suite 'nothing'")
        self.refuses(["deps", "everything"], "not 'everything'")
        self.refuses(["test", "--kafak"], "test knows no option '--kafak'")

    def test_runs_from_any_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(dev(cwd=folder).stdout, dev().stdout)

    def test_package_list_is_sorted_by_group(self):
        rows = [
            line.split()
            for line in (ROOT / "tools/packages.txt").read_text().splitlines()
            if not line.startswith("#")
        ]
        self.assertEqual(rows, sorted(rows))
        self.assertEqual({group for group, _ in rows},
                         {"bench", "build", "capture", "ebpf", "kafka", "test", "vm"})


class Shell(unittest.TestCase):
    """Functions of tools/dev/lib, called in a folder of their own."""

    LIBRARIES = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def script(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def call(self, command, path=None):
        names = ("ui", *self.LIBRARIES)
        libraries = " ".join(f"source {ROOT}/tools/dev/lib/{name}.sh;" for name in names)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", libraries + command],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )


class Lints(Shell):
    LIBRARIES = ("lint",)

    def test_format(self):
        (self.folder / ".clang-format").write_text((ROOT / ".clang-format").read_text())
        (self.folder / "good.c").write_text("int n;\n")
        self.assertEqual(self.call("check_format").returncode, 0)
        (self.folder / "bad.c").write_text("int  n ;\n")
        run = self.call("check_format")
        self.assertEqual(run.returncode, 1)
        self.assertIn("bad.c:1:4: error:", run.stdout)
        self.assertNotIn("good.c", run.stdout)

    def test_headers_alone(self):
        for script, code, output in (
            ("exit 0", 0, ""),
            ("echo 'a.h:1: error: no'; exit 1", 1, "a.h:1: error: no\n"),
            ("echo broken; exit 1", 1, "broken\n"),
        ):
            self.script("cmake", script)
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


class Conformance(Shell):
    LIBRARIES = ("conformance",)

    def run_suite(self, script):
        self.script("build/dev/bin/x-conformance-tool", script)
        (self.folder / "data").mkdir(exist_ok=True)
        return self.call("conformance_run x data dev")

    def test_all_cases_pass(self):
        run = self.run_suite("echo a case; echo x: 3/3")
        self.assertEqual((run.returncode, run.stdout), (0, "a case\nx: 3/3\n"))

    def test_a_case_that_fails_fails_the_suite(self):
        self.assertEqual(self.run_suite("echo x: 2/3").returncode, 1)

    def test_a_suite_without_cases_is_no_success(self):
        self.assertEqual(self.run_suite("echo x: 0/0").returncode, 1)

    def test_a_program_that_does_not_count_is_an_error(self):
        for script in ("true", "echo y: 3/3", "echo x: 3/3; echo more", "kill -9 $$"):
            run = self.run_suite(script)
            self.assertEqual(run.returncode, 1)
            self.assertIn("without the line 'x: passed/total'", run.stderr)

    def test_a_crash_after_the_count_is_no_success(self):
        self.assertEqual(self.run_suite("echo x: 3/3; exit 1").returncode, 1)

    def test_archives_are_laid_beside_the_files(self):
        data = self.folder / "data"
        (data / "plain").mkdir(parents=True)
        (data / "plain/a.json").write_text("A")
        (self.folder / "packed").mkdir()
        (self.folder / "packed/b.json").write_text("B")
        subprocess.run(
            ["tar", "-C", self.folder, "-czf", data / "packed.tar.gz", "packed"], check=True
        )
        script = 'cat "$1/plain/a.json" "$1/packed/b.json"; ls "$1"; echo "x: 1/1"'
        run = self.run_suite(script)
        self.assertEqual((run.returncode, run.stdout), (0, "ABpacked\nplain\nx: 1/1\n"))


class Fuzz(Shell):
    LIBRARIES = ("cmake", "fuzz")

    def fuzz(self, script):
        self.script("build/fuzz/bin/fuzz_base_x", script)
        seeds = self.folder / "tests/corpus/base/x"
        seeds.mkdir(parents=True, exist_ok=True)
        (seeds / "seed").write_text("s\n")
        return self.call("fuzz_one base/x 1")

    def test_a_quiet_run(self):
        # The corpus is the last argument; what the fuzzer adds to it goes into the copy.
        run = self.fuzz(
            'for copy; do :; done; cat "$copy/seed"; echo new >"$copy/new"\n'
            "echo stat::number_of_executed_units: 42"
        )
        self.assertEqual((run.returncode, run.stdout), (0, "ok    fuzz/base/x  (42 runs in 1 s)\n"))
        self.assertEqual(os.listdir(self.folder / "tests/corpus/base/x"), ["seed"])

    def test_a_finding_says_how_to_see_it_again(self):
        run = self.fuzz(
            "echo '==1==ERROR: AddressSanitizer: heap-buffer-overflow'\n"
            "echo 'artifact_prefix=x; Test unit written to build/fuzz/findings/base/x/crash-1'; exit 1"
        )
        self.assertEqual(run.returncode, 1)
        self.assertIn("FAIL  fuzz/base/x\n", run.stdout)
        self.assertIn("heap-buffer-overflow", run.stdout)
        self.assertIn(
            "again: build/fuzz/bin/fuzz_base_x build/fuzz/findings/base/x/crash-1", run.stdout
        )

    def test_a_target_without_seeds_fails(self):
        run = self.call("fuzz_one base/y 1")
        self.assertEqual(run.returncode, 1)
        self.assertIn("tests/corpus/base/y is missing", run.stdout)

    def test_modules_are_named_as_cmake_does(self):
        for name in ("base/json", "agent/spool/spool", "agent/spool/segment", "product/product"):
            self.script(f"{name}_fuzz.c", "")
        self.assertEqual(
            self.call("modules_with fuzz").stdout.split(),
            ["agent/spool/segment", "agent/spool", "base/json", "product/product"],
        )


if __name__ == "__main__":
    unittest.main()
