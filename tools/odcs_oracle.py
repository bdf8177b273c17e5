#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the JSON Schema itself says of a folder of data contracts or data products.

    tools/odcs_oracle.py DIR [SCHEMAS] > expected.json

Reads SCHEMAS/*.json (the shortest name; DIR/schema where not given) and every document under DIR/examples and DIR/fixtures;
prints {"examples/x.odcs.yaml": true, ...}. product/ holds its rules as tables; this reads the
schema, so the two are independent. The evaluator knows the keywords of draft 2019-09 that the two
standards use and stops at any other. It carries the evaluated properties along in one pass: some
validators evaluate unevaluatedProperties anew at every level, and take hours for nested columns.
Needs python3-yaml. YAML scalars resolve by YAML 1.2's core schema, so dates are strings.
"""
import json
import os
import re
import sys

import yaml


class Loader(yaml.SafeLoader):
    pass


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
              r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+0123456789."),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), list(first))


def integer(loader, node):
    text = loader.construct_scalar(node)
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:] if base != 10 else text, base)


Loader.add_constructor("tag:yaml.org,2002:int", integer)

ANNOTATIONS = {"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples",
               "deprecated", "format"}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TYPES = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: is_number(v) and float(v).is_integer(),
    "number": is_number,
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def canonical(value):
    """Equal for what JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if is_number(value):
        return "n%r" % float(value)
    if isinstance(value, list):
        return "[%s]" % ",".join(map(canonical, value))
    if isinstance(value, dict):
        return "{%s}" % ",".join(f"{k!r}:{canonical(value[k])}" for k in sorted(value))
    return json.dumps(value)


class Schema:
    """check() gives the set of evaluated properties, or None where the value is not valid."""

    def __init__(self, root):
        self.root = root

    def resolve(self, ref):
        at = self.root
        for part in ref.removeprefix("#/").split("/"):
            at = at[part.replace("~1", "/").replace("~0", "~")]
        return at

    def check(self, schema, value):
        if isinstance(schema, bool):
            return set() if schema else None
        seen = set()
        # unevaluatedProperties looks at what all the others have seen
        for keyword in sorted(schema, key=lambda k: k == "unevaluatedProperties"):
            if keyword in ANNOTATIONS or keyword in ("then", "else"):
                continue
            rule = getattr(self, "on_" + keyword.lstrip("$"))
            more = rule(schema[keyword], value, schema, seen)
            if more is None or more is False:
                return None
            if more is not True:
                seen |= more
        return seen

    def on_ref(self, ref, value, *_):
        return self.check(self.resolve(ref), value)

    def on_type(self, names, value, *_):
        return any(TYPES[n](value) for n in ([names] if isinstance(names, str) else names))

    def on_enum(self, values, value, *_):
        return canonical(value) in map(canonical, values)

    def on_const(self, wanted, value, *_):
        return canonical(value) == canonical(wanted)

    def on_pattern(self, pattern, value, *_):
        return not isinstance(value, str) or re.search(pattern, value) is not None

    def on_required(self, names, value, *_):
        return not isinstance(value, dict) or all(name in value for name in names)

    def on_properties(self, properties, value, *_):
        if not isinstance(value, dict):
            return True
        known = set(properties) & set(value)
        if any(self.check(properties[name], value[name]) is None for name in known):
            return None
        return known

    def on_additionalProperties(self, rule, value, schema, _):
        if not isinstance(value, dict):
            return True
        more = set(value) - set(schema.get("properties", {}))
        return None if any(self.check(rule, value[name]) is None for name in more) else more

    def on_unevaluatedProperties(self, rule, value, _, seen):
        if not isinstance(value, dict):
            return True
        more = set(value) - seen
        return None if any(self.check(rule, value[name]) is None for name in more) else more

    def on_items(self, rule, value, *_):
        return not isinstance(value, list) or all(
            self.check(rule, item) is not None for item in value)

    def on_minItems(self, n, value, *_):
        return not isinstance(value, list) or len(value) >= n

    def on_maxItems(self, n, value, *_):
        return not isinstance(value, list) or len(value) <= n

    def on_uniqueItems(self, on, value, *_):
        return not on or not isinstance(value, list) or len(set(map(canonical, value))) == len(value)

    def on_minimum(self, n, value, *_):
        return not is_number(value) or value >= n

    def on_exclusiveMinimum(self, n, value, *_):
        return not is_number(value) or value > n

    def passing(self, schemas, value):
        return [seen for seen in (self.check(s, value) for s in schemas) if seen is not None]

    def on_allOf(self, schemas, value, *_):
        passed = self.passing(schemas, value)
        return set().union(*passed) if len(passed) == len(schemas) else None

    def on_anyOf(self, schemas, value, *_):
        passed = self.passing(schemas, value)
        return set().union(*passed) if passed else None

    def on_oneOf(self, schemas, value, *_):
        passed = self.passing(schemas, value)
        return passed[0] if len(passed) == 1 else None

    def on_not(self, schema, value, *_):
        return self.check(schema, value) is None

    def on_if(self, condition, value, schema, _):
        seen = self.check(condition, value)
        branch = self.check(schema.get("else" if seen is None else "then", True), value)
        return None if branch is None else (seen or set()) | branch


def documents(top):
    for part in ("examples", "fixtures"):
        for folder, _, names in os.walk(os.path.join(top, part)):
            for name in names:
                if name.endswith((".yaml", ".yml", ".json")):
                    yield os.path.relpath(os.path.join(folder, name), top)


def main(top, schemas=None):
    schemas = schemas or os.path.join(top, "schema")
    name = min((n for n in os.listdir(schemas) if n.endswith(".json")), key=len)
    with open(os.path.join(schemas, name), encoding="utf-8") as f:
        schema = Schema(json.load(f))
    verdicts = {}
    for rel in sorted(documents(top)):
        with open(os.path.join(top, rel), encoding="utf-8") as f:
            verdicts[rel] = schema.check(schema.root, yaml.load(f, Loader)) is not None
    json.dump(verdicts, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
