#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lints find what they are for: each test plants one violation in a clean little project.

A lint that reports nothing on everything would pass a lint run; here it fails.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent
CC = os.environ.get("CC", "cc")
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"

RULES = """
room base or_ may
room policy pol_ may base/def,buf
room agent ag_ may base policy
room collector co_ may base policy
pure policy
impure time open or_sys_*
silent base policy
noise or_log_* stderr
exempt base/def.c stderr
home jansson.h base/json.c
system stdio.h stdlib.h time.h
symbol base/crc.c or_checksum
"""


def header(guard, body, contract="What it is for, which thread may call it, and its limits."):
    return f"{LICENCE}/*\n * {contract}\n */\n#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


CLEAN = {
    "tools/rooms.txt": RULES,
    "tools/ratchet.txt": "# none\n",
    "tools/dev/test.sh": "# SPDX-License-Identifier: Apache-2.0\n",
    "tools/README.md": "see `base/def.h` and `./dev test`\n",
    "README.md": "# Top\n\n`base/def.c:3`, `base/*.h`, `base/{def,buf}.h`, [rooms](tools/README.md#)\n",
    "base/README.md": "base\n",
    "policy/README.md": "policy\n",
    "agent/README.md": "agent\n",
    "collector/README.md": "collector\n",
    "base/def.h": header("BASE_DEF_H", "void or_def_fail(void);"),
    "base/def.c": LICENCE + '#include "base/def.h"\n\n#include <stdio.h>\n\n'
    'void or_def_fail(void)\n{\n\tfputs("no", stderr);\n}\n',
    "base/buf.h": header("BASE_BUF_H", "int or_buf_put(int n);"),
    "base/buf.c": LICENCE + '#include "base/buf.h"\n\nint or_buf_put(int n)\n{\n\treturn n;\n}\n',
    "base/json.c": LICENCE + "#include <jansson.h>\n",
    "base/crc.c": LICENCE + "int or_checksum(int n);\n\nint or_checksum(int n)\n{\n\treturn n;\n}\n",
    "base/sys.h": header("BASE_SYS_H", "int or_sys_open(void);"),
    "base/log.h": header("BASE_LOG_H", "void or_log_line(void);"),
    "policy/eval.h": header("POLICY_EVAL_H", "int pol_eval_run(int n);"),
    "policy/eval.c": LICENCE + '#include "policy/eval.h"\n\n#include "base/buf.h"\n\n'
    "int pol_eval_run(int n)\n{\n\treturn or_buf_put(n);\n}\n",
    "agent/gate.h": header("AGENT_GATE_H", "int ag_gate_run(void);"),
    "agent/gate.c": LICENCE + '#include "agent/gate.h"\n\nint ag_gate_run(void)\n{\n\treturn 0;\n}\n',
    "collector/api.c": LICENCE + "static int n;\n",
}


