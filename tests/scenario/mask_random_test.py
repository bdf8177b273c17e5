#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random documents and masks: the streaming maskers against a slow reference that reads all at once.

The reference knows the rules (policy/mask.h, agent/gate/mask/) and nothing of the code: it takes a
document apart into a tree of texts, puts what stands for each masked value in its place, and
joins the texts again. MASK_RANDOM_N documents of each format; MASK_RANDOM_SEED, by
default 1, chooses which (./dev nightly takes others each time).
"""

import base64
import hashlib
import hmac
import json
import os
import random
import re
import subprocess
import sys

BIN = os.environ.get("OUTRIDER_BIN", "build/dev/bin")
KEY = b"the key of tests"
ORDER = ["null", "default", "constant", "redact", "hash", "date-year", "date-month", "email", "last", "first"]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z", re.ASCII)
DATE = re.compile(
    r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"(?:([Tt ])\d\d:\d\d(?::\d\d)?(?:\.\d+)?(|[Zz]|[+-]\d\d:?\d\d))?\Z", re.ASCII)
EMAIL = re.compile(r".+@([A-Za-z0-9.-]+)\Z", re.ASCII | re.DOTALL)


class Fault(Exception):
    pass


# -- one value --

def shape(c):
    if "A" <= c <= "Z":
        return "X"
    if "a" <= c <= "z" or c > "\x7f":
        return "x"
    return "0" if "0" <= c <= "9" else c


def date(text, keep, rest):
    m = DATE.match(text)
    if not m:
        return None
    day = text[:keep] + rest
    return day + m[4] + "00:00:00" + m[5] if m[4] else day


def part(kind, n, text):
    """What a kind that shows a part leaves of a text; None: nothing."""
    if kind == "redact":
        return "".join(map(shape, text))
    if kind == "date-year":
        return date(text, 4, "-01-01")
    if kind == "date-month":
        return date(text, 7, "-01")
    if kind == "email":
        m = EMAIL.match(text)
        return "x@" + m[1] if m else None
    if len(text) <= n:
        return None
    return text[:n] + "x" * (len(text) - n) if kind == "first" else "x" * (len(text) - n) + text[-n:]


def shown(mask, kind_of_value, text):
    """(form, text): form is nothing, bare or text."""
    kind, n, constant = mask
    if kind == "constant":
        return "text", constant
    if kind == "null":
        return "nothing", ""
    if kind == "default":
        if kind_of_value == "string":
            return "text", date(text, 0, "1970-01-01") or ""
        return "bare", "0" if kind_of_value == "number" else "false"
    if kind == "hash":
        return "text", hmac.new(KEY, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    if kind_of_value == "bool":
        return "nothing", ""
    left = part(kind, n, text)
    return ("nothing", "") if left is None else ("text", left)


def names_column(names, column):
    """Do the names from the root to a member end in the column's? A name may hold several, with dots."""
    for k in range(1, len(column) + 1):
        run = ".".join(column[-k:])
        if k == len(column) and (names[-1] == run or names[-1].endswith("." + run)):
            return True
        if names[-1] == run and len(names) > 1 and names_column(names[:-1], column[:-k]):
            return True
    return False


def strictest(masks, names):
    """The mask of a member whose names from the root are given."""
    owed = [m for column, m in masks if names_column(names, column)]
    return min(owed, key=lambda m: (ORDER.index(m[0]), m[1], m[2].encode())) if owed else None


# -- JSON --

BLANK = " \t\n\r"


