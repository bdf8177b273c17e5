# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the project's files, C text without comments, and reporting.

A lint is a program `tools/NAME.py [--root DIR]` that prints `path:line: what is wrong` and exits
with 1 where it found something. It reads the working tree, so it works before a commit too.
"""

import argparse
import pathlib
import re
import sys

SKIPPED = re.compile(r"^(build.*|\..*|__pycache__)$")
SHOWN = {".ci"}  # a folder with a dot that is ours

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.S
)
# clang-format puts the braces of a function, and no others, into the first column.
_FUNCTION = re.compile(r"^\{.*?^\}", re.S | re.M)
_NAME = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


def walk(folder):
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name in SHOWN or not SKIPPED.match(path.name):
                yield from walk(path)
        else:
            yield path


class Project:
    """The files under a root, and the findings of one lint."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.files = [path.relative_to(self.root).as_posix() for path in walk(self.root)]
        self.known = set(self.files)
        self.folders = {parent.as_posix() for f in self.files for parent in pathlib.Path(f).parents}
        self.findings = []

    def named(self, *suffixes):
        return [f for f in self.files if f.endswith(suffixes)]

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def lines_of_table(self, name):
        """(line number, fields) of a text file in which # begins a comment."""
        for number, line in enumerate(self.read(name).splitlines(), 1):
            fields = line.split("#", 1)[0].split()
            if fields:
                yield number, fields

    def report(self, name, line, message):
        self.findings.append((name, line, message))

    def finish(self, summary):
        for name, line, message in sorted(self.findings):
            print(f"{name}:{line}: {message}")
        if not self.findings:
            print(summary)
        return 1 if self.findings else 0


def main(check, arguments=()):
    """Runs check(project, options) -> summary as a program."""
    parser = argparse.ArgumentParser(description=sys.modules[check.__module__].__doc__)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    for name, options in arguments:
        parser.add_argument(name, **options)
    options = parser.parse_args()
    project = Project(options.root)
    sys.exit(project.finish(check(project, options)))


def blank(text, strings=True):
    """The text with comments (and the insides of strings) replaced by blanks, lines kept."""

    def wipe(match):
        if match.group("text") and not strings:
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))

    return _TOKEN.sub(wipe, text)


def comments(text):
    """(line, comment) of every comment."""
    for match in _TOKEN.finditer(text):
        if match.group("comment"):
            yield text.count("\n", 0, match.start()) + 1, match.group("comment")


def functions(text):
    """(name, line of its head, number of lines, body) of every function of blanked C text."""
    for match in _FUNCTION.finditer(text):
        head = re.split(r"[;}]|^[ \t]*#[^\n]*$", text[: match.start()], flags=re.M)[-1]
        names = [n for n in _NAME.findall(head) if n != "__attribute__" and not n.isupper()]
        if not names or "=" in head:
            continue
        first = text.count("\n", 0, match.start() - len(head.lstrip())) + 1
        last = text.count("\n", 0, match.end()) + 1
        yield names[0], first, last - first + 1, match.group(0)


def is_test(name):
    """Tests, and programs that only check or measure (a suite's parts are conformance_*.h)."""
    ending = ("_test.c", "_fuzz.c", "_bench.c", "_tool.c")
    return name.endswith(ending) or name.startswith("tests/") or "/conformance_" in name
