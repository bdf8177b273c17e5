#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers in other forms: OCSF events that Python's jsonschema finds valid by OCSF's own schemas, and
CSV that Python reads as the same rows as JSON."""
import csv
import io
import json
import os
import subprocess

from telemetry import clients_python
from world import ROOT, World, check, check_has, main, wait_for

SCHEMAS = os.path.join(ROOT, "../shared/corpora/ocsf/json-schema")

# Runs with the interpreter that has jsonschema: events on stdin, the folder of schemas as argument.
JUDGE = r'''
import json, os, sys
from jsonschema import Draft202012Validator
validators = {}
for name in os.listdir(sys.argv[1]):
    if name.endswith(".security_control.json"):
        with open(os.path.join(sys.argv[1], name)) as f:
            validators[int(name[:4])] = Draft202012Validator(json.load(f))
classes = {}
for line in sys.stdin:
    event = json.loads(line)
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], event
    errors = [e.message for e in validators[event["class_uid"]].iter_errors(event)]
    assert not errors, (errors, event)
    classes[event["class_uid"]] = classes.get(event["class_uid"], 0) + 1
print(json.dumps(classes))
'''


def started(w):
    w.up()
    w.run_orders()
    alice, bob = w.token("alice", clearance=2), w.token("=bob,\"x\"", groups="")
    for token, status in ((alice, 200), (bob, 403), ("nonsense", 401)):
        check(w.get("/orders?limit=1", token).status == status, (token, status))
    w.shipped()
    wait_for("the records", lambda: len(w.audit("kind=access or kind=identity")) >= 3)


def ocsf_is_valid():
    with World() as w:
        started(w)
        events = w.cli("audit", "--format", "ocsf").out
        rows = w.audit("kind!=admin")
        said = [json.loads(line) for line in events.splitlines()]
        check({r["id"] for r in rows} <= {e["metadata"]["uid"] for e in said}, (rows, said))
        denied = [e for e in said if e["class_uid"] == 6005 and e["action_id"] == 2]
        check(denied and denied[0]["actor"]["user"]["uid"].endswith('=bob,"x"'), denied)
        r = w.cli("audit", "--format", "ocsf", "| count by kind", check_code=2)
        check_has(r.err, "format json only")
        python = clients_python("jsonschema")
        if not python or not os.path.isdir(SCHEMAS):
            print("skipped: the schemas: no ../shared/corpora/ocsf, or no jsonschema", flush=True)
            return
        p = subprocess.run([python, "-c", JUDGE, SCHEMAS], input=events, text=True, timeout=120,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        check(p.returncode == 0, p.stderr[-2000:])
        classes = json.loads(p.stdout)
        check({"6005", "3002", "3004", "6003"} <= set(classes), classes)
        print(f"{len(said)} events of {len(classes)} classes are valid", flush=True)


def csv_says_the_same():
    with World() as w:
        started(w)
        query = "kind=access | fields principal.id, request.path, request.status, policies"
        rows = w.audit(query)
        table = list(csv.reader(io.StringIO(w.cli("audit", "--format", "csv", query).out,
                                            newline="")))
        check(table[0] == ["id", "principal.id", "request.path", "request.status", "policies"],
              table)
        check(len(table) == len(rows) + 1, (rows, table))
        for row, cells in zip(rows, table[1:]):
            record = row["record"]
            check(cells[0] == row["id"], (row, cells))
            check(cells[1] == record["principal.id"], (row, cells))
            check(cells[2] == record.get("request.path", ""), (row, cells))
            check(cells[3] == str(record.get("request.status", "")), (row, cells))
            check((json.loads(cells[4]) if cells[4] else []) == record.get("policies", []), cells)
        check(w.cli("audit", "--format", "csv", "product=none", check_code=1).out.count("\n") == 1,
              "a head alone")
        w.cli("audit", "--format", "xml", check_code=2)


if __name__ == "__main__":
    main(ocsf_is_valid, csv_says_the_same)