class Lint(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name, text in CLEAN.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def add(self, name, text):
        path = self.root / name
        self.write(name, (path.read_text(encoding="utf-8") if path.exists() else LICENCE) + text)

    def lint(self, tool, *arguments):
        return subprocess.run(
            [sys.executable, TOOLS / f"{tool}.py", "--root", self.root, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def passes(self, tool, *arguments):
        run = self.lint(tool, *arguments)
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)

    def finds(self, tool, expected, *arguments):
        run = self.lint(tool, *arguments)
        self.assertEqual((run.returncode, run.stderr), (1, ""), run.stdout)
        self.assertIn(expected, run.stdout)
        self.assertEqual(run.stdout.count("\n"), 1, run.stdout)  # that, and nothing else


class Rooms(Lint):
    def test_clean_includes(self):
        self.passes("rooms")

    def test_room_includes_a_room_it_may_not(self):
        self.add("collector/api.c", '#include "agent/gate.h"\n')
        self.finds("rooms", 'collector/api.c:3: collector may not include "agent/gate.h"')

    def test_room_includes_a_module_it_may_not(self):
        self.add("policy/eval.c", '#include "base/sys.h"\n')
        self.finds("rooms", 'policy may not include "base/sys.h"')

    def test_a_test_may_use_all_of_base(self):
        self.add("policy/eval_test.c", '#include "base/sys.h"\n')
        self.passes("rooms")

    def test_a_test_may_not_cross_rooms(self):
        self.add("agent/gate_test.c", '#include "collector/api.h"\n')
        self.write("collector/api.h", header("COLLECTOR_API_H", ""))
        self.finds("rooms", 'agent may not include "collector/api.h"')

    def test_include_is_not_from_the_root(self):
        self.add("base/buf.c", '#include "def.h"\n')
        self.finds("rooms", '"def.h" is not a path from the project\'s root')

    def test_third_party_header_away_from_home(self):
        self.add("base/buf.c", "#include <jansson.h>\n")
        self.finds("rooms", "<jansson.h> has its home in base/json.c")

    def test_third_party_header_without_a_home(self):
        self.add("base/buf.c", "#include <zlib.h>\n")
        self.finds("rooms", "<zlib.h> has no home")

    def test_a_comment_includes_nothing(self):
        self.add("base/buf.c", '/*\n#include <zlib.h>\n*/\n')
        self.passes("rooms")

    def test_generated_header_leaves_proto(self):
        self.write("proto/audit.proto", "// SPDX-License-Identifier: Apache-2.0\n")
        self.add("agent/gate.c", '#include "proto/audit.pb-c.h"\n')
        self.finds("rooms", '"proto/audit.pb-c.h" never leaves proto/')

    def test_unused_home(self):
        self.write("base/json.c", LICENCE)
        self.finds("rooms", "nothing uses the permission for jansson.h base/json.c")

    def test_a_rule_that_is_none(self):
        self.write("tools/rooms.txt", RULES + "rom x y\n")
        self.finds("rooms", "'rom' with 2 fields is no rule")


class Symbols(Lint):
    SOURCES = ("base/def.c", "base/buf.c", "base/crc.c", "policy/eval.c", "agent/gate.c")

    def build(self):
        for name in self.SOURCES:
            out = self.root / "build/CMakeFiles" / f"outrider_{name.split('/')[0]}.dir" / f"{name}.o"
            out.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [CC, "-O0", "-I", self.root, "-c", self.root / name, "-o", out], check=True
            )

    def found(self, expected):
        self.build()
        self.finds("rooms", expected, "--build", "build")

    def test_clean_symbols(self):
        self.build()
        self.passes("rooms", "--build", "build")

    def test_nothing_was_built(self):
        run = self.lint("rooms", "--build", "build")
        self.assertEqual(run.returncode, 1)
        self.assertIn("build it first", run.stdout)

    def test_symbol_without_its_module(self):
        self.add("base/buf.c", "int or_buffer_put(void);\nint or_buffer_put(void)\n{\n\treturn 0;\n}\n")
        self.found("base/buf.c:1: external symbol or_buffer_put does not begin with or_buf_")

    def test_symbol_of_two_modules(self):
        self.SOURCES = (*self.SOURCES, "agent/a/gate.c", "agent/b/gate.c")
        self.write("agent/a/gate.c", LICENCE + "int ag_gate_twice(void);\nint ag_gate_twice(void)\n{\n\treturn 0;\n}\n")
        self.write("agent/b/gate.c", LICENCE + "int ag_gate_twice(void);\nint ag_gate_twice(void)\n{\n\treturn 1;\n}\n")
        self.found("agent/b/gate.c:1: external symbol ag_gate_twice is defined in agent/a/gate.c as well")

    def test_global_variable_counts(self):
        self.add("agent/gate.c", "int counter;\n")
        self.found("external symbol counter does not begin with ag_gate_")

    def test_pure_room_reads_the_clock(self):
        self.add("policy/eval.c", "#include <time.h>\nlong pol_eval_now(void)\n{\n\treturn time(0);\n}\n")
        self.found("policy is pure, but this needs time")

    def test_pure_room_reaches_files_through_base(self):
        self.add(
            "policy/eval.c",
            "int or_sys_open(void);\nint pol_eval_o(void)\n{\n\treturn or_sys_open();\n}\n",
        )
        self.found("policy is pure, but this needs or_sys_open")

    def test_silent_room_logs(self):
        self.add(
            "base/buf.c",
            '#include "base/log.h"\nvoid or_buf_l(void)\n{\n\tor_log_line();\n}\n',
        )
        self.found("base never logs or prints, but this needs or_log_line")

    def test_unused_exemption(self):
        self.write("base/def.c", LICENCE + "void or_def_fail(void);\n")
        self.found("nothing uses the permission for base/def.c stderr")

    def test_unused_symbol_exception(self):
        self.write("base/crc.c", LICENCE + "int or_crc_next;\n")
        self.found("nothing uses the permission for base/crc.c or_checksum")


def function(name, lines=1, condition="n"):
    body = "".join(f"\tn += {i};\n" for i in range(lines - 5))
    return f"\nint {name}(int n)\n{{\n{body}\tif ({condition})\n\t\treturn 1;\n\treturn n;\n}}\n"


class Ratchet(Lint):
    def setUp(self):
        super().setUp()
        for i in range(12):
            self.add("base/many.c", function(f"or_many_{i}"))

    def test_clean(self):
        self.passes("ratchet")

    def test_long_function(self):
        self.add("base/buf.c", function("or_buf_long", 90))
        self.finds("ratchet", "lines: base/buf.c:or_buf_long has 91, at most 60")

    def test_complex_function(self):
        self.add("base/buf.c", function("or_buf_hard", condition=" || ".join("n" * 15)))
        self.finds("ratchet", "complexity: base/buf.c:or_buf_hard has 16, at most 15")

    def test_complexity_of_tests_is_free(self):
        self.add("base/buf_test.c", function("main", condition=" || ".join("n" * 15)))
        self.passes("ratchet")

    def test_comments_and_strings_do_not_count(self):
        text = '"' + "? " * 20 + '"'
        self.add("base/buf.c", f"/* {'if ' * 20} */" + function("or_buf_text", condition=text))
        self.passes("ratchet")

    def test_too_many_functions_are_complex(self):
        for i in range(3):
            self.add("base/buf.c", function(f"or_buf_{i}", condition=" || ".join("n" * 9)))
        run = self.lint("ratchet")
        self.assertEqual(run.returncode, 1)
        self.assertIn("of functions have a complexity <= 8, 90% must", run.stdout)

    def test_long_file(self):
        self.add("base/buf.c", "\n" * 800)
        self.finds("ratchet", "file: base/buf.c has 807, at most 800")

    def test_long_header(self):
        self.add("base/buf.h", "\n" * 150)
        self.finds("ratchet", "file: base/buf.h has 158, at most 150")

    def test_exception_is_honoured(self):
        self.add("base/buf.c", function("or_buf_long", 90))
        self.write("tools/ratchet.txt", "lines base/buf.c:or_buf_long 91 one table of cases\n")
        self.passes("ratchet")

    def test_exception_that_allows_too_much(self):
        self.add("base/buf.c", function("or_buf_long", 90))
        self.write("tools/ratchet.txt", "lines base/buf.c:or_buf_long 100 one table of cases\n")
        self.finds("ratchet", "allows more than base/buf.c:or_buf_long needs (91)")

    def test_unused_exception(self):
        self.write("tools/ratchet.txt", "lines base/buf.c:or_buf_put 70 no reason\n")
        self.finds("ratchet", "lines base/buf.c:or_buf_put: an exception that nothing needs")

    def test_exception_without_a_reason(self):
        self.write("tools/ratchet.txt", "lines base/buf.c:or_buf_put 70\n")
        self.finds("ratchet", "tools/ratchet.txt:1: not")


class Banned(Lint):
    def planted(self, name, call, expected):
        self.add(name, f"int main(void)\n{{\n\t{call}\n}}\n")
        self.finds("banned", expected)

    def test_clean(self):
        self.passes("banned")

    def test_banned_call(self):
        self.planted("base/buf.c", "strcpy(a, b);", "strcpy is banned")

    def test_banned_in_tests_too(self):
        self.planted("base/buf_test.c", "n = atoi(text);", "atoi is banned")

    def test_heap_outside_its_door(self):
        self.planted("agent/gate.c", "p = malloc (3);", "malloc is base/mem.c's alone")

    def test_heap_at_its_door(self):
        self.add("base/mem.c", "int main(void)\n{\n\tfree(malloc(1));\n}\n")
        self.add("tests/support/support.c", "int main(void)\n{\n\tfree(strdup(a));\n}\n")
        self.passes("banned")

    def test_members_and_longer_names_are_others(self):
        self.add("base/buf.c", "void f(void)\n{\n\tx->free(1);\n\tx.free(1);\n\tor_mem_free(p);\n}\n")
        self.passes("banned")

    def test_a_comment_calls_nothing(self):
        self.add("base/buf.c", "/* unlike strcpy(a, b) */\n// free(p)\n")
        self.passes("banned")

    def test_sleep_in_a_unit_test(self):
        self.planted("base/buf_test.c", "usleep(1000);", "usleep has no place in a test")

    def test_sleep_in_a_scenario(self):
        self.write("tests/scenario/a_test.py", "import time\n\ntime.sleep(1)\n")
        self.finds("banned", "tests/scenario/a_test.py:3: a test does not sleep")

    def test_sleep_in_a_shell_scenario(self):
        self.write("tests/scenario/a_test.sh", "true\n  sleep 1\n")
        self.finds("banned", "tests/scenario/a_test.sh:2: a test does not sleep")


class Headers(Lint):
    def test_clean(self):
        self.passes("headers")

    def test_no_licence(self):
        self.write("base/new.c", "int n;\n")
        self.finds("headers", "base/new.c:1: the first line is not")

    def test_script_without_licence(self):
        self.write("tools/x", "#!/bin/sh\ntrue\n")
        self.finds("headers", "tools/x:1: none of the first three lines")

    def test_wrong_guard(self):
        self.write("base/new.h", header("NEW_H", ""))
        self.finds("headers", "the include guard is not BASE_NEW_H")

    def test_no_contract(self):
        self.write("base/new.h", header("BASE_NEW_H", "", contract="Stuff."))
        self.finds("headers", "no contract")


class Documents(Lint):
    def test_clean(self):
        self.passes("doclint")

    def planted(self, name, text, expected):
        self.add(name, text)
        self.finds("doclint", expected)

    def test_path_that_is_not_there(self):
        self.planted("README.md", "see `base/gone.c`\n", "README.md:4: there is no base/gone.c")

    def test_folder_that_is_not_there(self):
        self.planted("README.md", "see `agent/spool/`\n", "there is no agent/spool")

    def test_pattern_that_matches_nothing(self):
        self.planted("README.md", "see `base/*.rs`\n", "there is no base/*.rs")

    def test_one_of_several_is_not_there(self):
        self.planted("README.md", "see `base/{def,gone}.h`\n", "there is no base/gone.h")

    def test_bare_name_that_is_nowhere(self):
        self.planted("README.md", "see `gone.c`\n", "there is no gone.c")

    def test_path_in_a_comment(self):
        self.planted("base/buf.c", "/* as in base/gone.h */\n", "base/buf.c:8: there is no base/gone.h")

    def test_what_is_no_path(self):
        self.add(
            "README.md",
            "`application/json` `User::a/b.c` `build/dev/bin/x` `../shared/y.c` `/v1/a.json`"
            " `agent/<name>/x.c` `https://base/x.c`\n",
        )
        self.passes("doclint")

    def test_link_that_leads_nowhere(self):
        self.planted("README.md", "[x](docs/gone.md)\n", "the link leads to no docs/gone.md")

    def test_link_to_a_heading_that_is_not_there(self):
        self.planted("README.md", "[x](#bottom)\n", "README.md has no heading #bottom")

    def test_verb_that_is_none(self):
        self.planted("README.md", "```\n./dev tets\n```\n", "README.md:5: ./dev has no verb tets")

    def test_verb_of_the_cli_that_is_none(self):
        self.write("cli/README.md", "cli\n")
        self.write("cli/main.c", LICENCE + '\t{"run", "run it", ctl_run_main},\n')
        self.planted("README.md", "`outrider run` outrider is prose\n\n    outrider rum\n",
                     "README.md:6: outrider has no verb rum")

    def test_room_without_readme(self):
        (self.root / "agent/README.md").unlink()
        self.finds("doclint", "agent/README.md:1: a room with code has a README.md")

    def test_long_readme(self):
        self.planted("agent/README.md", "\n" * 60, "more than 60 lines")

    def test_machine_path(self):
        self.planted("README.md", "in /wo" + "rk/x\n", "a path of somebody's machine")

    def test_leftover_marker(self):
        self.planted("base/buf.c", "/* TO" + "DO later */\n", "a leftover marker")


if __name__ == "__main__":
    unittest.main()
