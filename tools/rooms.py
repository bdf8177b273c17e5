#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rooms: who includes whom, where a library lives, what a symbol is called, who stays pure.

Includes are read from the sources, symbols by nm from the objects of a build (--build DIR; without
it only includes are checked). The rules are tools/rooms.txt, and a permission there that nothing
uses is an error. Tests, fuzz targets, benchmarks and tools of a room (x_test.c, …) may include all
of base and tests/support, and are free of the symbol rules.
"""

import fnmatch
import pathlib
import re
import subprocess

import project as p

RULES = "tools/rooms.txt"
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")', re.M)


class Rules:
    """tools/rooms.txt, with a note of which permissions were used."""

    def __init__(self, project):
        self.prefix, self.may = {}, {}
        self.pure, self.silent, self.impure, self.noise = set(), set(), [], []
        self.system = []
        self.homes, self.exempt, self.symbols = [], [], []  # [line, pattern(s)…]
        self.used = set()
        for line, (word, *rest) in project.lines_of_table(RULES):
            if not self.take(word, rest, line):
                project.report(RULES, line, f"'{word}' with {len(rest)} fields is no rule")

    def take(self, word, rest, line):
        if word == "room" and len(rest) >= 3 and rest[2] == "may":
            self.prefix[rest[0]], self.may[rest[0]] = rest[1], rest[3:]
        elif word in ("pure", "silent"):
            getattr(self, word).update(rest)
        elif word in ("impure", "noise", "system"):
            getattr(self, word).extend(rest)
        elif word == "home" and len(rest) >= 2:
            self.homes += [(line, rest[0], file) for file in rest[1:]]
        elif word == "exempt" and len(rest) == 2:
            self.exempt.append((line, *rest))
        elif word == "symbol" and len(rest) == 2:
            self.symbols.append((line, *rest))
        else:
            return False
        return True

    def permits(self, table, name, thing):
        """True where a row of the table allows this file that thing; marks the row as used."""
        hits = [row for row in table if matches(name, row[1]) and matches(thing, row[2])]
        self.used.update(hits)
        return bool(hits)

    def unused(self):
        return [row for row in self.homes + self.exempt + self.symbols if row not in self.used]


def matches(text, pattern):
    return fnmatch.fnmatchcase(text, pattern)


def room_of(name):
    return name.split("/", 1)[0]


def module_of(name):
    return pathlib.PurePath(name).stem


# ---- includes


def check_system_include(project, rules, name, line, header):
    if any(matches(header, pattern) for pattern in rules.system):
        return
    homes = [row for row in rules.homes if matches(header, row[1])]
    inside = [row for row in homes if matches(name, row[2])]
    rules.used.update(inside)
    if inside:
        return
    where = " ".join(row[2] for row in homes)
    project.report(
        name,
        line,
        f"<{header}> has its home in {where}" if homes else f"<{header}> has no home in {RULES}",
    )


def may_include(rules, name, target):
    own, other = room_of(name), room_of(target)
    if own == other or own not in rules.may:
        return own == other or not name.startswith("tools/")
    if p.is_test(name) and other in ("base", "tests"):
        return other == "base" or target.startswith("tests/support/")
    for permission in rules.may[own]:
        room, _, modules = permission.partition("/")
        if room == other and (not modules or module_of(target) in modules.split(",")):
            return True
    return False


def check_own_include(project, rules, name, line, header):
    generated = re.sub(r"\.pb-c\.h$", ".proto", header)
    if generated != header:
        if room_of(name) != "proto":
            project.report(name, line, f'"{header}" never leaves proto/')
        if generated not in project.known:
            project.report(name, line, f'"{header}" is made from no {generated}')
        return
    if header not in project.known:
        project.report(name, line, f'"{header}" is not a path from the project\'s root')
    elif not may_include(rules, name, header):
        project.report(name, line, f'{room_of(name)} may not include "{header}" ({RULES})')


def check_includes(project, rules):
    for name in project.named(".c", ".h"):
        text = p.blank(project.read(name), strings=False)
        for match in _INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            header = match.group(1)[1:-1]
            if match.group(1)[0] == "<":
                check_system_include(project, rules, name, line, header)
            else:
                check_own_include(project, rules, name, line, header)


# ---- symbols


def objects(project, build, rules):
    """(source, object) of the rooms' libraries; an object whose source is gone is stale."""
    for room in rules.prefix:
        folder = build / "CMakeFiles" / f"outrider_{room}.dir" / room
        for path in sorted(folder.rglob("*.c.o")) if folder.is_dir() else ():
            name = path.relative_to(folder.parent).as_posix().removesuffix(".o")
            if name in project.known:
                yield name, path


def read_symbols(path):
    """(type, name) of an object's global symbols, sanitizers' and fortified names made plain."""
    lines = subprocess.run(
        ["nm", "--extern-only", "--format=posix", path], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for line in lines:
        name, kind = line.split()[:2]
        if not name.startswith(("__odr_asan", "__asan", "__ubsan", "__sanitizer")):
            plain = re.sub(r"^__(isoc99_)?(\w+?)(_chk)?$", r"\2", name)
            yield kind, plain if kind in "Uw" else name


def check_defined(project, rules, name, symbol):
    head = rules.prefix[room_of(name)] + module_of(name)
    if symbol == head or symbol.startswith(head + "_"):
        return
    if not rules.permits(rules.symbols, name, symbol):
        project.report(name, 1, f"external symbol {symbol} does not begin with {head}_")


def check_needed(project, rules, name, symbol):
    room = room_of(name)
    if room in rules.pure and any(matches(symbol, i) for i in rules.impure):
        project.report(name, 1, f"{room} is pure, but this needs {symbol}")
    noisy = any(matches(symbol, n) for n in rules.noise) and module_of(name) != "log"
    if room in rules.silent and noisy and not rules.permits(rules.exempt, name, symbol):
        project.report(name, 1, f"{room} never logs or prints, but this needs {symbol}")


def check_single(project, name, symbol, owners):
    """A linker takes one of two in libraries without a word."""
    other = owners.setdefault(symbol, name)
    if other != name:
        project.report(name, 1, f"external symbol {symbol} is defined in {other} as well")


def check_symbols(project, rules, build):
    count = 0
    owners = {}
    for name, path in objects(project, build, rules):
        for kind, symbol in read_symbols(path):
            if kind in "Uw":
                check_needed(project, rules, name, symbol)
            else:
                check_defined(project, rules, name, symbol)
                check_single(project, name, symbol, owners)
                count += 1
    if not count:
        project.report(str(build), 0, "no objects of the rooms here; build it first")
    return count


def check(project, options):
    rules = Rules(project)
    check_includes(project, rules)
    symbols = "no"
    if options.build:
        symbols = check_symbols(project, rules, project.root / options.build)
    for row in rules.unused():
        if options.build or row in rules.homes:
            project.report(RULES, row[0], f"nothing uses the permission for {row[1]} {row[2]}")
    return f"{len(rules.prefix)} rooms, {symbols} symbols"


if __name__ == "__main__":
    p.main(check, [("--build", {"help": "a build folder, for the symbol rules"})])
