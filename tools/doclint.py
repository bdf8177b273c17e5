#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents tell the truth about the tree.

Every path named in a *.md (in backticks, or as a link) and in a C comment exists, every `./dev VERB`
and `outrider VERB` is one, every room with code has a README.md of at most 60 lines. A path may hold *, {a,b} and
a line number; <placeholder> in it means an example, which is not looked for. No text names a path
of somebody's machine or carries a leftover marker.
"""

import fnmatch
import itertools
import pathlib
import re

import project as p

README_LINES = 60
KINDS = r"c|h|md|py|sh|txt|cmake|proto|json|ya?ml|cedar|cedarschema|service|html|js|css"
# Pieced together, or this file would find itself.
MACHINE = re.compile(r"(?<![\w.$}])/(?:" + "wo" + r"rk|ro" + r"ot|ho" + r"me/\w+)/")
MARKER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MODULE = (".c", ".h", "_test.c", "_test.py")  # base/json means base/json.c
BARE = re.compile(rf"^[\w*-]+(?:\.[\w-]+)*\.(?:c|h|py|sh|md|proto|cmake)$")
DEV = re.compile(r"\./dev ([a-z]+)")
# In code: at the start of a line of a block, of words in backticks, or of a substitution.
CLI = re.compile(r"(?:^(?: {4,}|\$ )?|`|\$\()outrider ([a-z]+)", re.M)
CLI_VERB = re.compile(r'\{"([a-z]+)", "[^"]*", ctl_\w+\}')

_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.S | re.M)
_PLAIN = re.compile(rf"(?<![\w./<-])((?:[\w*{{}},-]+/)+[\w*{{}},.-]+\.(?:{KINDS}))\b")


def expand(text):
    """a{b,c}d -> abd, acd."""
    parts = [part.split(",") if i % 2 else [part] for i, part in enumerate(re.split(r"[{}]", text))]
    return ["".join(choice) for choice in itertools.product(*parts)]


class Tree:
    def __init__(self, project):
        self.paths = project.known | project.folders
        self.names = {path.rsplit("/", 1)[-1] for path in project.known}
        self.tops = {path.split("/", 1)[0] for path in self.paths} - {"build", "."}

    def has(self, path, folder):
        """True where the path exists, seen from the root or from the document's folder."""
        for start in ("", folder):
            full = normal(f"{start}/{path}" if start else path)
            if full is None or full in self.paths:  # outside the project: not ours to judge
                return True
            if any(full + ending in self.paths for ending in MODULE):
                return True
            if "*" in full and any(fnmatch.fnmatchcase(known, full) for known in self.paths):
                return True
        return False


def normal(path):
    parts = []
    for part in path.split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def is_claim(tree, word):
    """True for a word that can only be meant as a path of this project."""
    if re.search(r"[<>$()\s=:;@|\"'…]|://", word) or word.startswith(("/", "-", "~", "build/")):
        return False
    first, slash, _ = word.partition("/")
    if not slash:
        return False
    return first in tree.tops or re.search(rf"\.(?:{KINDS})$", word) is not None


def check_path(project, tree, name, line, word):
    folder = pathlib.PurePath(name).parent.as_posix()
    folder = "" if folder == "." else folder
    word = re.sub(r":\d+$", "", word).rstrip("/.,;:")
    if is_claim(tree, word):
        missing = [path for path in expand(word) if not tree.has(path, folder)]
    elif BARE.match(word):
        missing = [] if fnmatch.filter(tree.names, word) else [word]
    else:
        return
    for path in missing:
        project.report(name, line, f"there is no {path}")


def check_link(project, name, line, target):
    if re.match(r"^[a-z]+:", target):
        return
    path, _, anchor = target.partition("#")
    folder = pathlib.PurePath(name).parent.as_posix()
    full = normal(f"{folder}/{path}") if path else name
    if full is None:
        return
    if full not in project.known | project.folders:
        project.report(name, line, f"the link leads to no {full}")
    elif anchor and full.endswith(".md") and anchor not in anchors(project.read(full)):
        project.report(name, line, f"{full} has no heading #{anchor}")


def anchors(text):
    heads = re.findall(r"^#+ +(.*?) *$", _FENCE.sub("", text), re.M)
    return {re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", head.lower())) for head in heads}


def each(pattern, text):
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def find_verbs(project):
    """{program: verbs}; a program that is not there yet has none and is not checked."""
    dev = {pathlib.PurePath(f).stem for f in project.files if re.match(r"tools/dev/\w+\.sh$", f)}
    cli = set()
    if "cli/main.c" in project.known:
        cli = set(CLI_VERB.findall(project.read("cli/main.c")))
    return {"./dev": (DEV, dev), "outrider": (CLI, cli)}


def check_markdown(project, tree, verbs, name):
    text = project.read(name)
    prose = _FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    for line, code in each(_CODE, prose):
        for word in code.split():
            check_path(project, tree, name, line, word)
    for line, target in each(_LINK, prose):
        check_link(project, name, line, target)
    for program, (pattern, known) in verbs.items():
        for line, verb in each(pattern, text):
            if known and verb not in known | {"help"}:
                project.report(name, line, f"{program} has no verb {verb}")


def check_comments(project, tree, name):
    for line, comment in p.comments(project.read(name)):
        words = [w for _, code in each(_CODE, comment) for w in code.split()]
        words += [path for _, path in each(_PLAIN, comment) if path.split("/")[0] in tree.tops]
        for word in words:
            check_path(project, tree, name, line, word)


def check_text(project, name):
    for number, line in enumerate(project.read(name).splitlines(), 1):
        for match in MACHINE.finditer(line):
            project.report(name, number, f"a path of somebody's machine: {match.group(0)}")
        for match in MARKER.finditer(line):
            project.report(name, number, f"a leftover marker: {match.group(0)}")


def check_readmes(project):
    if "tools/rooms.txt" not in project.known:
        return
    rooms = [f[1] for _, f in project.lines_of_table("tools/rooms.txt") if f[0] == "room"]
    for room in rooms + ["tests", "tools"]:
        readme = f"{room}/README.md"
        has_code = any(f.startswith(f"{room}/") and f.endswith((".c", ".py")) for f in project.files)
        if readme not in project.known:
            if has_code:
                project.report(readme, 1, "a room with code has a README.md")
        elif project.read(readme).count("\n") > README_LINES:
            project.report(readme, README_LINES + 1, f"more than {README_LINES} lines")


def is_text(name):
    if name.startswith("tests/corpus/"):
        return False
    return "." not in pathlib.PurePath(name).name or name.endswith(
        (".in", *(f".{kind}" for kind in "c h md py sh txt cmake proto yaml yml cedar".split()))
    )


def check(project, _):
    tree = Tree(project)
    verbs = find_verbs(project)
    documents = project.named(".md")
    for name in documents:
        check_markdown(project, tree, verbs, name)
    for name in project.named(".c", ".h"):
        check_comments(project, tree, name)
    for name in filter(is_text, project.files):
        check_text(project, name)
    check_readmes(project)
    return f"{len(documents)} documents"


if __name__ == "__main__":
    p.main(check)
