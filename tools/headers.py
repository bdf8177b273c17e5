#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How a file begins: the licence, and in a C header the contract and the include guard."""

import re

import project as p

LICENCE = "SPDX-License-Identifier: Apache-2.0"
CONTRACT_MIN = 40  # characters of prose


def check_licence(project, name, text):
    first = text.splitlines()[:3]
    if name.endswith((".c", ".h")):
        if not first or first[0] != f"/* {LICENCE} */":
            project.report(name, 1, f"the first line is not /* {LICENCE} */")
    elif not any(LICENCE in line for line in first):
        project.report(name, 1, f"none of the first three lines has {LICENCE}")


def check_header(project, name, text):
    guard = re.sub(r"\W", "_", name).upper()
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        project.report(name, 1, f"the include guard is not {guard}")
    found = list(p.comments(text))[1:2]
    prose = re.sub(r"[\s*/]+", " ", found[0][1]).strip() if found else ""
    if len(prose) < CONTRACT_MIN or text.find(found[0][1]) > text.find("#ifndef"):
        project.report(name, 2, "no contract between licence and guard (what, thread, limits…)")


def is_script(project, name):
    return "." not in name.rsplit("/", 1)[-1] and project.read(name)[:2] == "#!"


def check(project, _):
    suffixes = (".c", ".h", ".py", ".sh", ".cmake", ".proto", "CMakeLists.txt")
    names = [n for n in project.files if n.endswith(suffixes) or is_script(project, n)]
    for name in names:
        text = project.read(name)
        check_licence(project, name, text)
        if name.endswith(".h"):
            check_header(project, name, text)
    return f"{len(names)} files"


if __name__ == "__main__":
    p.main(check)
