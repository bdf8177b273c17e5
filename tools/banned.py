#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that nobody makes, each with what to use instead.

The heap has one door, base/mem.c; only tests/support may go around it. Tests wait on conditions:
sleeping is what tests/support may do, inside a loop with a deadline.
"""

import re

import project as p

BANNED = {
    "strcpy": "memcpy with a known length, or or_buf_put_str",
    "stpcpy": "or_buf_put_str",
    "strcat": "or_buf_put_str",
    "sprintf": "snprintf or or_buf_printf",
    "vsprintf": "vsnprintf",
    "strtok": "or_str_find",
    "strtok_r": "or_str_find",
    "atoi": "or_str_i64",
    "atol": "or_str_i64",
    "atoll": "or_str_i64",
    "atof": "or_json_parse",
    "strtol": "or_str_i64",
    "strtoll": "or_str_i64",
    "strtoul": "or_str_u64",
    "strtoull": "or_str_u64",
    "gets": "or_sys_read_file",
    "alloca": "an arena",
    "localtime": "or_str_time (UTC)",
    "localtime_r": "or_str_time (UTC)",
    "ctime": "or_str_time",
    "asctime": "or_str_time",
    "gmtime": "gmtime_r",
    "rand": "or_rng_u64",
    "srand": "or_rng_u64",
    "random": "or_rng_u64",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
}
HEAP = {
    "malloc": "or_mem_new",
    "calloc": "or_mem_array",
    "realloc": "or_mem_resize",
    "reallocarray": "or_mem_resize",
    "free": "or_mem_free",
    "strdup": "or_mem_strdup",
    "strndup": "or_mem_dup",
    "asprintf": "or_arena_printf",
    "vasprintf": "or_buf_printf",
    "posix_memalign": "or_mem_new",
    "aligned_alloc": "or_mem_new",
}
SLEEP = ("sleep", "usleep", "nanosleep", "clock_nanosleep")


def calls(names):
    # Not a member (x.free, x->free), not part of a longer name.
    return re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")


def check_c(project, name, text):
    rules = [(BANNED, "is banned")]
    if name != "base/mem.c" and not name.startswith("tests/support/"):
        rules.append((HEAP, "is base/mem.c's alone"))
    if name.endswith("_test.c"):
        rules.append((dict.fromkeys(SLEEP, "a wait on a condition"), "has no place in a test"))
    for table, why in rules:
        pattern = calls(table)
        for number, line in enumerate(text.splitlines(), 1):
            for match in pattern.finditer(line):
                call = match.group(1)
                project.report(name, number, f"{call} {why}: use {table[call]}")


def check_script(project, name, text):
    pattern = re.compile(r"\btime\.sleep\s*\(|^\s*sleep\s", re.M)
    for match in pattern.finditer(text):
        line = text.count("\n", 0, match.start() + len(match.group(0)) - 1) + 1
        project.report(name, line, "a test does not sleep: wait on a condition (tests/support)")


def check(project, _):
    sources = project.named(".c", ".h")
    for name in sources:
        check_c(project, name, p.blank(project.read(name)))
    for name in project.named("_test.py", "_test.sh"):
        if name.startswith("tests/"):
            check_script(project, name, project.read(name))
    return f"{len(sources)} files"


if __name__ == "__main__":
    p.main(check)
