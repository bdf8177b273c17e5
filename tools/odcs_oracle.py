#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verdicts of a JSON Schema validator over a folder of data contracts or data products.

    tools/odcs_oracle.py DIR > expected.json

Reads DIR/schema/*.json (the shortest name) and every document under DIR/examples and DIR/fixtures;
prints {"examples/x.odcs.yaml": true, ...}. Needs python3-jsonschema and python3-yaml. YAML scalars
resolve by YAML 1.2's core schema, so dates are strings.
"""
import json
import os
import re
import sys

import jsonschema
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


def documents(top):
    for part in ("examples", "fixtures"):
        for folder, _, names in os.walk(os.path.join(top, part)):
            for name in names:
                if name.endswith((".yaml", ".yml", ".json")):
                    yield os.path.relpath(os.path.join(folder, name), top)


def main(top):
    schemas = os.path.join(top, "schema")
    name = min((n for n in os.listdir(schemas) if n.endswith(".json")), key=len)
    with open(os.path.join(schemas, name), encoding="utf-8") as f:
        validator = jsonschema.Draft201909Validator(json.load(f))
    verdicts = {}
    for rel in sorted(documents(top)):
        with open(os.path.join(top, rel), encoding="utf-8") as f:
            verdicts[rel] = validator.is_valid(yaml.load(f, Loader))
    json.dump(verdicts, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
