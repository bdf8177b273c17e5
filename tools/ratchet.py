#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sizes stay small: lines of functions and files, and cyclomatic complexity.

Complexity is McCabe's, a switch counting once however many cases it has; &&, || and ?: count.
Tests, fuzz targets, benchmarks and tools are free of the complexity rules only.
Exceptions: tools/ratchet.txt, lines of `lines|complexity|file PATH[:FUNCTION] LIMIT reason`; one
that is not needed (or allows more than is needed) is an error, so the list can only shrink.
"""

import math
import re

import project as p

EXCEPTIONS = "tools/ratchet.txt"
FUNCTION_LINES = 60
COMPLEXITY = 15
SIMPLE, SIMPLE_SHARE = 8, 0.90
FILE_LINES = {".c": 800, ".h": 150}

_DECISION = re.compile(r"\b(?:if|for|while|switch)\b|&&|\|\||\?")


def measure(project):
    """(kind, place, file, line, value, limit) of everything that has a limit."""
    for name in project.named(".c", ".h"):
        text = p.blank(project.read(name))
        yield "file", name, name, 1, text.count("\n"), FILE_LINES[name[-2:]]
        for function, line, lines, body in p.functions(text):
            place = f"{name}:{function}"
            yield "lines", place, name, line, lines, FUNCTION_LINES
            if not p.is_test(name):
                value = 1 + len(_DECISION.findall(body))
                yield "complexity", place, name, line, value, COMPLEXITY


def read_exceptions(project):
    allowed = {}
    if EXCEPTIONS not in project.known:
        return allowed
    for line, fields in project.lines_of_table(EXCEPTIONS):
        if len(fields) < 4 or fields[0] not in ("lines", "complexity", "file"):
            project.report(EXCEPTIONS, line, "not `lines|complexity|file PLACE LIMIT reason`")
        else:
            allowed[fields[0], fields[1]] = (line, int(fields[2]))
    return allowed


def check_simple(project, values):
    simple = sum(value <= SIMPLE for value, _, _ in values)
    if not values or simple >= SIMPLE_SHARE * len(values):
        return
    share = f"{100 * simple / len(values):.1f}% of functions have a complexity <= {SIMPLE}, 90% must"
    excess = math.ceil(SIMPLE_SHARE * len(values)) - simple
    for value, name, line in sorted(values, reverse=True)[: excess + 10]:
        if value > SIMPLE:
            project.report(name, line, f"complexity {value}; {excess} functions must become simpler ({share})")


def check(project, _):
    allowed = read_exceptions(project)
    complexities = []
    for kind, place, name, line, value, limit in measure(project):
        if kind == "complexity":
            complexities.append((value, name, line))
        exception = allowed.get((kind, place))
        if value > (exception[1] if exception else limit):
            project.report(name, line, f"{kind}: {place} has {value}, at most {limit}")
        elif exception and value > limit and value == exception[1]:
            del allowed[kind, place]
        elif exception and value > limit:
            project.report(EXCEPTIONS, exception[0], f"allows more than {place} needs ({value})")
            del allowed[kind, place]
    for (kind, place), (line, _) in allowed.items():
        if not any(place in message for _, _, message in project.findings):
            project.report(EXCEPTIONS, line, f"{kind} {place}: an exception that nothing needs")
    check_simple(project, complexities)
    mean = sum(v for v, _, _ in complexities) / max(1, len(complexities))
    return f"{len(complexities)} functions, complexity {mean:.1f} on average"


if __name__ == "__main__":
    p.main(check)