class Json:
    def __init__(self, text, masks):
        self.text, self.masks, self.at = text, masks, 0

    def blanks(self):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in BLANK:
            self.at += 1
        return self.text[start:self.at]

    def expect(self, c):
        if not self.text.startswith(c, self.at):
            raise Fault("malformed")
        self.at += len(c)
        return c

    def string(self):
        """(as it stands, decoded)"""
        start = self.at
        self.expect('"')
        while not self.text.startswith('"', self.at):
            if self.at >= len(self.text):
                raise Fault("malformed")
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at += 1
        raw = self.text[start:self.at]
        return raw, json.loads(raw)

    def value(self, names, owed):
        c = self.text[self.at:self.at + 1]
        if c == "{":
            out = self.object(names, owed is None)
            kind = "object"
        elif c == "[":
            keeps = owed is None or owed[0] not in ("null", "constant", "default")
            out = self.list(names, owed if keeps else None)
            kind = "list"
            if keeps:
                return out
        elif c == '"':
            out, decoded = self.string()
            kind = "string"
        else:
            m = re.compile(r"[-+.0-9A-Za-z]+").match(self.text, self.at)
            if not m:
                raise Fault("malformed")
            out = decoded = m[0]
            self.at = m.end()
            kind = {"true": "bool", "false": "bool", "null": "null"}.get(out, "number")
            if kind == "number" and not NUMBER.match(out):
                raise Fault("malformed")
        if owed is None or (kind == "null" and owed[0] != "constant"):
            return out
        if kind in ("object", "list"):
            if owed[0] == "default":
                return "{}" if kind == "object" else "[]"
            return self.quote(owed[2]) if owed[0] == "constant" else "null"
        decoded = re.sub("[\ud800-\udfff]", "\ufffd", decoded)
        form, text = shown(owed, kind, decoded)
        return self.quote(text) if form == "text" else text if form == "bare" else "null"

    @staticmethod
    def quote(text):
        out = '"'
        for c in text:
            out += "\\" + c if c in '"\\' else "\\u%04x" % ord(c) if c < " " else c
        return out + '"'

    def object(self, names, looks):
        out = self.expect("{") + self.blanks()
        had = set()
        if self.text.startswith("}", self.at):
            self.at += 1
            return out + "}"
        while True:
            raw, name = self.string()
            if re.search("[\ud800-\udfff]", name):
                raise Fault("malformed")
            if name in had:
                raise Fault("duplicate")
            had.add(name)
            out += raw + self.blanks() + self.expect(":") + self.blanks()
            owed = strictest(self.masks, names + [name]) if looks else None
            out += self.value(names + [name], owed) + self.blanks()
            if self.text.startswith("}", self.at):
                self.at += 1
                return out + "}"
            out += self.expect(",") + self.blanks()

    def list(self, names, owed):
        out = self.expect("[") + self.blanks()
        if self.text.startswith("]", self.at):
            self.at += 1
            return out + "]"
        while True:
            out += self.value(names, owed) + self.blanks()
            if self.text.startswith("]", self.at):
                self.at += 1
                return out + "]"
            out += self.expect(",") + self.blanks()

    def whole(self):
        out = self.blanks() + self.value([], None) + self.blanks()
        if self.at < len(self.text):
            raise Fault("malformed")
        return out


def mask_json(text, masks):
    return Json(text, masks).whole()


def mask_ndjson(text, masks):
    return "\n".join(mask_json(line, masks) if line.strip(BLANK) else line for line in text.split("\n"))


# -- CSV --

def rows_of(text):
    """Rows of (as it stands, decoded, end)."""
    field = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\Z)')
    at, row = 0, []
    while True:
        m = field.match(text, at)
        if not m:
            raise Fault("malformed")
        raw = text[m.start():m.start(3)]
        row.append((raw, m[2] if m[1] is None else m[1].replace('""', '"'), m[3]))
        at = m.end()
        if m[3] != ",":
            yield row
            row = []
            if at == len(text):
                return


def mask_field(mask, decoded):
    if not decoded and mask[0] != "constant":
        return ""
    kind = "bool" if decoded.lower() in ("true", "false") else "number" if NUMBER.match(decoded) else "string"
    _, text = shown(mask, kind, decoded)
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text


def mask_csv(text, masks):
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    rows = list(rows_of(text[len(mark):]))
    owed = [strictest(masks, [name.strip(" \t")]) for _, name, _ in rows[0]]
    out = mark + "".join(raw + end for raw, _, end in rows[0])
    for row in rows[1:]:
        if len(row) != len(owed):
            raise Fault("malformed")
        for mask, (raw, decoded, end) in zip(owed, row):
            out += (mask_field(mask, decoded) if mask else raw) + end
    return out


# -- random documents --

NAMES = ["a", "b", "id", "email", "a.b", "é", "😀", "x y", "b.c", "customer", "phone", ""]
TEXTS = ["", "a", "Ann Lee", "ann@example.com", "x@y@z.org", "no@spaces here", "2024-05-17", "2024-13-01",
         "1999-12-31T23:59:59.5Z", "2020-02-02 10:00:00+01:00", "2020-02-02T10:00", "4111111111111111", "Zoë",
         "日本語テキスト", "😀😀😀", "line\nbreak", 'qu"ote', "back\\slash", "tab\t", "\x01\x1f", "true", "0", "-12.50e3",
         "a,b", "007", "\u2028", "@example.com", "a@", "1" * 30, "long " * 300]
NUMBERS = ["0", "-0", "1", "12345678901234567890123456789", "0.1", "1e5", "-1.5E-10", "1E+400", "3.0"]


