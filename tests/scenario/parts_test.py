#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sealed records: they answer and prove as before, after kill -9 too, and a changed byte is named."""
import os
import re
import shutil

from world import World, alive, check, check_has, main, wait_for


def parts_of(root):
    found = []
    for folder, _, names in os.walk(os.path.join(root, "shards")):
        found += [os.path.join(folder, n) for n in names if n.endswith(".part")]
    return sorted(found)


def sealed_records_stay_what_they_were():
    with World() as w:
        w.env["OUTRIDER_SEAL_AGE"] = "1s"
        w.up()
        w.run_orders()
        token = w.token("alice", "--claim", "clearance=2")
        collector = os.path.join(w.state, "collector")

        asked = 0

        def is_sealed():
            nonlocal asked
            check(w.get("/totals?limit=1", token).status == 200, "a request")
            asked += 1
            w.shipped()
            return asked >= 2 and len(parts_of(collector)) >= 2

        wait_for("two parts", is_sealed)
        rows = w.audit("port=totals")
        check(len(rows) >= 2, rows)
        first = rows[-1]
        check_has(w.cli("why", first["id"]).out, "alice")
        check_has(w.cli("verify", first["id"]).out, "the record is in the log")
        check_has(w.cli("verify").out, "complete and unchanged")

        pid = w.endpoint("collector")["pid"]
        w.kill(pid)
        wait_for("the end of the collector", lambda: not alive(pid))
        w.up()
        after = w.audit("port=totals")
        check({r["id"] for r in rows} <= {r["id"] for r in after}, (rows, after))
        check(len({r["id"] for r in after}) == len(after), after)
        check_has(w.cli("verify").out, "complete and unchanged")

        for run in w.runs:
            run.terminate()
            run.wait(40)
        w.cli("down")
        check_has(w.cli("verify", "--dir", collector).out, "complete and unchanged")
        for k in range(8):
            copy = w.path(f"copy-{k}")
            shutil.copytree(collector, copy)
            path = parts_of(copy)[0]
            with open(path, "r+b") as f:
                size = os.path.getsize(path)
                at = 8 + (size - 9) * k // 7
                f.seek(at)
                byte = f.read(1)[0]
                f.seek(at)
                f.write(bytes([byte ^ 1 << k]))
            bad = w.cli("verify", "--dir", copy, check_code=1).out
            check_has(bad, "the audit trail does not hold")
            check_has(bad, os.path.basename(path))
            check(re.search(r"offset \d+", bad), bad)
            check(re.search(r"leaf \d+", bad), bad)
            shutil.rmtree(copy)


if __name__ == "__main__":
    main(sealed_records_stay_what_they_were)
