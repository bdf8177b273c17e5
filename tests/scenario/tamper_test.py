#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A byte changed anywhere in what the audit trail consists of is found and named by `verify`:
records (segments and parts), tiles, checkpoint, the state at a segment's head, inputs of decisions,
what describes the log; in each kind of file, and at random places. OUTRIDER_TAMPER says how many
bytes of each kind (4)."""
import http.client
import json
import os
import random
import re

from world import World, check, check_has, main, wait_for

ROUNDS = int(os.environ.get("OUTRIDER_TAMPER", "4"))
KINDS = [("checkpoint", r"shards/\d+/checkpoint"), ("segment", r"shards/\d+/segments/.*\.seg"),
         ("part", r"shards/\d+/parts/.*\.part"), ("tile", r"shards/\d+/tile/.*"),
         ("inputs", r"shards/\d+/inputs/.*"), ("log.json", r"log\.json"),
         ("shards.json", r"shards\.json"), ("collector_id", r"collector_id")]


def files_of(root):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.getsize(path):
                yield os.path.relpath(path, root)


def ask_often(w, n):
    """Each question is a record under a frame."""
    with open(os.path.join(w.state, "collector/admin.token"), encoding="utf-8") as f:
        headers = {"Authorization": f"Bearer {f.read().strip()}"}
    connection = http.client.HTTPConnection(w.collector_listen, timeout=60)
    for i in range(n):
        connection.request("GET", f"/v1/audit?q=product%3Dnone{i}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        check(answer.status == 200, answer.status)
    connection.close()


def name_of(relative):
    """What verify has to say: the file, or of inputs and tiles their path below the shard."""
    parts = relative.split("/")
    return "/".join(parts[2:]) if parts[0] == "shards" and parts[2] in ("tile", "inputs") \
        else parts[-1]


def flip(path, at, bit):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << bit]))


def tamper(w, root, relative, at, bit):
    path = os.path.join(root, relative)
    place = f"{relative}, byte {at}, bit {bit}"
    flip(path, at, bit)
    try:
        r = w.cli("verify", "--dir", root, check_code=None)
    finally:
        flip(path, at, bit)
    check(r.code == 1, f"{place}: {r}")
    check(name_of(relative) in r.out + r.err, f"{place}: {name_of(relative)} is not named: {r}")


def a_changed_byte_is_found_and_named():
    rng = random.Random(4711)
    with World() as w:
        w.env["OUTRIDER_SEAL_AGE"] = "1s"
        w.up()
        w.run_orders()
        token = w.token("alice", "--claim", "clearance=2")
        root = os.path.join(w.state, "collector")
        ask_often(w, 300)

        def is_sealed():
            check(w.get("/totals?limit=1", token).status == 200, "a request")
            w.shipped()
            return any(p.endswith(".part") for p in files_of(root))

        wait_for("a part", is_sealed)
        for run in w.runs:
            run.terminate()
            run.wait(40)
        ask_often(w, 3)
        w.cli("down")
        check_has(w.cli("verify", "--dir", root).out, "complete and unchanged")
        total = 0
        for kind, pattern in KINDS:
            paths = sorted(p for p in files_of(root) if re.fullmatch(pattern, p))
            check(paths, f"there is no file of the kind {kind}")
            for _ in range(ROUNDS):
                relative = rng.choice(paths)
                size = os.path.getsize(os.path.join(root, relative))
                tamper(w, root, relative, rng.randrange(size), rng.randrange(8))
                total += 1
        print(f"{total} changed bytes in {len(KINDS)} kinds of files, each named", flush=True)
        check_has(w.cli("verify", "--dir", root).out, "complete and unchanged")


def what_is_gone_is_named():
    with World() as w:
        w.up()
        ask_often(w, 300)
        w.cli("down")
        root = os.path.join(w.state, "collector")
        check(json.loads(w.cli("verify", "--dir", root, "--json").out)[0]["ok"], "before")
        for relative in sorted(files_of(root)):
            if not re.fullmatch(r"shards/0/(checkpoint|tile/.*)", relative):
                continue
            path = os.path.join(root, relative)
            os.rename(path, path + "-gone")
            r = w.cli("verify", "--dir", root, check_code=None)
            os.rename(path + "-gone", path)
            check(r.code in (1, 3) and name_of(relative) in r.out + r.err, (relative, r))


if __name__ == "__main__":
    main(a_changed_byte_is_found_and_named, what_is_gone_is_named)