class Random(random.Random):
    def name(self):
        return self.choice(NAMES)

    def masks(self):
        out, spec = {}, []
        for _ in range(self.randint(1, 4)):
            path = [self.choice([n for n in NAMES if n]) for _ in range(self.choice([1, 1, 1, 2, 3]))]
            kind = self.choice(ORDER)
            n = self.randint(1, 6) if kind in ("last", "first") else 0
            constant = self.choice(["gone", "qu'ote", "", "x, y", "tab"]) if kind == "constant" else ""
            column = ".".join(p.replace(".", "\\\\.") for p in path)
            if column in out:
                continue
            out[column] = (path, (kind, n, constant))
            text = f"{kind}-{n}" if n else kind
            text += ":" + constant.replace(",", "\\\\,") if kind == "constant" else ""
            spec.append(f"{column}:{text}")
        return ", ".join(spec), list(out.values())

    def blank(self, lines):
        return "".join(self.choices(" \t" if lines else " \t\n\r", k=self.choice([0, 0, 0, 1, 2])))

    def quote(self, text):
        out = '"'
        for c in text:
            r = self.random()
            if c in '"\\' or c < " ":
                out += json.dumps(c)[1:-1] if r < 0.5 else "\\u%04x" % ord(c)
            elif r < 0.1:
                out += json.dumps(c)[1:-1] if c > "\x7f" else "\\u%04X" % ord(c)
            else:
                out += "\\/" if c == "/" else c
        if self.random() < 0.01:
            out += self.choice(["\\ud800", "\\udc00x", "\\ud83d\\ud83d"])
        return out + '"'

    def value(self, depth, lines):
        r = self.random()
        if depth > 5 or r < 0.35:
            return self.quote(self.choice(TEXTS))
        if r < 0.5:
            return self.choice(NUMBERS)
        if r < 0.6:
            return self.choice(["true", "false", "null"])
        if r < 0.75:
            return self.group("[", "]", [self.value(depth + 1, lines) for _ in range(self.randint(0, 4))], lines)
        return self.object(depth, lines)

    def object(self, depth, lines):
        members = []
        had = set()
        for _ in range(self.randint(0, 6)):
            name = self.name()
            if name in had and self.random() < 0.98:
                continue
            had.add(name)
            members.append(self.quote(name) + self.blank(lines) + ":" + self.blank(lines) + self.value(depth + 1, lines))
        return self.group("{", "}", members, lines)

    def group(self, left, right, items, lines):
        return left + self.blank(lines) + ("," + self.blank(lines)).join(i + self.blank(lines) for i in items) + right

    def json(self):
        return self.blank(False) + self.value(0, False) + self.blank(False)

    def ndjson(self):
        lines = [self.blank(True) + (self.object(0, True) if self.random() < 0.95 else "") for _ in range(self.randint(1, 6))]
        return self.choice(["\n", "\r\n"]).join(lines) + self.choice(["", "\n"])

    def csv(self):
        columns = [self.name() for _ in range(self.randint(1, 5))]
        rows = [columns] + [[self.choice(TEXTS) for _ in columns] for _ in range(self.randint(0, 6))]
        if self.random() < 0.05:
            rows[-1].append("extra")
        end = self.choice(["\n", "\r\n"])
        lines = [",".join(self.field(f) for f in row) for row in rows]
        return self.choice(["", "\ufeff"]) + end.join(lines) + (end if not lines[-1] else self.choice(["", end]))

    def field(self, text):
        must = re.search('[",\r\n\t;|]', text)
        if must or self.random() < 0.3:
            return '"' + text.replace('"', '""') + '"'
        return text

    def damage(self, text):
        at = self.randrange(len(text) + 1)
        return text[:at] + self.choice(["", '"', "}", "]", ",", "\\", "\x00", "\r", "1", "\n"]) + text[at + self.randint(0, 2):]


def reference(form, text, masks):
    try:
        return "ok", {"json": mask_json, "ndjson": mask_ndjson, "csv": mask_csv}[form](text, masks)
    except (Fault, ValueError, RecursionError) as e:
        return str(e) if isinstance(e, Fault) else "malformed", None


def main():
    seed = int(os.environ.get("MASK_RANDOM_SEED", 1))
    n = int(os.environ.get("MASK_RANDOM_N", 1500))
    r = Random(seed)
    print(f"MASK_RANDOM_SEED={seed}")
    tool = subprocess.Popen([f"{BIN}/mask-oracle-tool"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts = {}
    failed = 0
    for i in range(3 * n):
        form = ["json", "ndjson", "csv"][i % 3]
        spec, masks = r.masks()
        text = getattr(r, form)()
        damaged = r.random() < 0.1
        text = r.damage(text) if damaged else text
        doc = text.encode("utf-8")
        tool.stdin.write(json.dumps({"format": form, "masks": spec, "doc": base64.b64encode(doc).decode()}) + "\n")
        tool.stdin.flush()
        got = json.loads(tool.stdout.readline())
        out = base64.b64decode(got["out"])
        fault, wanted = reference(form, text, masks)
        # what is wrong in a damaged document is named by whoever meets it first
        same = got["fault"] == "ok" and out == wanted.encode() if fault == "ok" else got["fault"].startswith("mask_")
        if not damaged and fault == "duplicate":
            same = got["fault"] == "mask_duplicate_key"
        counts[form, fault == "ok"] = counts.get((form, fault == "ok"), 0) + 1
        if not same:
            failed += 1
            print("DIFFERS", form, spec)
            for name, what in ("doc", text), ("wanted " + fault, wanted), ("got " + got["fault"], out.decode("utf-8", "replace")):
                print(f"  {name}: {what!r}")
            if failed > 5:
                break
    tool.stdin.close()
    assert tool.wait() == 0
    for (form, ok), count in sorted(counts.items()):
        print(f"{form}: {count} {'masked' if ok else 'refused'}")
    print(f"{3 * n - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
